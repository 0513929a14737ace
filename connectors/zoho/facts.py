"""What Zoho CRM's records say, as the REST API shows them.

https://www.zoho.com/crm/developer/docs/api/v7/get-records.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import EventKind, Outcome
from connectors.records import Channel, Finding, Lead, Record
from connectors.wire import entries, flag, mapping, moment, plain
from connectors.zoho.config import CONVERTED, NONE, Done, ZohoConfig

#: Modules whose records are people.
PEOPLE = ("Leads", "Contacts")
#: Types of participants that are people of the customer.
GUESTS = ("lead", "contact")
ABOUT = {"Who_Id": "lead", "What_Id": "lead", "$se_module": "lead", "Owner": "by", "Subject": "subject"}
#: Module → field → what it is read as.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "Leads": {
        "Full_Name": "name",
        "Company": "company",
        "Email": "email",
        "Converted__s": "status",
        "Converted_Date_Time": "occurred at",
        "Converted_Contact": "lead",
    },
    "Contacts": {"Full_Name": "name", "Account_Name": "company", "Email": "email"},
    "Calls": ABOUT
    | {
        "Call_Type": "direction",
        "Outgoing_Call_Status": "follow-up",
        "Call_Start_Time": "occurred at",
        "Call_Result": "outcome",
    },
    "Events": (ABOUT | {"Event_Title": "subject", "Start_DateTime": "occurred at", "Participants": "lead"}),
    "Tasks": ABOUT | {"Status": "follow-up", "Closed_Time": "occurred at"},
    "Deals": {"Deal_Name": "name", "Stage": "stage", "Amount": "amount", "Contact_Name": "lead"},
}
STAMPS = ("Created_Time", "Modified_Time")


def own_fields(module: str, config: ZohoConfig) -> dict[str, str]:
    standing = {config.score_field: "score", config.status_field: "status", config.owner_field: "owner"}
    named = standing | config.attributes
    return {field: word for field, word in named.items() if field} if module in PEOPLE else {}


def flat(data: Mapping[str, Any], config: ZohoConfig) -> dict[str, Any]:
    """Attributes as one value each: a lookup is its name, several choices are one text."""
    return dict(data) | {field: called(data[field]) for field in config.attributes if field in data}


def called(value: object) -> Any:
    if isinstance(value, list):
        return "; ".join(filter(None, (plain(called(one)) for one in value)))
    return mapping(value).get("name") if isinstance(value, dict) else value


def person(seen: Record, config: ZohoConfig) -> Iterator[Finding]:
    lead, fields = identity(seen), seen.fields
    company = plain(fields.get("Company")) or called(fields.get("Account_Name"))
    url = f"{config.app_base}/tab/{seen.type}/{seen.id}" if config.app_base else None
    yield from seen.profile(lead, name=fields.get("Full_Name"), company=company, url=url)
    if config.owner_field in fields:
        owner = mapping(fields[config.owner_field])
        yield from seen.owner(lead, owner.get("id"), name=owner.get("name"), email=owner.get("email"))
    yield from seen.score(lead, fields.get(config.score_field))
    if flag(fields.get("Converted__s")):
        yield from seen.status(lead, CONVERTED, moment(fields.get("Converted_Date_Time")))
    elif (word := seen.text(config.status_field)) != NONE:
        yield from seen.status(lead, word)


def identity(seen: Record) -> Lead:
    """The contact that a converted lead became is the same person; Zoho's ids are unique in the whole account."""
    lead = seen.person(seen.id, seen.fields.get("Email"))
    became = seen.person(mapping(seen.fields.get("Converted_Contact")).get("id"))
    return tuple(dict.fromkeys((*lead[:1], *became, *lead[1:])))


def excluded(seen: Record) -> Iterator[Finding]:
    said = {"outcome": Outcome.EXCLUDED.value, "reason": "deleted"}
    yield from seen.fact(EventKind.DISPOSITION, seen.person(seen.id), said)


def call(seen: Record, config: ZohoConfig) -> Iterator[Finding]:
    """One of ours called, whether or not it was answered. Planned, cancelled and incoming calls are no follow-ups."""
    word, status = seen.text("Call_Type"), seen.text("Outgoing_Call_Status")
    direction = config.direction(word)
    if direction is None:
        yield seen.wrong("Call_Type", f"nobody said what {word!r} is; add it to call_types")
        return
    if direction == "inbound":
        yield from no_more(seen, "inbound")
        return
    done = config.done(status) if status else as_logged(seen)
    if done is None:
        yield seen.wrong("Outgoing_Call_Status", f"nobody said what {status!r} is; add it to progress")
    elif done == "planned":
        yield from no_more(seen, "not done")
    else:
        yield from told(seen, config, "call", called_at(seen), outcome=seen.fields.get("Call_Result"))


