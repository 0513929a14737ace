"""The agenda as JSON, Markdown and HTML; the calendar feed is in `ics`. All say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.domain.agenda import FIXES, TITLES, Agenda, Entry, Figures, Group
from app.domain.kpi import LINES, Definition, Figure
from app.domain.language import day, moment, span, text
from app.domain.statistics import Share, Weight, share_in_words
from app.flows.kpis import USUAL_DAYS
from app.flows.messages import who
from app.pages.kpis import basis_in_words, figure_in_words
from app.pages.kpis import title as title_of

SCHEMA = "tasuki.agenda/1"
#: White space, control characters and the marks that turn the direction of writing.
NOT_IN_A_LINE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
#: What Markdown could take for markup inside a line.
MARKUP = re.compile(r"[\\`*_\[\]<>|~&!#]|:(?=//)")
templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


# --- the same words for Markdown and HTML


@dataclass(frozen=True, slots=True)
class Row:
    """One breach."""

    lead: str
    link: str
    owner: str
    due: str
    overdue: str
    state: str


@dataclass(frozen=True, slots=True)
class Section:
    """One cause."""

    title: str
    fix: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    #: How many are not written out; empty: none.
    more: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The agenda's words, final, in reading order."""

    locale: str
    title: str
    #: When it is, which time it covers.
    notes: tuple[str, ...]
    figures_title: str
    figures_columns: tuple[str, str]
    #: Label and value.
    figures: tuple[tuple[str, str], ...]
    breaches_title: str
    sections: tuple[Section, ...]
    kpis_title: str
    kpis_columns: tuple[str, ...]
    #: Name, value, who is responsible, how it is counted.
    kpis: tuple[tuple[str, ...], ...]


def sheet(agenda: Agenda, locale: str, zone: ZoneInfo) -> Sheet:
    return Sheet(
        locale=locale,
        title=title(agenda, locale),
        notes=tuple(_notes(agenda, locale, zone)),
        figures_title=text(locale, "Figures"),
        figures_columns=(text(locale, "Figure"), text(locale, "Value")),
        figures=tuple(figures_in_words(agenda.figures, locale)),
        breaches_title=breaches_in_words(agenda, locale),
        sections=tuple(_section(group, locale, zone) for group in agenda.groups),
        kpis_title=text(locale, "KPIs of the last {days} days", days=USUAL_DAYS),
        kpis_columns=tuple(text(locale, c) for c in ("KPI", "Value", "Responsible", "Basis")),
        kpis=tuple(_kpi(figure, agenda.definition, locale) for figure in agenda.kpis),
    )


def _kpi(figure: Figure, definition: Definition, locale: str) -> tuple[str, ...]:
    name, owner = title_of(figure.kpi, locale), text(locale, LINES[figure.kpi].owner)
    return name, figure_in_words(figure, definition, locale), owner, basis_in_words(figure.kpi, definition, locale)


def title(agenda: Agenda, locale: str) -> str:
    return text(locale, "{series} #{number}", series=one_line(agenda.series.name), number=agenda.meeting.number)


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


def _section(group: Group, locale: str, zone: ZoneInfo) -> Section:
    left = group.count - len(group.entries)
    return Section(
        title=text(locale, "{cause}: {count}", cause=text(locale, TITLES[group.cause]), count=group.count),
        fix=text(locale, FIXES[group.cause]),
        columns=tuple(text(locale, c) for c in ("Lead", "Owner", "Due", "Overdue by", "State")),
        rows=tuple(_row(entry, locale, zone) for entry in group.entries),
        more=text(locale, "and {count} more", count=left) if left else "",
    )


def _row(entry: Entry, locale: str, zone: ZoneInfo) -> Row:
    breach = entry.breach
    return Row(
        lead=one_line(who(breach.lead, locale)),
        link=breach.link,
        owner=one_line(breach.owner or "") or text(locale, "nobody yet"),
        due=moment(breach.due_at, zone, locale),
        overdue=overdue_in_words(entry.overdue, entry.working, locale),
        state=text(locale, STATES[state(entry)]),
    )


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


