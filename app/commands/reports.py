"""`tasuki report`: attainment and time to first touch of a period."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.domain.language import span
from app.domain.statistics import share_in_words
from app.flows import reports

Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day, such as 2026-09-01.")]


def report(
    first: Day,
    last: Day,
    known_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M%z"], help="Besides, as it was known then: 2026-10-01T09:00+09:00."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """SLA attainment and time to first touch of a period, both days included."""
    if last < first:
        raise CannotDo("The period ends before it begins.", USAGE)
    with opened() as (state, terminal):
        wanted = reports.period(first.date(), last.date(), state.settings.zone)
        moments = [at for at in (known_at, state.clock()) if at]
        with state.database.read() as c:
            policies = state.versions.read(c)
            found = [(at, reports.report(c, policies, wanted, at)) for at in moments]
        if as_json:
            terminal.json([{"known_at": at, **_figures(each)} for at, each in found])
            return
        for at, each in found:
            _print(at, each, terminal)
        if len(found) > 1 and reports.restated(found[0][1], found[1][1]):
            terminal.say("The figures were restated since then.")


def _figures(found: reports.Report) -> dict[str, object]:
    half, most = found.half_after, found.nine_tenths_after
    return {
        "met": found.counts.met,
        "breached": found.counts.breached,
        "open_overdue": found.counts.open_overdue,
        "not_due": found.counts.not_due,
        "voided": found.counts.voided,
        "unknown": found.counts.unknown,
        "uncovered": found.uncovered,
        "withdrawn": found.withdrawn,
        "half_after_seconds": None if half is None else int(half.total_seconds()),
        "nine_tenths_after_seconds": None if most is None else int(most.total_seconds()),
    }


def _print(at: datetime, found: reports.Report, terminal: Terminal) -> None:
    locale, counts = terminal.locale, found.counts
    terminal.line(terminal.words("As known {time}", time=terminal.moment(at)), style="bold")
    half, most = found.half_after, found.nine_tenths_after
    not_yet = terminal.words("not so many yet")
    rows: list[tuple[str, object]] = [
        ("Attainment by due date", share_in_words(counts.attainment, locale)),
        ("Overdue and open", counts.open_overdue),
        ("Not due yet", counts.not_due),
        ("Not counted", counts.voided),
        ("Not judged", counts.unknown),
        ("Without a policy", found.uncovered),
        ("Breach withdrawn", found.withdrawn),
        ("Followed up, of those that became MQL", share_in_words(found.touched, locale)),
        ("Half of them after", not_yet if half is None else span(half, locale)),
        ("Nine tenths of them after", not_yet if most is None else span(most, locale)),
    ]
    terminal.pairs([(terminal.words(label), value) for label, value in rows])
