"""`tasuki meeting list|show|start|note|close|…` and `tasuki proposal …`: meetings as they are held."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson, Terminal
from app.commands.sources import configuration
from app.domain.checklist import Mark, Point
from app.domain.health import health as healthy
from app.domain.policy import BEGINNING
from app.domain.run import Entry, ReviewOutcome, Said, Stage
from app.domain.template import title_of
from app.flows import preparation, record, reviews, sitting
from app.flows.actions import Person
from app.flows.meetings import DEFAULT, read_series
from app.flows.record import Record
from app.flows.reviews import Wish
from app.pages import formats, papers
from app.pages.formats import Form
from app.pages.minutes import OUTCOMES
from app.state import State

proposal = typer.Typer(no_args_is_help=True, help="Changes of the SLA that meetings decided.")

Key = Annotated[str, typer.Option("--key", help="The series' key.")]
Number = Annotated[int | None, typer.Argument(min=1, max=100_000, help="Its number in the series; none: the next one.")]
#: Meetings that a list shows.
LISTED = 50

#: Message ids.
STAGES = {Stage.COMING: "coming", Stage.RUNNING: "running", Stage.CLOSED: "closed"}
MARKS = {
    Mark.DONE: "✓ done",
    Mark.LATE: "△ late",
    Mark.OPEN: "□ open",
    Mark.OVERRIDDEN: "✓ counted as done",
}


def person(state: State) -> Person:
    now = state.clock()
    return Person(operator(), now, now.astimezone(state.settings.zone).date())


def number_of(state: State, key: str, number: int | None) -> int:
    """Where none is given, that of the meeting being held, or of the next one. Raises NoSuchSeries, NoMeetingAhead."""
    if number is not None:
        return number
    with state.database.read() as c:
        return record.running(c, key, state.clock()) or read_series(c, key).next_meeting(state.clock()).number


def list_(
    key: Annotated[str | None, typer.Option("--key", help="Only of this series.")] = None, as_json: AsJson = False
) -> None:
    """Meetings that were prepared, the newest first."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = [record.of_row(c, row, state.clock()) for row in record.listed(c, key, None, LISTED).rows]
        if as_json:
            terminal.json([_entry(each) for each in found])
            return
        columns = ("Series", "Number", "Begins", "State", "Agenda frozen", "Minutes written")
        terminal.table(columns, [_row(each, terminal) for each in found])


def _entry(found: Record) -> dict[str, Any]:
    row = found.row
    known = {"series": row.series_key, "number": row.number, "start": row.starts_at, "stage": found.run.stage.value}
    return known | {"frozen_at": row.frozen_at, "closed_at": row.closed_at}


def _row(found: Record, terminal: Terminal) -> list[object]:
    row, stage = found.row, terminal.words(STAGES[found.run.stage])
    moments = [terminal.moment(at) for at in (row.starts_at, row.frozen_at, row.closed_at)]
    return [row.series_key, row.number, moments[0], stage, *moments[1:]]


def show(number: Number = None, key: Key = DEFAULT, as_json: AsJson = False) -> None:
    """One meeting: its items with the time they took, and everything that was said."""
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        with state.database.read() as c:
            found = record.read(c, key, which, state.clock())
        if as_json:
            said = [
                {"id": e.id, "kind": e.kind.value, "by": e.by, "item": e.item, "text": e.text}
                for e in found.run.entries
            ]
            terminal.json(_entry(found) | {"entries": said})
            return
        items(found, terminal)
        cells = [
            [e.id, terminal.moment(e.at), e.by, e.item or "", terminal.words(KINDS[e.kind]), e.text]
            for e in found.run.entries
        ]
        terminal.table(("Number", "When", "Said by", "Item", "What", "Said"), cells)


KINDS = {
    Said.TOPIC: "topic",
    Said.STARTED: "started",
    Said.VISITED: "taken up",
    Said.EXTENDED: "given more time",
    Said.NOTE: "note",
    Said.NOTHING: "nothing new",
    Said.DECISION: "decision",
    Said.TASK: "task",
    Said.TAKEN: "became an action item",
    Said.PARKED: "put off",
    Said.ATTENDANCE: "attendance",
    Said.RATED: "rated",
    Said.TICKED: "counted as done",
    Said.CLOSED: "closed",
}