def agenda_json(agenda: Agenda, locale: str) -> dict[str, Any]:
    """Times in UTC, spans in seconds; `title`, `fix` and `label` are words of the locale."""
    return {
        "schema": SCHEMA,
        "series": {"key": agenda.series_key, "name": agenda.series.name},
        "meeting": _meeting_json(agenda),
        "since": _utc(agenda.since),
        "as_of": _utc(agenda.as_of),
        "figures": _figures_json(agenda.figures),
        "breaches": {
            "count": agenda.breaches,
            "new": agenda.new,
            "carried_over": agenda.breaches - agenda.new,
            "groups": [_group_json(group, locale) for group in agenda.groups],
        },
        "kpis": [_kpi_json(figure, agenda.definition, locale) for figure in agenda.kpis],
    }


def _kpi_json(figure: Figure, definition: Definition, locale: str) -> dict[str, Any]:
    """`value`: a number, a share from 0 to 1, or seconds."""
    name, words, owner, basis = _kpi(figure, definition, locale)
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


def _meeting_json(agenda: Agenda) -> dict[str, Any]:
    meeting = agenda.meeting
    return {
        "number": meeting.number,
        "start": _utc(meeting.start),
        "end": _utc(meeting.end),
        "minutes": agenda.series.minutes,
        "time_zone": agenda.series.time_zone,
        "planned": meeting.planned.isoformat(),
        "moved": meeting.moved_because is not None,
        "moved_because": meeting.moved_because or None,
    }


def _figures_json(figures: Figures) -> dict[str, Any]:
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
        "qualified_at": _utc(breach.qualified_at),
        "due_at": _utc(breach.due_at),
        "touched_at": _utc(breach.touched_at) if breach.touched_at else None,
        "overdue_seconds": int(entry.overdue.total_seconds()),
        "overdue_in": "working_time" if entry.working else "elapsed_time",
        "state": state(entry),
        "still_open": breach.still_open,
        "new": entry.new,
        "link": breach.link,
    }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# --- Markdown


def agenda_markdown(agenda: Agenda, locale: str, zone: ZoneInfo) -> str:
    """For pasting into documents and chats: headings, and tables of five columns at most."""
    said = sheet(agenda, locale, zone)
    blocks = [
        f"# {escaped(said.title)}",
        "\n".join(f"- {escaped(note)}" for note in said.notes),
        f"## {escaped(said.figures_title)}",
        _table(said.figures_columns, [[escaped(cell) for cell in pair] for pair in said.figures]),
        f"## {escaped(said.breaches_title)}",
        *(block for section in said.sections for block in _section_markdown(section)),
        *_kpis_markdown(said),
    ]
    return "\n\n".join(blocks) + "\n"


def _kpis_markdown(said: Sheet) -> Iterator[str]:
    if said.kpis:
        yield f"## {escaped(said.kpis_title)}"
        yield _table(said.kpis_columns, [[escaped(cell) for cell in line] for line in said.kpis])


def _section_markdown(section: Section) -> Iterator[str]:
    yield f"### {escaped(section.title)}"
    yield escaped(section.fix)
    yield _table(section.columns, [_row_markdown(row) for row in section.rows])
    if section.more:
        yield escaped(section.more)


def _row_markdown(row: Row) -> list[str]:
    lead = f"[{escaped(row.lead)}](<{row.link}>)"
    return [lead, *(escaped(cell) for cell in (row.owner, row.due, row.overdue, row.state))]


def _table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [[escaped(column) for column in columns], ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(words: str) -> str:
    """Words that Markdown shows as they are."""
    return MARKUP.sub(r"\\\g<0>", words)


# --- HTML


def agenda_html(agenda: Agenda, locale: str, zone: ZoneInfo) -> str:
    """A fragment for a page or the clipboard; needs nothing from other hosts."""
    return templates.get_template("agenda.html").render(sheet=sheet(agenda, locale, zone))
