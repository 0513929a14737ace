"""The course of a running clock: from its start, through pauses, new owners and new terms, to its deadline.

What happened after the deadline had passed moves nothing: a late pause heals no breach. Time that was used up stays
used, in the calendar in which it was used; what is left is used in the calendar that then counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.agreement import Duty
from app.domain.calendar import Calendar, ClockKind, working_time
from app.domain.deadline import NOTHING, Receipt, ReceiptLine, deadline, end_of, spend
from app.domain.episode import Change, ChangeKind
from app.domain.policy import Policies, PolicyVersion

#: What a line of the receipt says besides its length; message ids.
PAUSED, NEW_OWNER, BEGUN_AGAIN = "paused", "new owner", "begun again"
TIER_ROSE, TIER_FELL, NEW_TERMS, STAGGERED = "higher tier", "tier fell", "new terms", "staggered"


@dataclass(frozen=True, slots=True)
class Agreed:
    """What is counted: `amount` hours, or days for business_days."""

    clock: ClockKind
    amount: float


@dataclass(slots=True)
class Course:
    """A clock as it stands after some changes."""

    duty: Duty
    #: When the lead qualified; a staggered clock starts later.
    origin: datetime
    start: datetime
    agreed: Agreed
    version: PolicyVersion
    policies: Policies
    #: From here on the rest is counted.
    since: datetime
    calendar: Calendar
    due: datetime
    lines: list[ReceiptLine]
    owner: str | None = None
    restarts: int = 0
    #: The changes so far, without those of the terms.
    behind: list[Change] = field(default_factory=list)

    @property
    def receipt(self) -> Receipt:
        kind, amount = self.agreed.clock, self.agreed.amount
        return Receipt(self.start, self.due, kind, amount, self.calendar.key, tuple(self.lines))


def run(
    start: datetime,
    agreed: Agreed,
    version: PolicyVersion,
    changes: Sequence[Change],
    policies: Policies,
    duty: Duty = Duty.FOLLOW_UP,
) -> Course:
    """Walk the changes, which are in event time, until the deadline."""
    full = deadline(start, agreed.clock, agreed.amount, version.calendar)
    lines = list(full.lines)
    course = Course(duty, start, start, agreed, version, policies, start, version.calendar, full.due, lines)
    for change in changes:
        if change.at >= course.due and change.at > course.start:
            break
        if change.kind is ChangeKind.PAUSE and change.known_at >= course.due:
            continue  # set too late, however early it is said to begin
        _WALK[change.kind](course, change)
        if change.kind in (ChangeKind.PAUSE, ChangeKind.OWNER):
            course.behind.append(change)
    return course


# One change


def _pause(course: Course, change: Change) -> None:
    until = change.until or change.at
    if until <= max(course.since, change.at):
        return
    left = _cut(course, change.at)
    begins = max(course.since, change.at)
    course.since = until
    _go_on(course, left, _line(course, begins, until, left, PAUSED, change.reason))


def _new_owner(course: Course, change: Change) -> None:
    policy = course.version.policy
    calendar = course.version.calendar_of(change.owner)
    again = (
        policy.reassignment == "restart"
        and course.owner is not None
        and change.owner not in (None, course.owner)
        and course.restarts < policy.restarts_at_most
    )
    course.owner = change.owner
    if again:
        _begin_again(course, change, calendar)
    elif calendar != course.calendar:
        left = _cut(course, change.at)
        course.calendar = calendar
        _go_on(course, left, _line(course, course.since, course.since, left, NEW_OWNER, change.owner))


def _begin_again(course: Course, change: Change, calendar: Calendar) -> None:
    left = _cut(course, change.at)
    course.restarts += 1
    course.calendar = calendar
    full = deadline(course.since, course.agreed.clock, course.agreed.amount, calendar)
    mark = _line(course, course.since, course.since, left, BEGUN_AGAIN, change.owner)
    course.due, course.lines = full.due, [*course.lines, mark, *full.lines]


def _tier(course: Course, change: Change) -> None:
    """A higher tier shortens: min(old, start + new target), but with time left to notice; a lower one gives back."""
    version = course.policies.by_id[change.policy_id or course.version.id]
    under = _under(course, version, course.start)
    if version.policy.order > course.version.policy.order:
        _take(course, under, under.due, change, TIER_FELL)
        return
    earliest = change.known_at + timedelta(minutes=version.policy.notice_minutes)
    _take(course, under, min(course.due, max(under.due, earliest)), change, TIER_ROSE)


def _terms(course: Course, change: Change) -> None:
    """Another version from the start on; what would be overdue at once keeps the time to notice."""
    version = course.policies.by_id[change.policy_id or course.version.id]
    under = _under(course, version, course.start)
    earliest = min(course.due, change.at + timedelta(minutes=version.policy.notice_minutes))
    _take(course, under, max(under.due, earliest), change, NEW_TERMS)


def _start(course: Course, change: Change) -> None:
    later = max(course.origin, change.until or course.origin)
    if later != course.start:
        under = _under(course, course.version, later)
        earliest = min(course.due, change.at + timedelta(minutes=course.version.policy.notice_minutes))
        _take(course, under, max(under.due, earliest), change, STAGGERED)


_WALK = {
    ChangeKind.PAUSE: _pause,
    ChangeKind.OWNER: _new_owner,
    ChangeKind.TIER: _tier,
    ChangeKind.TERMS: _terms,
    ChangeKind.START: _start,
}


def _under(course: Course, version: PolicyVersion, start: datetime) -> Course:
    """The same clock, had it run under that version from that start on."""
    agreed = course.agreed if version is course.version else agreed_in(version, course.duty) or course.agreed
    return run(start, agreed, version, course.behind, course.policies, course.duty)


def agreed_in(version: PolicyVersion, duty: Duty) -> Agreed | None:
    """What a version counts for a duty; None: it does not time it."""
    policy, owed = version.policy, version.policy.marketing
    open_time = ClockKind.ELAPSED if policy.clock is ClockKind.ELAPSED else ClockKind.BUSINESS_HOURS
    match duty:
        case Duty.ANSWER:
            return Agreed(owed.clock, owed.answer_hours) if owed.answer_hours else None
        case Duty.BRIEF:
            return Agreed(owed.clock, owed.brief_hours) if owed.brief_hours else None
        case Duty.NEXT_RESPONSE:
            return Agreed(open_time, policy.next_response_hours) if policy.next_response_hours else None
        case _:
            return follow_up_in(version)


def follow_up_in(version: PolicyVersion) -> Agreed:
    return Agreed(version.policy.clock, version.policy.target)


def _take(course: Course, under: Course, due: datetime, change: Change, why: str) -> None:
    if due == course.due and why == TIER_ROSE:  # it has the shorter time already
        course.version = under.version
        return
    mark = _line(course, change.at, change.at, NOTHING, why, under.version.policy.name)
    course.version, course.agreed, course.calendar = under.version, under.agreed, under.calendar
    course.start, course.since = under.start, max(under.since, under.start)
    course.due, course.lines = due, [mark, *under.lines]
    if due != under.due:
        course.lines.append(_line(course, due, due, NOTHING, why, None))


# Cutting and going on


def _cut(course: Course, at: datetime) -> timedelta:
    """What is left at `at`, on the clock; the lines end there."""
    at = max(at, course.since)
    left = _between(course, at, course.due)
    course.lines = [line for whole in course.lines if (line := _until(whole, at, course, left)) is not None]
    course.since = at
    return left


def _until(line: ReceiptLine, at: datetime, course: Course, left: timedelta) -> ReceiptLine | None:
    """The part of a line that lies before `at`."""
    if line.begins is None or line.ends is None:
        return line if line.day <= at.astimezone(course.calendar.zone).date() else None
    if line.ends <= at:
        return line
    if line.begins >= at:
        return None
    return replace(line, ends=at, used=_between(course, line.begins, at), left=left, by_hours=True)


def _between(course: Course, earlier: datetime, later: datetime) -> timedelta:
    if later <= earlier:
        return NOTHING
    if course.agreed.clock is ClockKind.ELAPSED:
        return later - earlier
    return working_time(course.calendar, earlier, later)


def _go_on(course: Course, left: timedelta, mark: ReceiptLine) -> None:
    """Use up what is left from `course.since` on."""
    course.lines.append(mark)
    if not left:
        course.due = max(course.due, course.since)
        course.lines.append(_line(course, course.due, course.due, NOTHING, mark.note or "", None))
        return
    rest = spend(course.since, left, course.agreed.clock, course.calendar)
    course.due = end_of(rest)
    course.lines += [replace(line, by_hours=True) for line in rest]


def _line(
    course: Course, begins: datetime, ends: datetime, left: timedelta, note: str, detail: str | None
) -> ReceiptLine:
    day = begins.astimezone(course.calendar.zone).date()
    return ReceiptLine(day, begins, ends, NOTHING, left, note=note, detail=detail, by_hours=True)
