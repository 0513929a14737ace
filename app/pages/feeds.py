"""What the agenda says, in words and as JSON; `agenda` makes its paper of it, `formats` write that down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.agenda import FIXES, TITLES, Agenda, Entry, Figures, Group
from app.domain.kpi import LINES, Definition, Figure
from app.domain.language import day, moment, span, text
from app.domain.statistics import Share, Weight, share_in_words
from app.flows.kpis import USUAL_DAYS
from app.flows.messages import who
from app.pages.document import Line, Table
from app.pages.document import in_utc as utc
from app.pages.kpis import basis_in_words, figure_in_words
from app.pages.kpis import title as title_of

#: White space, control characters and the marks that turn the direction of writing.
NOT_IN_A_LINE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The agenda in short, its words final, in reading order."""

    title: str
    #: When it is, which time it covers.
    notes: tuple[str, ...]
    figures_title: str
    #: Label and value.
    figures: tuple[tuple[str, str], ...]
    breaches_title: str
    #: One a cause.
    sections: tuple[Table, ...]


def sheet(agenda: Agenda, locale: str, zone: ZoneInfo) -> Sheet:
    return Sheet(
        title=title(agenda, locale),
        notes=notes(agenda, locale, zone),
        figures_title=text(locale, "Since the last meeting"),
        figures=tuple(figures_in_words(agenda.figures, locale)),
        breaches_title=breaches_in_words(agenda, locale),
        sections=tuple(breach_table(group, locale, zone) for group in agenda.groups),
    )


def kpi_in_words(figure: Figure, definition: Definition, locale: str) -> tuple[str, str, str, str]:
    """Name, value, who is responsible, how it is counted."""
    name, owner = title_of(figure.kpi, locale), text(locale, LINES[figure.kpi].owner)
    return name, figure_in_words(figure, definition, locale), owner, basis_in_words(figure.kpi, definition, locale)


def board_title(locale: str) -> str:
    return text(locale, "KPIs of the last {days} days", days=USUAL_DAYS)


def title(agenda: Agenda, locale: str) -> str:
    return text(locale, "{series} #{number}", series=one_line(agenda.series.name), number=agenda.meeting.number)


def notes(agenda: Agenda, locale: str, zone: ZoneInfo) -> tuple[str, ...]:
    return tuple(_notes(agenda, locale, zone))


def _notes(agenda: Agenda, locale: str, zone: ZoneInfo) -> Iterator[str]:
    start, end = agenda.meeting.start, agenda.meeting.end
    yield f"{moment(start, zone, locale, year=True)}–{end.astimezone(zone):%H:%M}"
    if moved := moved_in_words(agenda, locale):
        yield moved
    since, as_of = (moment(at, zone, locale) for at in (agenda.since, agenda.as_of))
    yield text(locale, "Covers {since} to {as_of}", since=since, as_of=as_of)


def moved_in_words(agenda: Agenda, locale: str) -> str:
    """Why the meeting is not on its usual day; empty if it is."""
    meeting, zone = agenda.meeting, agenda.series.zone
    if meeting.moved_because is None:
        return ""
    planned = day(datetime.combine(meeting.planned, time(12), zone), zone, locale)
    if not meeting.moved_because:
        return text(locale, "Moved: {day} is closed", day=planned)
    return text(locale, "Moved: {day} is {reason}", day=planned, reason=one_line(meeting.moved_because))


def figures_in_words(figures: Figures, locale: str) -> Iterator[tuple[str, str]]:
    yield text(locale, "MQLs"), text(locale, "{count} ({people} people)", count=figures.mqls, people=figures.leads)
    yield text(locale, "SLA attainment (due in this period)"), share_in_words(figures.attainment, locale)
    apart = {
        "Breaches withdrawn (recorded late)": figures.withdrawn,
        "Not counted (excluded, returned without a reason)": figures.voided,
        "Not judged (no data from the source)": figures.unknown,
    }
    yield from ((text(locale, label), f"{count:,}") for label, count in apart.items() if count)


def breaches_in_words(agenda: Agenda, locale: str) -> str:
    if not agenda.breaches:
        return text(locale, "SLA breaches: none open, none since the last meeting")
    new, carried = agenda.new, agenda.breaches - agenda.new
    message = "SLA breaches: {count} ({new} since the last meeting, {carried} carried over)"
    return text(locale, message, count=agenda.breaches, new=new, carried=carried)


