"""What a meeting decided that somebody does: one owner, a due date, and how one sees that it is done."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.domain.calendar import Calendar, why_closed
from app.domain.language import day, text
from app.domain.refusals import refused

ONE_DAY = timedelta(days=1)
#: Nobody promises anything beyond it.
LATEST = timedelta(days=731)


class ActionState(StrEnum):
    OPEN = "open"
    DONE = "done"
    #: Given up, which is a decision with a reason.
    DROPPED = "dropped"


class StepKind(StrEnum):
    """What was said or done about an action item."""

    ADDED = "added"
    EDITED = "edited"
    #: Its owner says how it stands.
    REPORTED = "reported"
    #: Not done in time: a reason and a new date.
    CARRIED = "carried"
    DONE = "done"
    DROPPED = "dropped"
    REOPENED = "reopened"


#: Message ids.
STATES = {ActionState.OPEN: "open", ActionState.DONE: "done", ActionState.DROPPED: "given up"}
STEPS = {
    StepKind.ADDED: "entered",
    StepKind.EDITED: "put right",
    StepKind.REPORTED: "reported",
    StepKind.CARRIED: "carried over",
    StepKind.DONE: "done",
    StepKind.DROPPED: "given up",
    StepKind.REOPENED: "reopened",
}


@dataclass(frozen=True, slots=True)
class Promise:
    """Who does what until when, and how one sees that it is done. All four are mandatory."""

    owner: str
    due_on: date
    text: str
    done_when: str


def check(promise: Promise, today: date) -> None:
    """Raises Refused, with the field."""
    for name in ("owner", "text", "done_when"):
        if not getattr(promise, name).strip():
            raise refused(f"/{name}", "needed", MISSING[name])
    check_due(promise.due_on, today, "/due_on")


#: Message ids.
MISSING = {
    "owner": "Say who does it: one person.",
    "text": "Say what is to be done.",
    "done_when": "Say how one sees that it is done.",
}


def check_due(due_on: date, today: date, place: str) -> None:
    """Raises Refused at that place."""
    if due_on < today:
        raise refused(place, "in_the_past", "This day is over; write today or a later one.")
    if due_on > today + LATEST:
        raise refused(place, "too_late", "This is more than two years away; nobody can be asked for it.")


def check_step(kind: StepKind, state: ActionState, said: str) -> None:
    """Whether it can be said of an item in that state. Raises Refused."""
    wanted = ActionState.OPEN if kind is not StepKind.REOPENED else None
    if wanted is ActionState.OPEN and state is not ActionState.OPEN:
        raise refused("", "closed", "This action item is closed; reopen it first.")
    if kind is StepKind.REOPENED and state is ActionState.OPEN:
        raise refused("", "open", "This action item is open already.")
    if kind in NEEDS_REASON and not said.strip():
        raise refused("/reason", "needed", NEEDS_REASON[kind])


#: What cannot be said without a reason; message ids.
NEEDS_REASON = {
    StepKind.CARRIED: "Say why it is not done.",
    StepKind.DROPPED: "Say why it is given up.",
    StepKind.REOPENED: "Say why it is not done after all.",
}
AFTERWARDS = {
    StepKind.DONE: ActionState.DONE,
    StepKind.DROPPED: ActionState.DROPPED,
    StepKind.REOPENED: ActionState.OPEN,
}


# --- due dates in words

COUNTED = re.compile(
    r"(?:(?:with)?in )?(?P<n>\d{1,3}) ?(?P<unit>日|週間|[かヶカヵ]月|days?|weeks?|months?)(?:以内|後)?", re.IGNORECASE
)
MONTH_AND_DAY = re.compile(r"(?P<month>\d{1,2})[/月](?P<day>\d{1,2})日?(?:\(.\))?")


def due_in_words(words: str, today: date, calendar: Calendar) -> date:
    """`2週間以内`, `within 10 days`, `10/8(木)`, `2026-10-08`; moved to the next open day. Raises Refused at `/due`."""
    plain = unicodedata.normalize("NFKC", words).strip().removesuffix("まで")
    found = _iso(plain) or _counted(plain, today) or _month_and_day(plain, today)
    if found is None:
        raise refused("/due", "no_date", "Write a date or a span, such as 2026-10-08, 10/8 or 2週間以内.")
    check_due(found, today, "/due")
    return next((d for d in (found + ONE_DAY * n for n in range(60)) if why_closed(calendar, d) is None), found)


def _iso(words: str) -> date | None:
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


def _counted(words: str, today: date) -> date | None:
    found = COUNTED.fullmatch(words)
    if found is None:
        return None
    n, unit = int(found["n"]), found["unit"].lower()
    if unit in ("日", "day", "days"):
        return today + n * ONE_DAY
    return today + 7 * n * ONE_DAY if unit in ("週間", "week", "weeks") else _months_later(today, n)


def _months_later(today: date, months: int) -> date:
    """The same day of that month, or its last one."""
    years, month = divmod(today.month - 1 + months, 12)
    year, month = today.year + years, month + 1
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def _month_and_day(words: str, today: date) -> date | None:
    """The next such day."""
    found = MONTH_AND_DAY.fullmatch(words)
    if found is None:
        return None
    for year in (today.year, today.year + 1):
        try:
            named = date(year, int(found["month"]), int(found["day"]))
        except ValueError:
            continue
        if named >= today:
            return named
    return None


# --- the sentence

SENTENCES = (
    re.compile(
        r"(?P<owner>.+?)[がは]、(?P<due>[^、]+?)(?:まで)?に、(?P<text>.+?)。?(?:完了基準[:\uff1a] ?(?P<done>.+?)。?)?",
        re.DOTALL,
    ),
    re.compile(
        r"(?P<owner>.+?) will, (?:by )?(?P<due>[^:]+?): (?P<text>.+?)\.?(?: Done when: (?P<done>.+?)\.?)?", re.DOTALL
    ),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a sentence says; the due date in its own words."""

    owner: str
    due: str
    text: str
    #: Empty: it does not say.
    done_when: str


def read_sentence(words: str) -> Said:
    """「営業責任者が、2週間以内に、…する。完了基準: …」. Raises Refused at `/sentence`."""
    for form in SENTENCES:
        if found := form.fullmatch(words.strip()):
            owner, due, what = (found[name].strip() for name in ("owner", "due", "text"))
            return Said(owner, due, what, (found["done"] or "").strip())
    raise refused(
        "/sentence",
        "no_sentence",
        "Write who, until when and what: Tanaka will, within 2 weeks: review the offer. Done when: sales agreed.",
    )


def sentence(promise: Promise, zone: ZoneInfo, locale: str) -> str:
    """The promise as a sentence that `read_sentence` understands."""
    due = day(datetime.combine(promise.due_on, time(12), zone), zone, locale)
    return text(
        locale,
        "{owner} will, by {due}: {text}. Done when: {done}",
        owner=promise.owner,
        due=due,
        text=promise.text.rstrip("。."),
        done=promise.done_when,
    )
