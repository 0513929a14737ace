"""`tasuki quality`: what the data leaves to be mended, as a list of things to do, and every case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

import typer

from app.commands.identities import DOUBTS
from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.domain.agenda import Lead
from app.domain.clock import Verdict
from app.domain.language import span
from app.domain.quality import Jump, Kind, Logging, Look
from app.domain.statistics import share_in_words
from app.flows import people, quality
from app.flows.evidence import OwnersPauses, StatusOnly
from app.flows.lists import Page
from app.flows.messages import who
from app.flows.misfits import ImpossibleTime, JumpRow, Quarantine, UnknownWord
from app.flows.people import Question
from app.pages.words import of_verdict
from connectors.contract import EventKind


def quality_(
    kind: Annotated[Kind | None, typer.Argument(help="List every case of this kind; else what there is to do.")] = None,
    days: Annotated[int, typer.Option(min=1, max=quality.MOST_DAYS, help="How many days back.")] = quality.DAYS,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What the data leaves to be mended: a list of things to do, or every case of one kind."""
    with opened() as (state, terminal), state.database.read() as c:
        look = Look(state.clock(), days, state.versions.read(c))
        if kind is None:
            _to_do(quality.tasks(c, look), terminal, as_json=as_json)
        else:
            _cases(kind, quality.rows(c, kind, look, limit=limit), terminal, as_json=as_json)


