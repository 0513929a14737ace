"""What rows of Dataverse say, whether a webhook or the Web API showed them.

https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/phonecall, …/email, …/appointment,
…/task and https://learn.microsoft.com/dynamics365/developer/reference/entities/lead, …/opportunity
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from connectors.contract import EventKind, LeadStatus, Outcome
from connectors.dynamics.config import DynamicsConfig
from connectors.dynamics.shapes import time
from connectors.records import Channel, Finding, Lead, Record
from connectors.wire import flag, mapping, plain

#: Tables whose rows are people.
PEOPLE = ("lead", "contact")
#: A lead's statecode where its statuscode is one of the company's own. An open one says nothing by itself.
STATES = {"1": LeadStatus.QUALIFIED, "2": LeadStatus.DISQUALIFIED}
COMPLETED = "1"
#: statuscode of e-mails that are completed and yet not sent: pending, sending.
UNDER_WAY = ("6", "7")
DEALS: Mapping[str, Literal["open", "won", "lost"]] = {"0": "open", "1": "won", "2": "lost"}
DONE = {
    "regardingobjectid": "lead",
    "statecode": "follow-up",
    "actualend": "occurred at",
    "subject": "subject",
    "ownerid": "by",
    "isworkflowcreated": "automated",
}
PERSON = {"fullname": "name", "emailaddress1": "email", "masterid": "lead"}
#: Table → column → what it is read as.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "lead": PERSON | {"companyname": "company", "statecode": "status", "parentcontactid": "lead"},
    "contact": PERSON | {"originatingleadid": "lead"},
    "phonecall": DONE | {"directioncode": "direction"},
    "email": DONE | {"directioncode": "direction", "statuscode": "follow-up", "senton": "occurred at"},
    "appointment": DONE | {"scheduledstart": "occurred at"},
    "task": DONE | {"category": "channel"},
    "opportunity": {
        "name": "name",
        "statecode": "state",
        "stepname": "stage",
        "estimatedvalue": "amount",
        "actualvalue": "amount",
        "originatingleadid": "lead",
        "parentcontactid": "lead",
        "customerid": "lead",
    },
}
#: Columns that are lookups: the Web API calls them `_…_value`.
LOOKUPS = frozenset("regardingobjectid ownerid masterid parentcontactid originatingleadid customerid".split())
STAMPS = ("createdon", "modifiedon")


def own_fields(table: str, config: DynamicsConfig) -> dict[str, str]:
    status = {config.status_field: "status"} if table == "lead" else {}
    named = {config.score_field: "score", config.owner_field: "owner"} | status | config.attributes
    return {column: word for column, word in named.items() if column} if table in PEOPLE else {}


def person(seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
    lead, fields = identity(seen), seen.fields
    page = f"{config.api_base}/main.aspx?pagetype=entityrecord&etn={seen.type}&id={seen.id}"
    url = page if config.api_base else None
    yield from seen.profile(lead, name=fields.get("fullname"), company=fields.get("companyname"), url=url)
    if config.owner_field in fields:
        yield from seen.owner(lead, referred(seen, config.owner_field))
    yield from seen.score(lead, fields.get(config.score_field))
    if seen.type == "lead":
        yield from status(seen, lead, config)


def identity(seen: Record) -> Lead:
    """The contact of a lead, the lead that a contact was, and the record that a merged one went into are one person."""
    others = [seen.person(referred(seen, name)) for name in ("parentcontactid", "originatingleadid", "masterid")]
    first = seen.person(seen.id, seen.fields.get("emailaddress1"))
    return tuple(dict.fromkeys((*first[:1], *(id_ for other in others for id_ in other), *first[1:])))


def status(seen: Record, lead: Lead, config: DynamicsConfig) -> Iterator[Finding]:
    raw = seen.text(config.status_field)
    if raw:
        said = {"status": config.status_of(raw) or STATES.get(seen.text("statecode")), "raw": raw}
        yield from seen.fact(EventKind.STATUS, lead, said)


def excluded(seen: Record) -> Iterator[Finding]:
    said = {"outcome": Outcome.EXCLUDED.value, "reason": "deleted"}
    yield from seen.fact(EventKind.DISPOSITION, seen.person(seen.id), said)


def call(seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
    if not flag(seen.fields.get("directioncode")):
        yield from no_more(seen, "inbound")
    else:
        yield from when_completed(seen, config, "call", time(seen.fields.get("actualend")))


def email(seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
    """A received one is the lead's reply."""
    if not flag(seen.fields.get("directioncode")):
        yield from no_more(seen, "inbound")
    elif seen.text("statuscode") not in UNDER_WAY:
        sent = time(seen.fields.get("senton")) or time(seen.fields.get("actualend"))
        yield from when_completed(seen, config, "email", sent)