def items(found: Record, terminal: Terminal) -> None:
    """The agenda with planned and spent minutes."""
    rows = [
        [
            "▶" if number == found.run.current else "",
            number,
            title_of(box, terminal.locale),
            box.minutes,
            round(found.run.spent[number].total_seconds() / 60) if number in found.run.spent else "",
        ]
        for number, box in enumerate(found.template.items, 1)
    ]
    terminal.table(("", "Item", "What", "Minutes", "Spent"), rows)


def start(number: Number = None, key: Key = DEFAULT) -> None:
    """Begin the meeting; an agenda that is not frozen yet is frozen now."""
    with opened() as (state, terminal):
        which, who = number_of(state, key, number), person(state)
        preparation.ready(state.database, state.settings, papers, key, which, who.now)
        say(state, key, which, Entry(0, BEGINNING, "", Said.STARTED, item=1))
        terminal.say("Meeting {number} has begun.", number=which)


def say(state: State, key: str, number: int, said: Entry) -> Entry:
    with state.database.write() as c:
        return record.say(c, person(state), key, number, said)


def note(
    text: Annotated[str, typer.Argument(help="What is said.")],
    kind: Annotated[Said, typer.Option("--kind", help="topic, note, decision, task, parked, nothing …")] = Said.NOTE,
    item: Annotated[int | None, typer.Option(min=1, help="The item of the agenda; none: the one on the table.")] = None,
    number: Annotated[int | None, typer.Option("--number", min=1, help="The meeting; none: the next one.")] = None,
    key: Key = DEFAULT,
) -> None:
    """Write something down, before the meeting or in it."""
    if kind not in (Said.TOPIC, Said.NOTE, Said.DECISION, Said.TASK, Said.PARKED, Said.NOTHING):
        raise CannotDo("This cannot be noted by hand; see `tasuki meeting --help`.", USAGE)
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        preparation.begun(state.database, key, which, state.clock())
        say(state, key, which, Entry(0, BEGINNING, "", kind, item, text))
        terminal.say("Noted.")


def decide(
    text: Annotated[str, typer.Argument(help="What was decided.")],
    sla: Annotated[ReviewOutcome | None, typer.Option(help="What the review of the SLA ended in.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the policy and its new value: target=48.")
    ] = None,
    policy: Annotated[str, typer.Option(help="Key of the policy.")] = "mql",
    effective: Annotated[str, typer.Option("--from", help="The day it takes effect, 2026-10-01.")] = "",
    review: Annotated[str, typer.Option(help="The day the meeting looks at what it did, 2026-11-05.")] = "",
    number: Annotated[int | None, typer.Option("--number", min=1, help="The meeting; none: the next one.")] = None,
    key: Key = DEFAULT,
) -> None:
    """Write a decision down; one that changes the SLA becomes a proposal."""
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        data = {"sla": sla.value} if sla else {}
        said = Entry(0, BEGINNING, "", Said.DECISION, text=text, data=data)
        wish = _wish(policy, changes, effective, review) if changes else None
        with state.database.write() as c:
            _, proposed = sitting.decide(c, person(state), key, which, said, wish)
        terminal.say("Noted.")
        if proposed:
            terminal.say("Proposal {number}: adopt it with `tasuki proposal adopt {number}`.", number=proposed)


def _wish(policy: str, changes: list[str], effective: str, review: str) -> Wish:
    return Wish(policy, configuration(None, changes).data, _day(effective, "--from"), _day(review, "--review"))


