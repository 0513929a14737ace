"""What publishing a policy or a calendar would do, before anybody does it. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from app.domain import forecast, reissue
from app.domain.agreement import storable
from app.domain.calendar import Calendar
from app.domain.clock import TICK
from app.domain.differences import Difference, differences
from app.domain.forecast import TOLERANCE, Destinations, First, Kind, Move
from app.domain.policy import BEGINNING, Policies, Policy, PolicyVersion
from app.domain.refusals import refused
from app.flows import moving, policies
from app.models import Handoff


@dataclass(frozen=True, slots=True)
class Repeated:
    """A version of a policy that is said again because its calendar changed."""

    policy: str
    #: The version that says the same.
    before: int
    version: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """A version of a calendar."""

    number: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing would do."""

    key: str
    #: The newest version, and the one that would be made; the same: nothing changes. None: there is none yet.
    before: int | None
    after: int
    differences: tuple[Difference, ...]
    #: The policies that would take up a calendar; the last version of a key would be in force.
    policies: tuple[Repeated, ...]
    #: Clocks that run and would be moved, if that is wanted and can be done.
    running: int
    #: The deadlines that would change with that.
    moves: tuple[Move, ...]
    firsts: tuple[First, ...]
    #: The policy's target on every kind of clock; empty for a calendar.
    kinds: tuple[Kind, ...]


# --- a policy


def preview_policy(
    c: Connection,
    agreed: Policy,
    *,
    now: datetime,
    effective_from: datetime | None = None,
    migrate_open: bool = False,
) -> Preview:
    """What `publish.policy` would do. The moves are those of `migrate_open`, wanted or not. Raises Refused like it."""
    check(agreed, effective_from, now, migrate_open=migrate_open)
    known, start = policies.all_versions(c), max(effective_from or now, begin(c, now))
    before, draft = newest(known, agreed.key), draft_of(c, known, agreed, start)
    if before is not None and effective_from is None and says_the_same(before, draft):
        draft = before
    example = max(effective_from or now, now)
    movable = agreed.enabled and example == now
    running, moves = _foreseen(c, all_to(known, draft) if movable else {}, Policies([*known.versions, draft]), now)
    return Preview(
        key=agreed.key,
        before=before.version if before else None,
        after=draft.version,
        differences=_differences(before, draft),
        policies=(),
        running=running,
        moves=moves,
        firsts=(forecast.first(example, _in_force(known, agreed.key, example), draft),),
        kinds=tuple(forecast.three_kinds(example, draft)),
    )


def check(agreed: Policy, effective_from: datetime | None, now: datetime, *, migrate_open: bool) -> None:
    if effective_from and effective_from < now - TOLERANCE:
        raise refused(
            "/effective_from", "in_the_past", "A policy applies from now on; what is past is not judged again."
        )
    if migrate_open and effective_from and effective_from > now:
        raise refused(
            "/migrate_open", "not_in_force", "Running clocks can be moved only to a version that is in force at once."
        )
    if migrate_open and not agreed.enabled:
        raise refused("/migrate_open", "switched_off", "No clock can be moved to a policy that is switched off.")
    refuse_unstorable(policies.document_of(agreed), "/policy")


def refuse_unstorable(written: Any, place: str) -> None:
    """Rules and names of days are text as well."""
    if isinstance(written, str):
        try:
            storable(written)
        except ValueError as why:
            raise refused(place, "not_storable", str(why)) from None
    elif isinstance(written, dict):
        for key, value in written.items():
            refuse_unstorable(key, place)
            refuse_unstorable(value, f"{place}/{_escaped(key)}")
    elif isinstance(written, list):
        for index, value in enumerate(written):
            refuse_unstorable(value, f"{place}/{index}")


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def begin(c: Connection, now: datetime) -> datetime:
    """From when on it holds what is published now: after every MQL that there is. A source's clock may be ahead."""
    ahead = (Handoff.qualified_at >= now, Handoff.qualified_at < now + TOLERANCE)
    latest = c.scalar(select(func.max(Handoff.qualified_at)).where(*ahead))
    return now if latest is None else latest + TICK


def draft_of(c: Connection, known: Policies, agreed: Policy, start: datetime) -> PolicyVersion:
    """The next version as it would be, without a row. Raises Refused for an unknown calendar."""
    before = newest(known, agreed.key)
    _, number, calendar = _calendar(c, agreed.calendar, "/policy/calendar")
    for owner, key in agreed.owner_calendars.items():
        _calendar(c, key, f"/policy/owner_calendars/{_escaped(owner)}")
    return PolicyVersion(
        id=-1,
        version=before.version + 1 if before else 1,
        policy=agreed,
        calendar=calendar,
        calendar_version=number,
        effective_from=start,
        calendars={key: policies.newest_calendar(c, key)[2] for key in policies.calendars_of(agreed)},
    )


