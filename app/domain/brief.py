"""What sales should know about a lead before the first call, read from its events alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain import revisions
from app.domain.episode import Event
from app.domain.funnel import CAMPAIGN, SOURCE
from connectors.contract import EventKind

#: Activities and past touches that a brief shows, the newest; topics, the most frequent.
LAST, TOPICS = 10, 5
#: A mail address; a phone number in half- or full-width figures: nine or more of them after 0, or a few less after +.
MAIL = re.compile(r"[^\s@<>()「」、。:]+@[^\s@<>()「」、。:]+")
_BETWEEN = r"[-\u2010-\u2015\u2212\u30fc\uff0d\s().\uff08\uff09]{0,2}"
PHONE = re.compile(rf"(?<![\d.])(?:[+\uff0b]\d|[(\uff08]?[0\uff10])(?:{_BETWEEN}\d){{8,13}}(?!\d)")
#: Attributes that hold one, by their name.
TELEPHONE = re.compile(r"phone|mobile|(?<![a-z])(?:tel|cell)(?![a-z])|電話|携帯", re.IGNORECASE)
HIDDEN = re.compile(rf"{TELEPHONE.pattern}|fax|mail|メール|ファックス", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Read:
    """Something that the lead did."""

    at: datetime
    activity: str
    #: Its title, else the asset's id.
    title: str | None


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    #: Activities about it.
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PastTouch:
    """Somebody spoke or wrote to the lead."""

    at: datetime
    channel: str
    by: str | None
    #: What came of it, else what it was about.
    result: str | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What is registered of content: asset → title, and asset or title → topic."""

    titles: Mapping[str, str]
    topics: Mapping[str, str]

    def topics_of(self, event: Event) -> tuple[str, ...]:
        """As the tool tells them, else as the company has registered the content."""
        told = tuple(str(topic).strip() for topic in event.data.get("topics") or ())
        if any(told):
            return tuple(dict.fromkeys(filter(None, told)))
        registered = (self.topics.get(event.data.get(name) or "") for name in ("asset", "title"))
        return tuple(filter(None, registered))[:1]


@dataclass(frozen=True, slots=True)
class Past:
    """The lead's activities and touches, the newest first, and its topics, the most frequent first."""

    activities: tuple[Read, ...]
    topics: tuple[Topic, ...]
    touches: tuple[PastTouch, ...]


def past(events: Iterable[Event], contents: Contents) -> Past:
    """`events`: all of the lead, in any order. What one content was told twice about counts once."""
    newest = sorted(revisions.in_force(events), key=lambda event: event.place, reverse=True)
    done = {_same(event): event for event in reversed(newest) if event.kind is EventKind.ACTIVITY}
    activities = [event for event in newest if done.get(_same(event)) is event]
    touches = (event for event in newest if event.kind is EventKind.FOLLOW_UP and not event.data.get("automated"))
    return Past(
        tuple(_read(event, contents) for event in activities[:LAST]),
        tuple(_topics(activities, contents)),
        tuple(_touch(event) for event in [*touches][:LAST]),
    )


def _same(event: Event) -> tuple[object, ...]:
    told = event.data
    return (event.kind, event.occurred_at, told.get("activity"), told.get("asset"), told.get("title"))


def _read(event: Event, contents: Contents) -> Read:
    told = event.data
    title = told.get("title") or contents.titles.get(told.get("asset") or "") or told.get("asset")
    return Read(event.occurred_at, told["activity"], without_contacts(title))


def _topics(activities: Sequence[Event], contents: Contents) -> list[Topic]:
    times: Counter[str] = Counter()
    last: dict[str, datetime] = {}
    for event in activities:
        for topic in contents.topics_of(event):
            times[topic] += 1
            last.setdefault(topic, event.occurred_at)
    found = [Topic(without_contacts(name) or name, count, last[name]) for name, count in times.items()]
    return sorted(found, key=lambda topic: (-topic.times, -topic.last_at.timestamp(), topic.name))[:TOPICS]


def _touch(event: Event) -> PastTouch:
    told = event.data
    result = told.get("outcome") or told.get("subject")
    return PastTouch(event.occurred_at, told["channel"], without_contacts(told.get("by")), without_contacts(result))


def company_context(attributes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the tools told of the company and its person besides where they came from, by name, without numbers and
    addresses to reach them."""
    told = {name: value for name, value in attributes.items() if name not in (SOURCE, CAMPAIGN) and said(value)}
    shown = {name: value for name, value in told.items() if not HIDDEN.search(name)}
    return tuple((name, without_contacts(str(shown[name])) or "") for name in sorted(shown))


def without_contacts(words: str | None) -> str | None:
    """People write phone numbers and mail addresses into the notes of a call."""
    return PHONE.sub("…", MAIL.sub("…", words)) if words else None


def said(value: Any) -> bool:
    """Whether a tool told anything by it."""
    return value is not None and value is not False and str(value).strip() != ""
