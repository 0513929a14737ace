"""What EspoCRM's records say. Its times are UTC without saying so.

https://github.com/espocrm/espocrm/tree/9.1.0/application/Espo/Modules/Crm/Resources/metadata/entityDefs
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from connectors.contract import EventKind, Outcome
from connectors.espocrm.config import EspoConfig
from connectors.records import Channel, Finding, Lead, Record
from connectors.wire import entries, mapping, moment, plain

PERSON = {"name": "name", "emailAddress": "email"}
WITH = {"parentId": "lead", "leadsIds": "lead", "contactsIds": "lead"}
DONE = {"status": "follow-up", "name": "subject", "createdAt": "recorded at", "modifiedAt": "revised at"}
HELD = {**WITH, **DONE, "dateStart": "occurred at", "assignedUserId": "by"}
FIELDS = {
    "Lead": {**PERSON, "accountName": "company", "createdContactId": "lead", "modifiedAt": "occurred at"},
    "Contact": {**PERSON, "accountName": "company", "modifiedAt": "occurred at"},
    "Call": {**HELD, "direction": "follow-up"},
    "Meeting": HELD,
    "Email": {**DONE, "parentId": "lead", "dateSent": "occurred at", "sentById": "by"},
    "Opportunity": {
        "stage": "state",
        "amount": "amount",
        "name": "name",
        "contactId": "lead",
        "contactsIds": "lead",
        "createdAt": "open since",
        "modifiedAt": "occurred at",
    },
}
#: Of these nothing else is asked for or kept: what was said in a call or a mail is nobody's business here.
ACTIVITIES = ("Call", "Meeting", "Email")
#: Beside the fields: what says whose a parent is, and who made the record.
BESIDE = ("id", "parentType", "createdById", "createdByName", "assignedUserName", "sentByName")


def person(seen: Record, config: EspoConfig) -> Iterator[Finding]:
    lead = seen.person(seen.id, seen.fields.get("emailAddress"))
    # once a lead is converted, its history goes on at the contact
    lead = (*lead[:1], *seen.person(seen.fields.get("createdContactId")), *lead[1:])
    url = f"{config.base}/#{seen.type}/view/{seen.id}" if config.base else None
    yield from seen.profile(lead, name=seen.fields.get("name"), company=seen.fields.get("accountName"), url=url)
    owner = f"{config.owner_field}Id"
    if owner in seen.fields:
        yield from seen.owner(lead, seen.fields[owner], name=seen.fields.get(f"{config.owner_field}Name"))
    if seen.type == "Lead":
        yield from seen.score(lead, seen.fields.get(config.score_field))
        yield from seen.status(lead, seen.fields.get(config.status_field))


def excluded(seen: Record) -> Iterator[Finding]:
    """A lead that is not there any more when it is asked for."""
    said = {"outcome": Outcome.EXCLUDED.value, "reason": "deleted"}
    yield from seen.fact(EventKind.DISPOSITION, seen.person(seen.id), said)


def turn(seen: Record, config: EspoConfig) -> Iterator[Finding]:
    """A note in the lead's stream: its status at a time of its own, which the lead's record does not know.

    https://docs.espocrm.com/development/api/stream
    """
    told = mapping(seen.fields.get("data"))
    if seen.text("type") == "Status" and told.get("field") == config.status_field:
        yield from seen.status(seen.person(seen.fields.get("parentId")), told.get("value"))


def held(channel: Channel) -> Callable[[Record, EspoConfig], Iterator[Finding]]:
    def follow_up(seen: Record, config: EspoConfig) -> Iterator[Finding]:
        """A call or meeting that took place, from when it began; one that a customer began is none of ours."""
        began = moment(seen.fields.get("dateStart"))
        if seen.text("status") not in config.held_statuses or began is None or seen.text("direction") == "Inbound":
            yield from no_longer(seen)
            return
        yield from done(seen, config, channel, "assignedUser", min(began, seen.at))

    return follow_up


def email(seen: Record, config: EspoConfig) -> Iterator[Finding]:
    """A mail that was sent out of EspoCRM; what came in, or was only written, is none."""
    sent_at = moment(seen.fields.get("dateSent"))
    if seen.text("status") != "Sent" or sent_at is None:
        yield from no_longer(seen)
        return
    yield from done(seen, config, "email", "sentBy", sent_at)


def done(
    seen: Record, config: EspoConfig, channel: Channel, who: Literal["assignedUser", "sentBy"], at: datetime
) -> Iterator[Finding]:
    by, made = seen.text(f"{who}Id") or seen.text("createdById"), moment(seen.fields.get("createdAt"))
    yield from seen.follow_up(
        participants(seen),
        channel,
        at,
        by=config.owners.get(by) or seen.text(f"{who}Name") or by,
        automated=by in config.automated_users,
        subject=seen.fields.get("name"),
        recorded_at=made if made and made >= at else None,
    )


def no_longer(seen: Record) -> Iterator[Finding]:
    """Taken back, if it may ever have been a follow-up."""
    if moment(seen.fields.get("createdAt")) != seen.changed_at:
        yield from seen.taken_back_from_all("no follow-up")


def participants(seen: Record) -> list[Lead]:
    """Everybody whom it was with: whom it hangs at, and who was invited."""
    parent = seen.text("parentId") if seen.text("parentType") in ("Lead", "Contact") else ""
    invited = [plain(one) for name in ("leadsIds", "contactsIds") for one in entries(seen.fields.get(name))]
    return [seen.person(one) for one in dict.fromkeys((parent, *invited)) if one]


def opportunity(seen: Record, config: EspoConfig) -> Iterator[Finding]:
    """Open since it was made; in its stage since it was last changed, as far as EspoCRM tells."""
    first = next(iter(entries(seen.fields.get("contactsIds"))), None)
    lead, stage = seen.person(seen.fields.get("contactId") or first), seen.text("stage")
    made = moment(seen.fields.get("createdAt"))
    if made:
        yield from seen.opportunity(lead, "open", at=made)
    state: Literal["open", "won", "lost"] = "open"
    if stage in (*config.won_stages, *config.lost_stages):
        state = "won" if stage in config.won_stages else "lost"
    amount, title = seen.fields.get("amount"), seen.fields.get("name")
    yield from seen.opportunity(lead, state, stage=stage, amount=amount, title=title)


FACTS: Mapping[str, Callable[[Record, EspoConfig], Iterator[Finding]]] = {
    "Lead": person,
    "Contact": person,
    "Call": held("call"),
    "Meeting": held("meeting"),
    "Email": email,
    "Opportunity": opportunity,
    "Note": turn,
}
