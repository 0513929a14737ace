"""A rule that the teams agreed on for their data (registering leads, scoring, keeping statuses), and whether the data
shows that it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.domain.labels import UNFIT
from app.domain.language import text
from app.domain.quality import Kind
from app.domain.refusals import refused

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
#: Characters of a rule, and of a reason.
LONGEST = 2000
FIRST_YEAR, LAST_YEAR = 2000, 2099
#: So long people have to change their ways and tools, and over so long the data is looked at afterwards.
GRACE = timedelta(days=7)


class RuleState(StrEnum):
    #: The data of the last seven days keeps it.
    REFLECTED = "reflected"
    #: Agreed on less than seven days ago.
    IN_GRACE = "in_grace"
    #: After seven days there are still cases.
    VIOLATED = "violated"
    #: Nothing tells: no check goes with it, or no tool reported anything.
    UNCHECKED = "unchecked"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed on."""

    #: As people wrote it.
    text: str
    #: The data-quality query whose cases violate it; None: no data shows it.
    check: Kind | None
    #: Cases that are tolerated.
    most: int
    agreed_on: date
    #: The meeting that decided it; None: nobody said.
    series_key: str | None = None
    meeting_number: int | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What the data says since `watched_since`."""

    #: None: no check.
    cases: int | None
    #: Whether any tool reported anything; of silence nothing follows.
    heard: bool


def check_key(key: str) -> None:
    """Raises Refused."""
    if not KEY.fullmatch(key):
        said = "Write small letters, digits, `-` and `_`, 64 at most, such as log-within-2h."
        raise refused("/key", "key", said)


def check(agreed: Agreed, today: date, last: date | None) -> None:
    """`last`: when the version before was agreed on. Raises Refused, with the field."""
    check_words("/text", agreed.text, "Write the rule as you agreed on it.")
    if agreed.meeting_number is not None and agreed.series_key is None:
        raise refused("/series", "needed", "Name the series of the meeting.")
    if not FIRST_YEAR <= agreed.agreed_on.year <= LAST_YEAR:
        said = "The years {first} to {last} are known."
        raise refused("/agreed_on", "year", said, first=FIRST_YEAR, last=LAST_YEAR)
    if agreed.agreed_on > today:
        raise refused("/agreed_on", "in_the_future", "This day is still to come; a rule applies once it is agreed on.")
    if last is not None and agreed.agreed_on < last:
        raise refused("/agreed_on", "before_last", "The version before was agreed on later, on {day}.", day=last)


def check_words(place: str, words: str, missing: str) -> None:
    """`missing`: what to say where there are none. Raises Refused at that place."""
    if not words.strip():
        raise refused(place, "needed", missing)
    if len(words) > LONGEST:
        raise refused(place, "string_too_long", "May have {max_length} characters at most.", max_length=LONGEST)
    if UNFIT.search(words.replace("\n", "")):
        raise refused(place, "not_storable", "Holds a character or a number that cannot be stored, such as U+0000.")


def agreed_at(agreed_on: date, zone: ZoneInfo) -> datetime:
    """The beginning of that day; UTC."""
    return datetime.combine(agreed_on, time(), zone).astimezone(UTC)


def watched_since(began: datetime, now: datetime) -> datetime:
    """From when on cases count: never from before the agreement, and what was put right long ago is forgotten."""
    return max(began, now - GRACE)


def state_of(agreed: Agreed, began: datetime, observed: Observed, now: datetime) -> RuleState:
    """Of a rule that is in force. Cases count against it even where nothing else was reported."""
    if observed.cases is None:
        return RuleState.UNCHECKED
    if now - began < GRACE:
        return RuleState.IN_GRACE
    if observed.cases > agreed.most:
        return RuleState.VIOLATED
    return RuleState.REFLECTED if observed.heard else RuleState.UNCHECKED


def in_words(state: RuleState, cases: int | None, locale: str) -> str:
    """`未反映 3件`."""
    if state is RuleState.UNCHECKED and cases is not None:
        return text(locale, "not verified: no tool reported anything for 7 days")
    return text(locale, STATES[state], count=cases or 0)


#: Message ids.
STATES = {
    RuleState.REFLECTED: "kept for 7 days",
    RuleState.IN_GRACE: "agreed on less than 7 days ago; cases so far: {count}",
    RuleState.VIOLATED: "not kept; cases in 7 days: {count}",
    RuleState.UNCHECKED: "not verified: no check goes with it",
    RuleState.WITHDRAWN: "applies no more",
}