def _to_do(tasks: Sequence[quality.Task], terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([{"kind": t.kind, "count": t.tally.count, "oldest_at": t.tally.oldest} for t in tasks])
        return
    terminal.table(("Kind", "What", "Count", "Oldest", "To do"), [_task(task, terminal) for task in tasks])
    terminal.say("`tasuki quality KIND` lists every case.")


def _task(task: quality.Task, terminal: Terminal) -> list[object]:
    remedy = terminal.words(task.remedy) if task.tally.count else ""
    return [task.kind, terminal.words(task.title), task.tally.count, terminal.moment(task.tally.oldest), remedy]


def _cases(kind: Kind, page: Page, terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([_plain(row) for row in page.rows])
        return
    if not page.rows:
        terminal.say("Nothing to mend here.")
        return
    columns, cells = CASES[kind]
    terminal.table(columns, [cells(row, terminal) for row in page.rows])
    terminal.line(terminal.words(quality.WORDS[kind][1]))
    if page.last:
        terminal.say("There are more; ask for them with --limit.")


def _plain(row: Any) -> Any:
    """As it was found; times of a length in seconds."""
    if isinstance(row, Logging):
        counted = {"whose": row.whose, "everybody": row.everybody, "recorded": row.late.whole, "late": row.late.part}
        spans = {"median_seconds": row.median.total_seconds(), "p90_seconds": row.p90.total_seconds()}
        return counted | spans | {"oldest_at": row.oldest}
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else dict(row._mapping)


def _who(lead: Any, terminal: Terminal) -> str:
    return who(Lead(lead.id, lead.name, lead.company), terminal.locale)


def _ownerless(row: Any, terminal: Terminal) -> list[object]:
    lead = who(Lead(row.lead_id, row.lead_name, row.company), terminal.locale)
    verdict = terminal.words(of_verdict(Verdict(row.verdict)).word)
    return [row.id, lead, terminal.moment(row.qualified_at), terminal.moment(row.due_at), verdict]


def _one_sided(row: Any, terminal: Terminal) -> list[object]:
    mql = terminal.words("yes") if row.handed_over else ""
    return [row.id, _who(row, terminal), terminal.moment(row.first_seen_at), terminal.moment(row.updated_at), mql]


def _doubt(row: Question, terminal: Terminal) -> list[object]:
    ids = "\n".join(people.spelled(one) for one in row.ids)
    others = "\n".join(f"{other.id} {_who(other, terminal)}" for other in row.others)
    return [row.lead.id, ids, terminal.words(DOUBTS[row.why]), others]


def _status_only(row: StatusOnly, terminal: Terminal) -> list[object]:
    return [row.handoff_id, _who(row.lead, terminal), row.owner, row.status, terminal.moment(row.at), row.by]


def _logging(told: Logging, terminal: Terminal) -> list[object]:
    whose = terminal.words("everybody") if told.everybody else told.whose
    spans = [span(length, terminal.locale) for length in (told.median, told.p90)]
    return [whose, told.late.whole, share_in_words(told.late, terminal.locale), *spans]


def _jump(row: JumpRow, terminal: Terminal) -> list[object]:
    jump, times = row.jump, [terminal.moment(row.jump.began_at), terminal.moment(row.jump.ended_at)]
    if isinstance(jump, Jump) and row.lead:
        return [row.source, _who(row.lead, terminal), f"{jump.before:g} → {jump.after:g}", *times]
    leads = 1 if isinstance(jump, Jump) else jump.leads
    return [row.source, terminal.words("{n} leads at once", n=leads), "", *times]


def _quarantine(row: Quarantine, terminal: Terminal) -> list[object]:
    return [row.source, row.count, row.cause, terminal.moment(row.oldest), terminal.moment(row.newest), row.delivery_id]


def _word(row: UnknownWord, terminal: Terminal) -> list[object]:
    return [row.source, row.word, row.count, terminal.moment(row.newest), row.line]


def _channel(row: UnknownWord, terminal: Terminal) -> list[object]:
    return _word(row, terminal)[:-1]


EVENTS = {
    EventKind.LEAD: "Profile",
    EventKind.SCORE: "Score",
    EventKind.ACTIVITY: "Activity",
    EventKind.OWNER: "Owner",
    EventKind.STATUS: "Status",
    EventKind.FOLLOW_UP: "Follow-up",
    EventKind.DISPOSITION: "Decision",
    EventKind.OPPORTUNITY: "Opportunity",
}
WHY = {"future": "still to come when it was received", "too_early": "before any tool knew the lead"}


def _time(row: ImpossibleTime, terminal: Terminal) -> list[object]:
    why, times = terminal.words(WHY[row.why]), [terminal.moment(row.said), terminal.moment(row.against)]
    return [_who(row.lead, terminal), row.source, terminal.words(EVENTS.get(row.kind, row.kind)), *times, why]


def _pauses(row: OwnersPauses, terminal: Terminal) -> list[object]:
    held = "\n".join(
        f"{each.handoff_id} {_who(each.lead, terminal)}: {each.pause.reason or ''}".removesuffix(": ")
        for each in row.paused
    )
    return [row.owner, row.count, terminal.moment(row.oldest), held]


Cells = Callable[[Any, Terminal], list[object]]
_ONE_SIDED: tuple[Sequence[str], Cells] = (("Lead", "Who", "Known since", "Last change", "MQL"), _one_sided)
#: Columns and cells of each kind.
CASES: dict[Kind, tuple[Sequence[str], Cells]] = {
    Kind.OWNERLESS: (("Handoff", "Lead", "MQL since", "Due", "State"), _ownerless),
    Kind.MA_ONLY: _ONE_SIDED,
    Kind.SFA_ONLY: _ONE_SIDED,
    Kind.AMBIGUOUS_IDENTITIES: (("Lead", "Known as", "In doubt", "Shared with"), _doubt),
    Kind.STATUS_ONLY: (("Handoff", "Lead", "Owner", "Status", "When", "By"), _status_only),
    Kind.LATE_LOGGING: (("Team or owner", "Recorded", "After more than 2 h", "Median", "Nine of ten within"), _logging),
    Kind.SCORE_JUMPS: (("Source", "Lead", "Score", "Since", "Until"), _jump),
    Kind.QUARANTINED: (("Source", "Count", "Why", "Oldest", "Newest", "Delivery"), _quarantine),
    Kind.UNMAPPED_STATUSES: (("Source", "Word", "Count", "Newest", "Line for `statuses`"), _word),
    Kind.UNMAPPED_CHANNELS: (("Source", "Word", "Count", "Newest"), _channel),
    Kind.IMPOSSIBLE_TIMES: (("Lead", "Source", "What", "It says", "Against", "Why"), _time),
    Kind.OPEN_ENDED_PAUSES: (("Owner", "Count", "Oldest", "Handoffs"), _pauses),
}
