"""What sales should know about a lead before the first call, read from its events alone, and how complete that is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from app.domain import revisions
from app.domain.agreement import STORABLE
from app.domain.episode import Event
from app.domain.funnel import CAMPAIGN, SOURCE
from app.domain.labels import one_line
from app.domain.refusals import complaint
from app.domain.statistics import Share
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


class BriefField(StrEnum):
    """What a brief can hold of a lead, besides attributes."""

    COMPANY = "company"
    NAME = "name"
    OWNER = "owner"
    SOURCE = "source"
    CAMPAIGN = "campaign"
    ACTIVITIES = "activities"
    TOPICS = "topics"
    TOUCHES = "touches"
    PHONE_KNOWN = "phone_known"
    EMAIL_KNOWN = "email_known"


#: Message ids.
FIELDS: Mapping[BriefField, str] = {
    BriefField.COMPANY: "Company",
    BriefField.NAME: "Name",
    BriefField.OWNER: "Owner",
    BriefField.SOURCE: "Where it came from",
    BriefField.CAMPAIGN: "Campaign",
    BriefField.ACTIVITIES: "Last activities",
    BriefField.TOPICS: "Topics of interest",
    BriefField.TOUCHES: "Past touches",
    BriefField.PHONE_KNOWN: "Phone number known",
    BriefField.EMAIL_KNOWN: "E-mail address known",
}
#: Before the name of an attribute.
ATTRIBUTE = "attribute:"
USUAL = ("company", "name", f"{ATTRIBUTE}industry", "source", "activities", "topics", "phone_known")


def known_field(written: str) -> str:
    name = one_line(written)
    if name not in FIELDS and not (name.startswith(ATTRIBUTE) and name.removeprefix(ATTRIBUTE).strip()):
        raise complaint("brief_field", _WHICH, fields=", ".join(FIELDS))
    return name


_WHICH = "Choose one of {fields}, or write attribute: and the name of an attribute."
Wish = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(known_field)]


class Wanted(BaseModel):
    """What sales wants to find in a brief. Past touches are left out as shipped: a new lead has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: Annotated[tuple[Wish, ...], Field(max_length=30)] = USUAL

    @field_validator("fields")
    @classmethod
    def some_each_once(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if not fields:
            raise complaint("brief_fields_needed", "Name one field at least.")
        if twice := [name for name, count in Counter(fields).items() if count > 1]:
            raise complaint("brief_field_twice", "{field} is named twice.", field=twice[0])
        return fields


class Said(BaseModel):
    """What somebody says of a brief, besides whether it helped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Annotated[str, Field(max_length=1000), STORABLE] = ""
    #: Empty: whoever asks.
    by: Annotated[str, Field(max_length=200), AfterValidator(one_line)] = ""


# --- how complete it is


@dataclass(frozen=True, slots=True)
class Known:
    """What there is about one lead."""

    company: str | None = None
    name: str | None = None
    owner: str | None = None
    source: str | None = None
    campaign: str | None = None
    activities: bool = False
    topics: bool = False
    touches: bool = False
    email_known: bool = False
    attributes: Mapping[str, Any] | None = None

    @property
    def phone_known(self) -> bool:
        return any(TELEPHONE.search(name) and _said(value) for name, value in (self.attributes or {}).items())

    def has(self, field: str) -> bool:
        if field.startswith(ATTRIBUTE):
            return _said((self.attributes or {}).get(field.removeprefix(ATTRIBUTE)))
        return _said(getattr(self, field))


def _said(value: Any) -> bool:
    return value is not None and value is not False and str(value).strip() != ""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one lead's brief."""

    wanted: int
    missing: tuple[str, ...]

    @property
    def present(self) -> int:
        return self.wanted - len(self.missing)


def score(wanted: Wanted, known: Known) -> Score:
    return Score(len(wanted.fields), tuple(field for field in wanted.fields if not known.has(field)))


@dataclass(frozen=True, slots=True)
class Completeness:
    """Of the briefs of many MQLs."""

    #: The version of the wanted fields.
    version: int
    mqls: int
    #: Mean of present ÷ wanted, 0 to 1; None without an MQL.
    average: float | None
    #: Those of which nothing is missing.
    complete: Share
    #: Field → of how many it is missing, the most frequent first.
    missing: tuple[tuple[str, int], ...]
    #: People who found the brief of one of them helpful, of those who said whether.
    helpful: Share


def completeness(version: int, wanted: Wanted, leads: Iterable[Known], helpful: Share) -> Completeness:
    scores = [score(wanted, known) for known in leads]
    missing = Counter(field for each in scores for field in each.missing)
    most_first = sorted(missing.items(), key=lambda entry: (-entry[1], wanted.fields.index(entry[0])))
    present = sum(each.present for each in scores)
    return Completeness(
        version=version,
        mqls=len(scores),
        average=present / (len(scores) * len(wanted.fields)) if scores else None,
        complete=Share(sum(not each.missing for each in scores), len(scores)),
        missing=tuple(most_first),
        helpful=helpful,
    )


# --- what it says


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
    said = event.data
    return (event.kind, event.occurred_at, said.get("activity"), said.get("asset"), said.get("title"))


def _read(event: Event, contents: Contents) -> Read:
    said = event.data
    title = said.get("title") or contents.titles.get(said.get("asset") or "") or said.get("asset")
    return Read(event.occurred_at, said["activity"], without_contacts(title))


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
    said = event.data
    result = said.get("outcome") or said.get("subject")
    return PastTouch(event.occurred_at, said["channel"], without_contacts(said.get("by")), without_contacts(result))


def company_context(attributes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the tools told of the company and its person besides where they came from, by name, without numbers and
    addresses to reach them."""
    told = {name: value for name, value in attributes.items() if name not in (SOURCE, CAMPAIGN) and _said(value)}
    shown = {name: value for name, value in told.items() if not HIDDEN.search(name)}
    return tuple((name, without_contacts(str(shown[name])) or "") for name in sorted(shown))


def without_contacts(words: str | None) -> str | None:
    """People write phone numbers and mail addresses into the notes of a call."""
    return PHONE.sub("…", MAIL.sub("…", words)) if words else None