def task(seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
    channel = config.task_categories.get(seen.text("category"), "other")
    yield from when_completed(seen, config, channel, time(seen.fields.get("actualend")))


def meeting(seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
    """It counts from when it was booked, since then somebody had reached the lead; or from when it was held, if it was
    written down afterwards. Hardly anybody marks one as completed."""
    times = (time(seen.fields.get(name)) for name in ("createdon", "scheduledstart"))
    yield from told(seen, config, "meeting", min((at for at in times if at), default=seen.at))


def when_completed(
    seen: Record, config: DynamicsConfig, channel: Channel, done_at: datetime | None
) -> Iterator[Finding]:
    """Never from when it was due. Nothing is done later than it was written down."""
    if seen.text("statecode") != COMPLETED:
        yield from no_more(seen, "not done")
    else:
        yield from told(seen, config, channel, min(done_at or seen.at, seen.at))


def told(seen: Record, config: DynamicsConfig, channel: Channel, at: datetime) -> Iterator[Finding]:
    by = referred(seen, "ownerid")
    yield from seen.follow_up(
        about(seen),
        channel,
        at,
        by=by,
        automated=flag(seen.fields.get("isworkflowcreated")) or by in config.automated_users,
        subject=seen.fields.get("subject"),
        recorded_at=time(seen.fields.get("createdon")),
    )


def no_more(seen: Record, reason: str) -> Iterator[Finding]:
    """One that is as it was made never was a follow-up."""
    if time(seen.fields.get("createdon")) != seen.changed_at:
        yield from seen.taken_back(about(seen), reason)


def about(seen: Record) -> Sequence[Lead]:
    regarding = mapping(seen.fields.get("regardingobjectid"))
    return [seen.person(regarding.get("id"))] if regarding.get("type") in PEOPLE and regarding.get("id") else []


def referred(seen: Record, column: str) -> str:
    return plain(mapping(seen.fields.get(column)).get("id"))


def deal(seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
    """That there is one since it was made, and what became of it when it was last changed."""
    state, made, lead = DEALS.get(seen.text("statecode")), time(seen.fields.get("createdon")), whose(seen)
    if state is None:
        return
    if made and made != seen.changed_at:
        yield from seen.opportunity(lead, "open", at=made)
    amount = seen.fields.get("actualvalue") if state == "won" else seen.fields.get("estimatedvalue")
    stage, title = seen.fields.get("stepname"), seen.fields.get("name")
    yield from seen.opportunity(lead, state, stage=stage, amount=amount, title=title)


def whose(seen: Record) -> Lead:
    """The lead that it came from; without one its contact."""
    customer = mapping(seen.fields.get("customerid"))
    contact = plain(customer.get("id")) if customer.get("type") == "contact" else ""
    known = (referred(seen, "originatingleadid"), referred(seen, "parentcontactid"), contact)
    return seen.person(next(filter(None, known), ""))


FACTS: Mapping[str, Callable[[Record, DynamicsConfig], Iterator[Finding]]] = {
    "lead": person,
    "contact": person,
    "phonecall": call,
    "email": email,
    "appointment": meeting,
    "task": task,
    "opportunity": deal,
}
