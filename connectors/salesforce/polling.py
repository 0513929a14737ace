"""Asks for everything that changed, object after object, and for what was done about one lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from connectors.asking import http_date
from connectors.contract import EMAIL, ExternalId, Page
from connectors.salesforce import access, soql
from connectors.salesforce.api import DATA, Api, Refused, batch_of, query_path, records_in, rest_of, results_in
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.ids import CONTACT, LEAD, NotAnId, normal_id

#: A change is stamped when it is made and seen when its transaction ends; so much of the past is read again.
OVERLAP = timedelta(minutes=5)
#: A long past is read in rounds of this length, each through every object, so that each round finishes something.
ROUND = timedelta(days=7)
#: Seconds in which a question about one lead is answered or given up.
PATIENCE = 5.0
#: How Salesforce says that the rest of an answer is gone: it was kept too long, or for another session.
LOST = ("INVALID_QUERY_LOCATOR", "INVALID_SESSION_ID")
NOTHING = b'{"done":true,"records":[]}'
#: Ids and addresses of one person that are asked about; a question has a limited length.
MOST = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where a poll is: in a round from `since` to `until`, at one object, at a page of its answer."""

    since: datetime
    until: datetime
    kind: str = soql.OBJECTS[0]
    #: Where Salesforce keeps the rest of the answer; belongs to a session and lives for two days at most.
    rest: str | None = None
    #: The stamp of the last record, to go on from when the rest is gone.
    seen: datetime | None = None

    @property
    def begins(self) -> bool:
        return self.rest is None and self.kind == soql.OBJECTS[0]

    @property
    def following(self) -> str | None:
        at = soql.OBJECTS.index(self.kind) + 1
        return soql.OBJECTS[at] if at < len(soql.OBJECTS) else None


def start(since: datetime) -> dict[str, Any]:
    return {"since": since.isoformat()}


def place_of(cursor: dict[str, Any], until: datetime) -> Place:
    since = datetime.fromisoformat(cursor["since"])
    if "until" not in cursor:
        return Place(since, min(until, since + ROUND))
    seen = cursor.get("seen")
    return Place(
        since,
        datetime.fromisoformat(cursor["until"]),
        cursor["object"],
        cursor.get("rest"),
        datetime.fromisoformat(seen) if seen else None,
    )


def cursor_at(place: Place) -> dict[str, Any]:
    cursor = start(place.since) | {"until": place.until.isoformat(), "object": place.kind}
    if place.rest:
        cursor["rest"] = place.rest
    if place.seen:
        cursor["seen"] = place.seen.isoformat()
    return cursor


def poll(
    cursor: dict[str, Any], until: datetime, config: SalesforceConfig, credential: str, http: httpx.Client
) -> Page:
    api = Api(access.read(credential), http)
    place = place_of(cursor, until)
    path, body, answer, told_at = answered(api, place, config)
    if place.begins and told_at:
        # the round ends by Salesforce's clock: ours may be ahead of the stamps
        place = replace(place, until=min(place.until, told_at))
    return page_after(place, api.credential.instance_url + path, body, answer, until)


def answered(api: Api, place: Place, config: SalesforceConfig) -> tuple[str, bytes, dict[str, Any], datetime | None]:
    """What was asked, the raw answer, the answer, and when Salesforce gave it."""
    path = place.rest or query_path(question(place, config))
    try:
        response = api.get(path)
    except Refused as refused:
        if place.rest is not None and refused.refusal.code in LOST:
            return answered(api, replace(place, rest=None), config)
        if place.kind in soql.OPTIONAL and refused.refusal.status == 400:
            return path, NOTHING, {}, None
        raise refused.refusal.as_failure() from None
    return path, response.content, records_in(response), http_date(response.headers.get("date", ""))


def question(place: Place, config: SalesforceConfig) -> str:
    since = place.seen or place.since - OVERLAP
    return soql.changed_between(place.kind, config, since, place.until)


def page_after(place: Place, url: str, body: bytes, answer: dict[str, Any], until: datetime) -> Page:
    rest = rest_of(answer)
    if rest is not None:
        following = replace(place, rest=rest, seen=last_stamp(place.kind, answer) or place.seen)
        return Page(url, body, cursor_at(following), place.since, more=True)
    if place.following is not None:
        following = Place(place.since, place.until, place.following)
        return Page(url, body, cursor_at(following), place.since, more=True)
    unfinished = place.until - place.since >= ROUND and place.until < until
    return Page(url, body, start(place.until), place.until, more=unfinished)


def last_stamp(kind: str, answer: dict[str, Any]) -> datetime | None:
    """None: the records do not show it, which the next page may."""
    try:
        return datetime.fromisoformat(answer["records"][-1][soql.stamp(kind)]).astimezone(UTC)
    except (TypeError, LookupError, ValueError):
        return None


# One lead


def ask_about(
    lead: Sequence[ExternalId], since: datetime, config: SalesforceConfig, credential: str, http: httpx.Client
) -> Page:
    known, addresses = record_ids(lead, config), [one.value for one in lead if one.system == EMAIL][:MOST]
    questions = list(soql.about_person(known, addresses, since, config))
    api = Api(access.read(credential), http, PATIENCE)
    url = f"{api.credential.instance_url}{DATA}/composite/batch?about={','.join(known)}"
    if not questions:
        return Page(url, b'{"results":[]}', {}, since)
    try:
        response = api.post(f"{DATA}/composite/batch", batch_of([question.soql for question in questions]))
    except Refused as refused:
        raise refused.refusal.as_failure() from None
    for question, refusal in zip(questions, results_in(response, len(questions)), strict=True):
        if refusal and (question.needed or refusal.status not in (400, 404)):
            raise refusal.as_failure()
    return Page(url, response.content, {}, since)


def record_ids(lead: Sequence[ExternalId], config: SalesforceConfig) -> list[str]:
    """The leads and contacts of this organisation among the ids, 18 characters each."""
    found = []
    for known in lead:
        if known.system == (config.system or "salesforce"):
            try:
                found.append(normal_id(known.value))
            except NotAnId:
                continue
    return [known for known in dict.fromkeys(found) if known.startswith((LEAD, CONTACT))][:MOST]