def _calendar(c: Connection, key: str, place: str) -> tuple[int, int, Calendar]:
    try:
        return policies.newest_calendar(c, key)
    except policies.NoSuchCalendar:
        raise refused(place, "unknown_calendar", "There is no calendar {key}.", key=key) from None


def newest(known: Policies, key: str) -> PolicyVersion | None:
    versions = [version for version in known.versions if version.policy.key == key]
    return versions[-1] if versions else None


def _in_force(known: Policies, key: str, at: datetime) -> PolicyVersion | None:
    versions = [version for version in known.versions if version.policy.key == key]
    return next(iter(reissue.in_force(versions, at)), None)


def says_the_same(before: PolicyVersion, draft: PolicyVersion) -> bool:
    """The newest version is in force when the draft would be, and agrees with it on the same calendars."""
    said = (before.policy, before.calendar_version, dict(before.calendars))
    in_force = (before.effective_from or BEGINNING) <= (draft.effective_from or BEGINNING)
    return in_force and said == (draft.policy, draft.calendar_version, dict(draft.calendars))


def all_to(known: Policies, version: PolicyVersion) -> Destinations:
    """Every clock of the policy, to that version."""
    key = version.policy.key
    return {v.id: version for v in known.versions if v.policy.key == key and v.id != version.id}


def _foreseen(c: Connection, to: Destinations, known: Policies, now: datetime) -> tuple[int, tuple[Move, ...]]:
    clocks = [clock for clock in moving.running(c, now) if clock.episode.terms_id in to]
    return len(clocks), tuple(forecast.foresee(clocks, to, known, now))


def _differences(before: PolicyVersion | None, draft: PolicyVersion) -> tuple[Difference, ...]:
    old = policies.document_of(before.policy) if before else {}
    return tuple(differences(old, policies.document_of(draft.policy)))


# --- a calendar


def preview_calendar(c: Connection, written: Calendar, *, now: datetime, keep_open: bool = False) -> Preview:
    """What `publish.calendar` would do. Raises Refused like it."""
    refuse_unstorable(plain(written), "")
    resolved = policies.resolved(c, written, now)
    before, number = calendar_before(c, resolved)
    known, start = policies.all_versions(c), begin(c, now)
    repeated = reissue.repeats(known, resolved, set() if keep_open else in_use(c, now), start)
    made = _drafts(known, repeated, resolved, number, start)
    then = Policies([*known.versions, *made])
    running, moves = _foreseen(c, {} if keep_open else reissue.successors(then, resolved), then, now)
    return Preview(
        key=resolved.key,
        before=before.number if before else None,
        after=number,
        differences=tuple(differences(plain(before.calendar) if before else {}, plain(resolved))),
        policies=tuple(Repeated(d.policy.key, of.version, d.version) for of, d in zip(repeated, made, strict=True)),
        running=running,
        moves=moves,
        firsts=tuple(_firsts(known, then.in_force(start), resolved, now)),
        kinds=(),
    )


def calendar_before(c: Connection, resolved: Calendar) -> tuple[Numbered | None, int]:
    """The newest version, if any, and the number that this one has or would get."""
    try:
        _, number, found = policies.newest_calendar(c, resolved.key)
    except policies.NoSuchCalendar:
        return None, 1
    return Numbered(number, found), number if found == resolved else number + 1


def in_use(c: Connection, now: datetime) -> set[int]:
    """Row ids of the versions that open clocks run under."""
    return {clock.episode.terms_id for clock in moving.running(c, now)}


def _drafts(
    known: Policies, repeated: Iterable[PolicyVersion], resolved: Calendar, number: int, start: datetime
) -> list[PolicyVersion]:
    """The repetitions as they would be, without rows."""
    numbers = {version.policy.key: version.version for version in known.versions}
    made = []
    for place, version in enumerate(repeated, 1):
        numbers[version.policy.key] += 1
        mine = version.calendar.key == resolved.key
        draft = replace(
            version,
            id=-place,
            version=numbers[version.policy.key],
            calendar=resolved if mine else version.calendar,
            calendar_version=number if mine else version.calendar_version,
            effective_from=reissue.begins(version, start),
            calendars={key: resolved if key == resolved.key else other for key, other in version.calendars.items()},
        )
        made.append(draft)
    return made


def _firsts(known: Policies, then: Iterable[PolicyVersion], resolved: Calendar, now: datetime) -> Iterator[First]:
    """For each policy that counts in the calendar. `then`: the versions that would be in force."""
    for version in then:
        if version.calendar.key == resolved.key:
            yield forecast.first(now, _in_force(known, version.policy.key, now), version)


def plain(calendar: Calendar) -> dict[str, Any]:
    document: dict[str, Any] = calendar.model_dump(mode="json", exclude_none=True)
    return document
