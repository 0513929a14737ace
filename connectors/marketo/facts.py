"""What Marketo's activity log, its leads and the webhook's template say.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/activities
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.contract import EventKind
from connectors.marketo.config import MarketoConfig
from connectors.records import Finding, Lead, Record
from connectors.wire import entries, full_name, mapping, moment, number, plain

#: Types of activity that say more than what a lead did.
CHANGE_DATA_VALUE, CHANGE_SCORE, MERGE_LEADS = 13, 22, 32
#: Field → what it is read as.
FIELDS = {
    "activity": {
        "marketoGUID": "key",
        "leadId": "lead",
        "activityDate": "occurred at",
        "activityTypeId": "activity",
        "primaryAttributeValue": "asset",
        "New Value": "score or status",
        "Merge IDs": "lead",
    },
    "lead": {"id": "lead", "email": "email", "firstName": "name", "lastName": "name", "company": "company"},
    "webhook": {
        "leadId": "lead",
        "email": "email",
        "firstName": "name",
        "lastName": "name",
        "company": "company",
        "score": "score",
        "status": "status",
        "activity": "activity",
        "asset": "asset",
        "sentAt": "occurred at",
    },
}


def flat(activity: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes beside the rest; Marketo leaves empty ones out."""
    told = (mapping(entry) for entry in entries(activity.get("attributes")))
    own = {plain(entry.get("name")): entry.get("value") for entry in told}
    return own | {name: value for name, value in activity.items() if name != "attributes"}


def instant(value: object, zone: ZoneInfo | None = None) -> datetime | None:
    """`2023-01-16T23:32:19Z`, or with `+0000`: Marketo's own samples have both."""
    return moment(value, zone) if zone else moment(value)


def activity(seen: Record, config: MarketoConfig) -> Iterator[Finding]:
    lead, name = seen.person(seen.fields.get("leadId")), seen.text("primaryAttributeValue")
    type_ = number(seen.fields.get("activityTypeId"))
    if type_ == MERGE_LEADS:
        yield from merged(seen, lead)
    elif type_ in (CHANGE_SCORE, CHANGE_DATA_VALUE):
        value = seen.fields.get("New Value")
        yield from seen.score(lead, value) if name == config.score_name else ()
        yield from seen.status(lead, value) if name == config.status_name else ()
    elif config.activities_from == "api" and isinstance(type_, int) and (word := config.word(type_, name)):
        yield from seen.activity(lead, word, seen.at, key=seen.id, asset=name, title=name)


def merged(seen: Record, winner: Lead) -> Iterator[Finding]:
    """The winner keeps its id, the others are ids of the same person."""
    losers = re.findall(r"\d{1,15}", plain(seen.fields.get("Merge IDs")), re.ASCII)
    known = (*winner, *(id_ for loser in losers for id_ in seen.person(loser) if id_ not in winner))
    yield from seen.fact(EventKind.LEAD, known if winner else (), {})


def lead(seen: Record, config: MarketoConfig) -> Iterator[Finding]:
    """As it is now. Its score is told, too: it may have been set before the log that can be read begins."""
    who = seen.person(seen.id, seen.fields.get("email"))
    yield from seen.profile(
        who, name=full_name(seen.text("firstName"), seen.text("lastName")), company=seen.fields.get("company")
    )
    yield from seen.score(who, seen.fields.get(config.score_field))
    yield from seen.status(who, seen.fields.get(config.status_field))


def webhook(seen: Record, config: MarketoConfig) -> Iterator[Finding]:
    """The template that we ship, filled in by a campaign."""
    who = seen.person(seen.id, seen.fields.get("email"))
    if not who:
        yield seen.wrong("leadId", "the template sent neither a lead's id nor an address; use the one we ship")
    yield from seen.profile(
        who, name=full_name(seen.text("firstName"), seen.text("lastName")), company=seen.fields.get("company")
    )
    yield from seen.score(who, seen.fields.get("score"))
    yield from seen.status(who, seen.fields.get("status"))
    word, asset = seen.text("activity"), seen.fields.get("asset")
    if word and config.activities_from == "webhook":
        yield from seen.activity(who, word, seen.at, key=[asset, seen.text("sentAt")], asset=asset, title=asset)


FACTS: Mapping[str, Callable[[Record, MarketoConfig], Iterator[Finding]]] = {
    "activity": activity,
    "lead": lead,
    "webhook": webhook,
}
