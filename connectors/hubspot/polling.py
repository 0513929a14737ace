"""Asks HubSpot for everything that changed, object after object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from connectors.asking import LATER
from connectors.contract import AskFailed, Page
from connectors.hubspot import engagements
from connectors.hubspot.answers import OBJECTS, page_body, part
from connectors.hubspot.api import Api, NotAllowed
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.records import Record, results_in
from connectors.wire import EPOCH, entries, mapping, milliseconds

#: A change is found some seconds after it was made, and clocks differ: so much of the past is read again.
OVERLAP = timedelta(minutes=5)
#: What changed in this last while may not be found yet.
UNFOUND = timedelta(minutes=1)
#: A long past is read in rounds of this length, each through every object, so that each round finishes something.
ROUND = timedelta(days=7)
#: Records a question; HubSpot's most.
LIMIT = 200
#: Seconds that all questions of a page together may take.
PATIENCE = 30.0
#: The objects that a team may keep to itself: without the scope they are left out.
OPTIONAL = {"deals"}
#: Found nothing.
NOTHING: dict[str, Any] = {"results": []}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a poll is: in a round from `since` to `until`, at one object, from a moment on."""

    #: Where the first of the rounds in a row began: a contact is found once, in the round of its last change, and tells
    #: of all its changes from then on.
    begun: datetime
    since: datetime
    until: datetime
    objects: str
    #: Everything of the object before this moment has been read.
    at: datetime
    #: More records than one answer holds changed `at` that very moment: they are read by their ids, up to this one.
    id: int | None = None

    @property
    def stamp(self) -> str:
        """The property that says when a record was changed."""
        return "lastmodifieddate" if self.objects == "contacts" else "hs_lastmodifieddate"

    @property
    def following(self) -> str | None:
        names = list(OBJECTS)
        return next(iter(names[names.index(self.objects) + 1 :]), None)


def start(since: datetime) -> dict[str, Any]:
    return {"since": milliseconds(since)}


def place_of(cursor: Mapping[str, Any], until: datetime) -> Place:
    since = as_time(cursor["since"])
    begun = as_time(cursor.get("begun", cursor["since"]))
    if "object" not in cursor:
        return Place(begun, since, min(until, since + ROUND), next(iter(OBJECTS)), since - OVERLAP)
    return Place(begun, since, as_time(cursor["until"]), cursor["object"], as_time(cursor["at"]), cursor.get("id"))


def cursor_at(place: Place) -> dict[str, Any]:
    round_ = round_from(place.since, place.begun) | {"until": milliseconds(place.until)}
    within = {"object": place.objects, "at": milliseconds(place.at)}
    return round_ | within | ({} if place.id is None else {"id": place.id})


def round_from(since: datetime, begun: datetime) -> dict[str, Any]:
    return start(since) | {"begun": milliseconds(begun)}


def as_time(written: int) -> datetime:
    return EPOCH + timedelta(milliseconds=written)


def poll(
    cursor: Mapping[str, Any], until: datetime, config: HubSpotConfig, credential: str, http: httpx.Client
) -> Page:
    api, place = Api(config, credential, http, PATIENCE), place_of(cursor, until)
    try:
        answer = api.search(OBJECTS[place.objects], question(place))
    except NotAllowed:
        if place.objects not in OPTIONAL:
            raise
        answer = NOTHING
    found = list(results_in(answer, OBJECTS[place.objects]))
    body = page_body(whole(place, answer, found, api))
    url = f"{config.api_base}/crm/v3/objects/{place.objects}/search?since={place.at.isoformat()}"
    return page_after(place, further(place, found, is_last(answer)), url, body, until)


def question(place: Place) -> dict[str, Any]:
    """The next records by the time of their change. Never by `after`: a record that is changed meanwhile would move
    the others up, past the page that is read next; and HubSpot goes no further than 10,000 records that way."""
    kind = OBJECTS[place.objects]
    if place.id is None:
        conditions = [(place.stamp, "GTE", milliseconds(place.at)), (place.stamp, "LTE", milliseconds(place.until))]
        by = place.stamp
    else:
        conditions = [(place.stamp, "EQ", milliseconds(place.at)), ("hs_object_id", "GT", place.id)]
        by = "hs_object_id"
    filters = [{"propertyName": name, "operator": how, "value": str(value)} for name, how, value in conditions]
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": by, "direction": "ASCENDING"}],
        "properties": [place.stamp, *engagements.PROPERTIES.get(kind, ())],
        "limit": LIMIT,
    }


def whole(place: Place, answer: Mapping[str, Any], found: list[Record], api: Api) -> Iterator[Any]:
    """The part of the page with what a search leaves out: histories, and whose a record is."""
    ids, begun = [record.id for record in found], place.begun - OVERLAP
    if place.objects == "contacts":
        yield part(place.objects, begun, api.contacts(ids))
    elif ids:
        answers = api.deals(ids) if place.objects == "deals" else [answer]
        yield part(place.objects, begun, answers, api.contacts_of(OBJECTS[place.objects], ids))


# How to go on


def page_after(place: Place, following: Place | None, url: str, body: bytes, until: datetime) -> Page:
    if following is not None:
        return Page(url, body, cursor_at(following), place.since, more=True)
    through = max(place.since, min(place.until, until - UNFOUND))
    unfinished = place.until - place.since >= ROUND and place.until < until
    cursor = round_from(place.until, place.begun) if unfinished else start(place.until)
    return Page(url, body, cursor, through, more=unfinished)


def is_last(answer: Mapping[str, Any]) -> bool:
    results = entries(answer.get("results"))
    return not results or (len(results) < LIMIT and not mapping(answer.get("paging")).get("next"))


def further(place: Place, found: list[Record], last: bool) -> Place | None:
    """Where the next answer begins; None: the round is over. Records of one moment may be read again."""
    if last and place.id is not None:
        return replace(place, at=place.at + timedelta(milliseconds=1), id=None)
    if last:
        return replace(place, objects=place.following, at=place.since - OVERLAP) if place.following else None
    if place.id is not None and found:
        return replace(place, id=max(place.id, int(found[-1].id)))
    changed_at = found[-1].time(place.stamp) if found else None
    if changed_at is None or changed_at < place.at:
        raise AskFailed("HubSpot answered without saying when its records were changed", retry_after=LATER)
    return replace(place, id=0) if changed_at == place.at else replace(place, at=changed_at)