def breach_table(group: Group, locale: str, zone: ZoneInfo) -> Table:
    left = group.count - len(group.entries)
    return Table(
        title=text(locale, "{cause}: {count}", cause=text(locale, TITLES[group.cause]), count=group.count),
        text=(text(locale, FIXES[group.cause]),),
        columns=tuple(text(locale, c) for c in ("Lead", "Owner", "Due", "Overdue by", "State")),
        lines=tuple(_breach(entry, locale, zone) for entry in group.entries),
        more=text(locale, "and {count} more", count=left) if left else "",
    )


def _breach(entry: Entry, locale: str, zone: ZoneInfo) -> Line:
    breach = entry.breach
    cells = (
        one_line(who(breach.lead, locale)),
        one_line(breach.owner or "") or text(locale, "nobody yet"),
        moment(breach.due_at, zone, locale),
        overdue_in_words(entry.overdue, entry.working, locale),
        text(locale, STATES[state(entry)]),
    )
    return Line(cells=cells, link=breach.link)


STATES = {
    "open": "Not followed up yet",
    "carried_over": "Not followed up yet, carried over",
    "followed_up_late": "Followed up late",
}


def state(entry: Entry) -> str:
    if not entry.breach.still_open:
        return "followed_up_late"
    return "open" if entry.new else "carried_over"


def overdue_in_words(length: timedelta, working: bool, locale: str) -> str:
    """`2時間10分`, in working time `営業2:10`, which never counts in days."""
    if not working:
        return span(length, locale)
    minutes = int(length.total_seconds()) // 60
    return text(locale, "{hours}h{minutes}m (business)", hours=minutes // 60, minutes=f"{minutes % 60:02}")


def one_line(words: str) -> str:
    """Words from outside, as they may stand in a line."""
    return NOT_IN_A_LINE.sub(" ", words).strip()


# --- JSON


def breaches_json(agenda: Agenda, locale: str) -> dict[str, Any]:
    """Spans in seconds; `title`, `fix` and `label` are words of the locale."""
    return {
        "count": agenda.breaches,
        "new": agenda.new,
        "carried_over": agenda.breaches - agenda.new,
        "groups": [_group_json(group, locale) for group in agenda.groups],
    }


def kpi_json(figure: Figure, definition: Definition, locale: str) -> dict[str, Any]:
    """`value`: a number, a share from 0 to 1, or seconds."""
    name, words, owner, basis = kpi_in_words(figure, definition, locale)
    return {
        "key": figure.kpi.value,
        "title": name,
        "owner": owner,
        "value": figure.value,
        "target": definition.targets.get(figure.kpi),
        "in_words": words,
        "basis": basis,
        "rows": {state.value: count for state, count in figure.states.items()},
    }


def meeting_json(agenda: Agenda) -> dict[str, Any]:
    meeting = agenda.meeting
    return {
        "number": meeting.number,
        "start": meeting.start,
        "end": meeting.end,
        "minutes": agenda.series.minutes,
        "time_zone": agenda.series.time_zone,
        "planned": meeting.planned.isoformat(),
        "moved": meeting.moved_because is not None,
        "moved_because": meeting.moved_because or None,
    }


def figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "mqls": figures.mqls,
        "mql_people": figures.leads,
        "attainment": _share_json(figures.attainment),
        "withdrawn": figures.withdrawn,
        "voided": figures.voided,
        "unknown": figures.unknown,
    }


def _share_json(share: Share) -> dict[str, Any]:
    """No rate and no interval where n is too small to print one."""
    told = share.weight is not Weight.COUNT_ONLY
    interval = share.interval if told else None
    return {
        "met": share.part,
        "n": share.whole,
        "rate": share.rate if told else None,
        "interval_95": [interval.low, interval.high] if interval else None,
        "weight": share.weight.value,
    }


def _group_json(group: Group, locale: str) -> dict[str, Any]:
    return {
        "cause": group.cause.value,
        "title": text(locale, TITLES[group.cause]),
        "fix": text(locale, FIXES[group.cause]),
        "count": group.count,
        "new": group.new,
        "entries": [_entry_json(entry, locale) for entry in group.entries],
    }


def _entry_json(entry: Entry, locale: str) -> dict[str, Any]:
    breach = entry.breach
    return {
        "handoff_id": breach.handoff_id,
        "lead": {"id": breach.lead.id, "label": one_line(who(breach.lead, locale))},
        "owner": breach.owner,
        "qualified_at": utc(breach.qualified_at),
        "due_at": utc(breach.due_at),
        "touched_at": utc(breach.touched_at) if breach.touched_at else None,
        "overdue_seconds": int(entry.overdue.total_seconds()),
        "overdue_in": "working_time" if entry.working else "elapsed_time",
        "state": state(entry),
        "still_open": breach.still_open,
        "new": entry.new,
        "link": breach.link,
    }
