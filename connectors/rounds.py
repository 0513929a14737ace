"""Reads everything that a tool changed, object after object, in rounds, from a cursor that survives everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from connectors.contract import Page
from connectors.wire import compact, entries, mapping, plain, read_json

#: Changes become visible some time after they were made, and clocks differ: so much of the past is read again.
OVERLAP = timedelta(minutes=5)
#: A long past is read in rounds of this length, each through every object, so that each round finishes something.
ROUND = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading is: in a round from `since` to `until`, at one object, at a page of it."""

    since: datetime
    until: datetime
    object: str
    #: Where the object goes on, in the connector's own words (JSON); None: at its beginning.
    page: Any = None

    @property
    def reach(self) -> datetime:
        """Ask for what changed from then on."""
        return self.since - OVERLAP


class Answered(NamedTuple):
    """One answer of the tool."""

    #: What was asked, without credentials.
    url: str
    #: JSON: what the tool answered.
    answer: Any
    #: Where the object goes on; None: that was its end.
    page: Any = None


def start(since: datetime) -> dict[str, Any]:
    return {"since": since.isoformat()}


def poll(
    objects: Sequence[str],
    cursor: Mapping[str, Any],
    until: datetime,
    ask: Callable[[Place], Answered],
    *,
    longest: timedelta = ROUND,
) -> Page:
    """The next page. `ask` reads one page of the place's object that changed within its round; raises AskFailed.

    Objects come in the order of the list: people before what was done about them.
    """
    place = place_of(cursor, until, objects, longest)
    url, answer, page = ask(place)
    body = kept([(place.object, answer)])
    if page is not None:
        return Page(url, body, cursor_at(replace(place, page=page)), place.since, more=True)
    following = objects[objects.index(place.object) + 1 :]
    if following:
        return Page(url, body, cursor_at(replace(place, object=following[0], page=None)), place.since, more=True)
    unfinished = place.until - place.since >= longest and place.until < until
    return Page(url, body, start(place.until), place.until, more=unfinished)


def place_of(cursor: Mapping[str, Any], until: datetime, objects: Sequence[str], longest: timedelta) -> Place:
    since = datetime.fromisoformat(cursor["since"])
    if "until" not in cursor or cursor.get("object") not in objects:
        return Place(since, min(until, since + longest), objects[0])
    return Place(since, datetime.fromisoformat(cursor["until"]), cursor["object"], cursor.get("page"))


def cursor_at(place: Place) -> dict[str, Any]:
    cursor = start(place.since) | {"until": place.until.isoformat(), "object": place.object}
    return cursor if place.page is None else cursor | {"page": place.page}


# What was answered, as it is kept


def kept(answers: Sequence[tuple[str, Any]]) -> bytes:
    """(object, answer) each."""
    return compact({"parts": [{"object": name, "answer": answer} for name, answer in answers]})


#: The object under which a page says which records are gone.
GONE = "gone"


def gone(names: Sequence[str], at: datetime) -> tuple[str, Any]:
    """A part for `kept`: at that time the tool knew these records no more."""
    return GONE, {"records": list(names), "at": at.isoformat()}


def answers_in(body: bytes) -> Iterator[tuple[str, Any]]:
    """What was kept. Raises ValueError with a sentence when it is not that."""
    for part in entries(mapping(read_json(body)).get("parts")):
        yield plain(mapping(part).get("object")), mapping(part).get("answer")
