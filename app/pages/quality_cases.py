"""The cases of what the data leaves to be mended, as a table has them: on a page and in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.domain.agenda import Lead
from app.domain.clock import Verdict
from app.domain.identity import Doubt
from app.domain.language import span
from app.domain.quality import Jump, Kind, Logging
from app.domain.statistics import share_in_words
from app.flows import people
from app.flows.evidence import OwnersPauses, StatusOnly
from app.flows.messages import who
from app.flows.misfits import ImpossibleTime, JumpRow, Quarantine, UnknownWord
from app.flows.people import Question
from app.pages.words import of_verdict
from connectors.contract import EventKind

#: What is in doubt, as people read it.
DOUBTS = {
    Doubt.AMBIGUOUS: "one address, several records",
    Doubt.CROWDED: "one address, very many records",
    Doubt.CONTRADICTORY: "the tools contradict each other",
}


class Teller(Protocol):
    """Puts messages and moments into the reader's words."""

    @property
    def locale(self) -> str: ...

    def words(self, message: str, **values: object) -> str: ...

    def moment(self, at: datetime | None) -> str: ...


def _who(lead: Any, teller: Teller) -> str:
    return who(Lead(lead.id, lead.name, lead.company), teller.locale)


def _ownerless(row: Any, teller: Teller) -> list[object]:
    lead = who(Lead(row.lead_id, row.lead_name, row.company), teller.locale)
    verdict = teller.words(of_verdict(Verdict(row.verdict)).word)
    return [row.id, lead, teller.moment(row.qualified_at), teller.moment(row.due_at), verdict]


def _one_sided(row: Any, teller: Teller) -> list[object]:
    mql = teller.words("yes") if row.handed_over else ""
    return [row.id, _who(row, teller), teller.moment(row.first_seen_at), teller.moment(row.updated_at), mql]


def _doubt(row: Question, teller: Teller) -> list[object]:
    ids = "\n".join(people.spelled(one) for one in row.ids)
    others = "\n".join(f"{other.id} {_who(other, teller)}" for other in row.others)
    return [row.lead.id, ids, teller.words(DOUBTS[row.why]), others]


def _status_only(row: StatusOnly, teller: Teller) -> list[object]:
    return [row.handoff_id, _who(row.lead, teller), row.owner, row.status, teller.moment(row.at), row.by]


def _logging(told: Logging, teller: Teller) -> list[object]:
    whose = teller.words("everybody") if told.everybody else told.whose
    spans = [span(length, teller.locale) for length in (told.median, told.p90)]
    return [whose, told.late.whole, share_in_words(told.late, teller.locale), *spans]


def _jump(row: JumpRow, teller: Teller) -> list[object]:
    jump, times = row.jump, [teller.moment(row.jump.began_at), teller.moment(row.jump.ended_at)]
    if isinstance(jump, Jump) and row.lead:
        return [row.source, _who(row.lead, teller), f"{jump.before:g} → {jump.after:g}", *times]
    leads = 1 if isinstance(jump, Jump) else jump.leads
    return [row.source, teller.words("{n} leads at once", n=leads), "", *times]


def _quarantine(row: Quarantine, teller: Teller) -> list[object]:
    return [row.source, row.count, row.cause, teller.moment(row.oldest), teller.moment(row.newest), row.delivery_id]


def _word(row: UnknownWord, teller: Teller) -> list[object]:
    return [row.source, row.word, row.count, teller.moment(row.newest), row.line]


def _channel(row: UnknownWord, teller: Teller) -> list[object]:
    return _word(row, teller)[:-1]


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


def _time(row: ImpossibleTime, teller: Teller) -> list[object]:
    why, times = teller.words(WHY[row.why]), [teller.moment(row.said), teller.moment(row.against)]
    return [_who(row.lead, teller), row.source, teller.words(EVENTS.get(row.kind, row.kind)), *times, why]


def _pauses(row: OwnersPauses, teller: Teller) -> list[object]:
    held = "\n".join(
        f"{each.handoff_id} {_who(each.lead, teller)}: {each.pause.reason or ''}".removesuffix(": ")
        for each in row.paused
    )
    return [row.owner, row.count, teller.moment(row.oldest), held]


Cells = Callable[[Any, Teller], list[object]]
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