def as_logged(seen: Record) -> Done:
    """A call without a status has been, unless it is to begin later."""
    begins = moment(seen.fields.get("Call_Start_Time"))
    return "planned" if begins and begins > seen.at else "done"


def called_at(seen: Record) -> datetime:
    """A call that was logged afterwards was when it says; one that was planned before says only when it was due."""
    begins, made = (moment(seen.fields.get(name)) for name in ("Call_Start_Time", "Created_Time"))
    planned = begins and made and begins > made
    return begins if begins and not planned and begins <= seen.at else seen.at


def meeting(seen: Record, config: ZohoConfig) -> Iterator[Finding]:
    """It counts from when it was booked, since then somebody had reached the lead; or from when it was held, if it was
    written down afterwards."""
    times = (moment(seen.fields.get(name)) for name in ("Created_Time", "Start_DateTime"))
    at = min((at for at in times if at), default=seen.at)
    yield from told(seen, config, "meeting", min(at, seen.at), subject=seen.fields.get("Event_Title"))


def task(seen: Record, config: ZohoConfig) -> Iterator[Finding]:
    """A task is done when it was closed, whatever day it was due."""
    word = seen.text("Status")
    done = config.done(word) if word and word != NONE else "planned"
    if done is None:
        yield seen.wrong("Status", f"nobody said what {word!r} is; add it to progress")
    elif done == "planned":
        yield from no_more(seen, "not done")
    else:
        at = moment(seen.fields.get("Closed_Time")) or seen.at
        yield from told(seen, config, config.task_channel(seen.text("Subject")), at)


def told(
    seen: Record, config: ZohoConfig, channel: Channel, at: datetime, *, outcome: object = None, subject: object = None
) -> Iterator[Finding]:
    owner = mapping(seen.fields.get("Owner"))
    user = plain(owner.get("id"))
    yield from seen.follow_up(
        about(seen),
        channel,
        at,
        by=config.owners.get(user) or plain(owner.get("name")) or user,
        automated=user in config.automated_users,
        outcome=outcome,
        subject=subject or seen.fields.get("Subject"),
        recorded_at=moment(seen.fields.get("Created_Time")),
    )


def no_more(seen: Record, reason: str) -> Iterator[Finding]:
    """One that is as it was made never was a follow-up."""
    if moment(seen.fields.get("Created_Time")) != seen.changed_at:
        yield from seen.taken_back(about(seen), reason)


def about(seen: Record) -> Sequence[Lead]:
    """Who_Id is a person; What_Id is one where $se_module says so, as Zoho ties activities to leads."""
    named = [seen.fields.get("Who_Id")]
    if seen.text("$se_module") in PEOPLE:
        named.append(seen.fields.get("What_Id"))
    ids = [plain(mapping(one).get("id")) for one in named]
    guests = [mapping(one) for one in entries(seen.fields.get("Participants"))]
    ids += [plain(guest.get("participant")) for guest in guests if plain(guest.get("type")).lower() in GUESTS]
    return [seen.person(known) for known in dict.fromkeys(ids) if known]


def deal(seen: Record, config: ZohoConfig) -> Iterator[Finding]:
    """That there is one since it was made, and what became of it when it was last changed."""
    lead = seen.person(mapping(seen.fields.get("Contact_Name")).get("id"))
    stage, state = seen.text("Stage"), config.state(seen.text("Stage"))
    made = moment(seen.fields.get("Created_Time"))
    if lead and made and made != seen.changed_at:
        yield from seen.opportunity(lead, "open", at=made)
    if state is None:
        yield seen.wrong("Stage", f"nobody said what {stage!r} is; add it to deal_stages as open, won or lost")
        return
    amount, title = seen.fields.get("Amount"), seen.fields.get("Deal_Name")
    yield from seen.opportunity(lead, state, stage=stage, amount=amount, title=title)


FACTS: Mapping[str, Callable[[Record, ZohoConfig], Iterator[Finding]]] = {
    "Leads": person,
    "Contacts": person,
    "Calls": call,
    "Events": meeting,
    "Tasks": task,
    "Deals": deal,
}