def _day(words: str, option: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise CannotDo("Write a day after {option}, such as 2026-10-01.", USAGE, option=option) from None


def rate(
    rating: Annotated[int, typer.Argument(min=1, max=5, help="1 to 5.")],
    improve: Annotated[str, typer.Option(help="What would make it better.")] = "",
    number: Annotated[int | None, typer.Option("--number", min=1, help="The meeting; none: the next one.")] = None,
    key: Key = DEFAULT,
) -> None:
    """Say how good the meeting was."""
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        say(state, key, which, Entry(0, BEGINNING, "", Said.RATED, text=improve, data={"rating": rating}))
        terminal.say("Noted.")


def tick(
    point: Annotated[int, typer.Argument(min=1, max=16, help="Point of the checklist.")],
    why: Annotated[str, typer.Argument(help="Why it counts as done against the evidence.")],
    number: Annotated[int | None, typer.Option("--number", min=1, help="The meeting; none: the next one.")] = None,
    key: Key = DEFAULT,
) -> None:
    """Count a point of the checklist as done, with the reason."""
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        say(state, key, which, Entry(0, BEGINNING, "", Said.TICKED, text=why, data={"point": point}))
        terminal.say("Noted.")


def close(
    number: Number = None,
    key: Key = DEFAULT,
    note: Annotated[str, typer.Option(help="Why it closes although something is missing.")] = "",
) -> None:
    """The minutes stand and are sent."""
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        preparation.close(state.database, state.settings, papers, person(state), key, which, note)
        terminal.say("Meeting {number} is closed; the minutes are on their way.", number=which)


def checklist(number: Number = None, key: Key = DEFAULT, as_json: AsJson = False) -> None:
    """The sixteen points, ticked by evidence."""
    with opened() as (state, terminal):
        which = number_of(state, key, number)
        with state.database.read() as c:
            found = preparation.checklist(c, record.read(c, key, which, state.clock()))
        if as_json:
            terminal.json([{"number": p.number, "mark": p.mark.value, "title": terminal.words(p.title)} for p in found])
            return
        terminal.table(("", "State", "What", "Evidence"), [_point(point, terminal) for point in found])


def _point(point: Point, terminal: Terminal) -> list[object]:
    values = dict(point.finding.values)
    if "outcome" in values:
        values["outcome"] = terminal.words(OUTCOMES[values["outcome"]])
    why = (
        point.override.text
        if point.mark is Mark.OVERRIDDEN and point.override
        else terminal.words(point.finding.why, **values)
    )
    return [point.number, terminal.words(MARKS[point.mark]), terminal.words(point.title), why]


def paper(
    number: Annotated[int, typer.Argument(min=1, max=100_000, help="Its number in the series.")],
    minutes: Annotated[
        bool, typer.Option("--minutes/--agenda", help="The minutes, or the agenda as it was frozen.")
    ] = True,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.MD,
    key: Key = DEFAULT,
) -> None:
    """What a meeting showed or came to, the same months later."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            kept = papers.kept(c, key, number, "minutes" if minutes else "agenda", terminal.locale)
        terminal.file(formats.written(kept, form))


def restated(
    number: Annotated[int, typer.Argument(min=1, max=100_000, help="Its number in the series.")],
    key: Key = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Which figures of a meeting read differently by what is known today; its paper stays as it was."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = papers.restatements(c, state.settings, key, number, terminal.locale)
        if as_json:
            terminal.json(found)
        elif found:
            terminal.table(("KPI", "As shown", "Today"), [[each["title"], each["then"], each["now"]] for each in found])
        else:
            terminal.say("All figures read today as they were shown.")


def health(key: Key = DEFAULT) -> None:
    """How the last meetings went: in time, deciding, action items done, rated."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            held = record.held(c, key, state.clock())
        found = healthy(held)
        rating = f"{found.rating:.1f}" if found.rating is not None else "–"
        terminal.pairs(
            [
                (terminal.words("Meetings"), found.meetings),
                (terminal.words("On time"), f"{found.in_time.part}/{found.in_time.whole}"),
                (terminal.words("Decisions"), found.decisions),
                (terminal.words("Actions done"), f"{found.actions.part}/{found.actions.whole}"),
                (terminal.words("Rating"), rating),
            ]
        )


# --- proposals


@proposal.command("list")
def proposals(as_json: AsJson = False) -> None:
    """What meetings decided about the SLA, the newest first."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            rows = reviews.listed(c)
        if as_json:
            terminal.json([dict(row._mapping) for row in rows])
            return
        columns = ("Number", "Meeting no.", "Policy", "Effective", "Review", "State", "Version")
        cells = [
            [
                row.id,
                f"{row.series_key} #{row.meeting_number}",
                row.policy_key,
                row.effective_on,
                row.review_on,
                terminal.words(row.state),
                row.version or "",
            ]
            for row in rows
        ]
        terminal.table(columns, cells)


WhichProposal = Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Its number in `tasuki proposal list`.")]


@proposal.command()
def adopt(number: WhichProposal) -> None:
    """It becomes the next version of its policy."""
    with opened() as (state, terminal):
        zone, now = state.settings.zone, state.clock()
        version = reviews.adopt(state.database, state.versions, number, zone, by=operator(), now=now)
        terminal.say("It is version {version} of its policy now.", version=version)


@proposal.command()
def withdraw(number: WhichProposal) -> None:
    """It is not wanted any more."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            reviews.withdraw(c, number, by=operator(), now=state.clock())
        terminal.say("Noted.")
