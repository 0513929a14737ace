"""What Account Engagement's prospects and their activities say.

https://developer.salesforce.com/docs/marketing/pardot/guide/visitor-activity-v5.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.contract import ExternalId
from connectors.pardot.config import PardotConfig
from connectors.records import Finding, Lead, Record
from connectors.salesforce.ids import SHAPE, normal_id
from connectors.wire import at_path, full_name, mapping, moment, number, plain

#: What an activity may be about, by its names in the API.
OBJECTS = ("file", "form", "formHandler", "landingPage", "customRedirect")
CLICK, VIEW, SUCCESS, VISIT, CUSTOM_URL_CLICK = 1, 2, 4, 20, 21
#: (type, what it is about) → Tasuki's word.
ABOUT = {
    (CLICK, "file"): "download",
    (VIEW, "file"): "download",
    (SUCCESS, "form"): "form",
    (SUCCESS, "formHandler"): "form",
    (SUCCESS, "landingPage"): "form",
    (CLICK, "customRedirect"): "click",
    (CUSTOM_URL_CLICK, "customRedirect"): "click",
}
#: Type → Tasuki's word, whatever it is about: webinars and events, attended or entered for.
ALONE = {24: "seminar", 29: "seminar", 25: "registration", 28: "registration"}
VISITS = {VISIT: "visit", VIEW: "visit"}
FIELDS = {
    "prospect": {
        "id": "lead",
        "email": "email",
        "salesforceId": "lead",
        "firstName": "name",
        "lastName": "name",
        "company": "company",
        "updatedAt": "occurred at",
        "lastActivityAt": "occurred at",
    },
    "activity": {
        "id": "key",
        "prospectId": "lead",
        "type": "activity",
        "createdAt": "occurred at",
        "details": "asset",
        **{f"{name}Id": "activity" for name in OBJECTS},
        **{f"{name}.name": "asset" for name in OBJECTS},
    },
}
#: What is asked for of an activity's prospect: its score may move without an update of its own.
BESIDE = ("id", "updatedAt", "lastActivityAt")


def zone(config: PardotConfig) -> ZoneInfo:
    return ZoneInfo(config.time_zone)


def changed_at(prospect: Mapping[str, Any], config: PardotConfig) -> datetime | None:
    """The later one of its last update and its last activity."""
    known = (moment(prospect.get(name), zone(config)) for name in BESIDE[1:])
    return max((at for at in known if at), default=None)


def prospect(seen: Record, config: PardotConfig) -> Iterator[Finding]:
    """The key of a prospect is its id: several may share one address."""
    lead, salesforce = seen.person(seen.id, seen.fields.get("email")), seen.text("salesforceId")
    if config.salesforce and SHAPE.fullmatch(salesforce):
        lead = (*lead[:1], ExternalId(config.salesforce, normal_id(salesforce[:15])), *lead[1:])
    url = f"{config.app_base}/{seen.text('salesforceId')}" if config.app_base and salesforce else None
    yield from seen.profile(
        lead, name=full_name(seen.text("firstName"), seen.text("lastName")), company=seen.fields.get("company"), url=url
    )
    yield from seen.score(lead, seen.fields.get(config.score_field))
    yield from seen.status(lead, seen.fields.get(config.status_field))


def activity(seen: Record, config: PardotConfig) -> Iterator[Finding]:
    lead = seen.person(seen.text("prospectId"))
    about = next((name for name in OBJECTS if plain(seen.fields.get(f"{name}Id"))), "")
    name = plain(at_path(seen.fields, f"{about}.name")) or seen.text("details")
    word, at = (
        word_of(number(seen.fields.get("type")), about, config),
        moment(seen.fields.get("createdAt"), zone(config)),
    )
    if word and at:
        word = "download" if name in config.downloads else word
        yield from seen.activity(lead, word, at, key=seen.id, asset=name, title=name)
    yield from scored(seen, lead, mapping(seen.fields.get("prospect")), config)


def scored(seen: Record, lead: Lead, whose: Mapping[str, Any], config: PardotConfig) -> Iterator[Finding]:
    """The same fact that the prospect's own record tells."""
    same, at = plain(whose.get("id")) == seen.text("prospectId"), changed_at(whose, config)
    if same and at:
        told = replace(seen, type="prospect", id=seen.text("prospectId"), changed_at=at)
        yield from told.score(lead, whose.get(config.score_field))


def word_of(type_: object, about: str, config: PardotConfig) -> str | None:
    """None: nothing that anybody asked for."""
    if not isinstance(type_, int):
        return None
    if type_ in config.activities:
        return config.activities[type_] or None
    known = ABOUT.get((type_, about)) or ALONE.get(type_)
    return known or (VISITS.get(type_) if config.visits and not about else None)


FACTS: Mapping[str, Callable[[Record, PardotConfig], Iterator[Finding]]] = {"prospect": prospect, "activity": activity}
