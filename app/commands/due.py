"""`tasuki due`: until when sales would have time, with the receipt."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.domain.calendar import ClockKind
from app.domain.clock import plain_receipt
from app.domain.deadline import Receipt, deadline, receipt_lines
from app.domain.policy import Policies, PolicyVersion
from app.flows import lists
from app.flows.explain import version_at

#: One, and any other number.
TARGETS = {
    ClockKind.ELAPSED: ("{n} elapsed hour", "{n} elapsed hours"),
    ClockKind.BUSINESS_HOURS: ("{n} business hour", "{n} business hours"),
    ClockKind.BUSINESS_DAYS: ("{n} business day", "{n} business days"),
}


def target_in_words(clock: ClockKind, amount: float, terminal: Terminal) -> str:
    return terminal.words(TARGETS[clock][amount != 1], n=f"{amount:g}")


def due(
    moment: Annotated[
        str, typer.Argument(help='When the lead becomes MQL, "2026-09-18 17:30"; without a zone, the settings\' zone.')
    ],
    policy: Annotated[str | None, typer.Option(help="The policy's key; else the first in force now.")] = None,
    version: Annotated[str | None, typer.Option(help="Its number; else the one in force at that moment.")] = None,
    as_json: AsJson = False,
) -> None:
    """Until when sales would have time, with the receipt line by line."""
    with opened() as (state, terminal):
        at = moment_of(moment, state.settings.zone)
        with state.database.read() as c:
            known = state.versions.read(c)
        key = policy or first_in_force(known, state.clock())
        found = _version(known, key, at, number_of(version))
        clock, amount, calendar = found.policy.clock, found.policy.target, found.calendar
        computed = deadline(at, clock, amount, calendar)
        others = [deadline(at, *other, calendar) for other in other_clocks(clock, amount)]
        if as_json:
            terminal.json(_due_json(found, computed, others, terminal))
            return
        _print_due(found, computed, others, terminal)
        newest = [v for v in known.versions if v.policy.key == key][-1]
        if newest.version > found.version:
            _print_newer(newest, plain_receipt(at, newest), terminal)


def _version(known: Policies, key: str, at: datetime, number: int | None) -> PolicyVersion:
    """That version; without a number the one in force at that moment. Raises NoSuchPolicy."""
    found = version_at(known, key, at)
    if found is None:
        raise lists.NoSuchPolicy(key)
    versions = [v for v in known.versions if v.policy.key == key and v.version == number]
    if number is not None and not versions:
        raise lists.NoSuchPolicy(f"{key} v{number}")
    return versions[0] if versions else found


def _print_due(version: PolicyVersion, computed: Receipt, others: list[Receipt], terminal: Terminal) -> None:
    terminal.line(terminal.words("Due {time}", time=terminal.moment(computed.due)), style="bold")
    terminal.say(
        "Policy {key} v{number} “{name}”: {target}, calendar {calendar} v{calendar_number}",
        key=version.policy.key,
        number=version.version,
        name=version.policy.name,
        target=target_in_words(computed.clock, computed.amount, terminal),
        calendar=version.calendar.key,
        calendar_number=version.calendar_version,
    )
    for line in receipt_lines(computed, terminal.zone, terminal.locale):
        terminal.line(f"  {line}")
    for other in others:
        target = target_in_words(other.clock, other.amount, terminal)
        terminal.say("For comparison: {target} would be {due}", target=target, due=terminal.moment(other.due))


def _print_newer(newest: PolicyVersion, computed: Receipt, terminal: Terminal) -> None:
    terminal.say(
        "For comparison: by v{number}, which is in force from {since}, {due}",
        number=newest.version,
        since=terminal.moment(newest.effective_from),
        due=terminal.moment(computed.due),
    )


def _due_json(version: PolicyVersion, computed: Receipt, others: list[Receipt], terminal: Terminal) -> dict[str, Any]:
    return {
        "policy": {"key": version.policy.key, "version": version.version},
        "calendar": {"key": version.calendar.key, "version": version.calendar_version},
        "start": computed.start,
        "due_at": computed.due,
        "clock": computed.clock,
        "target": computed.amount,
        "receipt": receipt_lines(computed, terminal.zone, terminal.locale),
        "others": [{"clock": r.clock, "target": r.amount, "due_at": r.due} for r in others],
    }


def moment_of(written: str, zone: ZoneInfo) -> datetime:
    """A date and time as people type it; without an offset, on the clock of `zone`."""
    try:
        at = datetime.fromisoformat(written.strip())
    except ValueError:
        raise CannotDo(
            '`{written}` is not a date and time; write it like "2026-09-18 17:30".', USAGE, written=written
        ) from None
    if not 1990 <= at.year <= 2100:
        raise CannotDo("{written}: years 1990 to 2100 are known.", USAGE, written=written)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def number_of(version: str | None) -> int | None:
    """`3` and `v3` are the same."""
    written = version.removeprefix("v") if version else None
    if written and not written.isdecimal():
        raise CannotDo("`{number}` is not the number of a version; write 3 or v3.", USAGE, number=version)
    return int(written) if written else None


def first_in_force(known: Policies, now: datetime) -> str:
    """The key of the policy that is tried first; where none is in force, of any."""
    return (known.in_force(now) or known.versions)[0].policy.key


def other_clocks(clock: ClockKind, amount: float) -> list[tuple[ClockKind, float]]:
    """The same target on the other kinds of clock; a business day stands beside 24 hours."""
    hours = amount * 24 if clock is ClockKind.BUSINESS_DAYS else amount
    same = {ClockKind.ELAPSED: hours, ClockKind.BUSINESS_HOURS: hours, ClockKind.BUSINESS_DAYS: math.ceil(hours / 24)}
    return [(kind, length) for kind, length in same.items() if kind is not clock]
