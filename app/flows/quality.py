"""The list of what the data leaves to be mended: how much of each kind there is, and every single case.

No query reads more than the leads that changed in the last days (`Look.days`); what each one costs stands in its
docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app.domain.quality import Kind, Look, Tally
from app.flows import evidence, misfits, orphans
from app.flows.lists import Key, Page

#: How far back one looks, unless asked otherwise; and at most.
DAYS, MOST_DAYS = 90, 365

Count = Callable[[Connection, Look], Tally]
Read = Callable[[Connection, Look, Key | None, int], Page]


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the list; `title` and `remedy` are message ids."""

    kind: Kind
    tally: Tally
    title: str
    remedy: str


def tasks(c: Connection, look: Look) -> list[Task]:
    """One for each kind, also where there is nothing to do."""
    return [Task(kind, SEARCHES[kind][0](c, look), *WORDS[kind]) for kind in Kind]


def rows(c: Connection, kind: Kind, look: Look, *, after: Key | None = None, limit: int) -> Page:
    """The cases of one kind; the shape of a row depends on the kind."""
    return SEARCHES[kind][1](c, look, after, limit)


def gathered(find: Callable[[Connection, Look], Sequence[Any]]) -> tuple[Count, Read]:
    """A search that finds all its rows at once, each with its `count` and `oldest`; pages begin after a place."""

    def tally(c: Connection, look: Look) -> Tally:
        found = find(c, look)
        return Tally(sum(row.count for row in found), min((row.oldest for row in found if row.oldest), default=None))

    def page(c: Connection, look: Look, after: Key | None, limit: int) -> Page:
        start = int(after[0]) if after and isinstance(after[0], int) else 0
        found = find(c, look)
        return Page(found[start : start + limit], (start + limit,) if start + limit < len(found) else None)

    return tally, page


def _known_only(side: orphans.Side) -> tuple[Count, Read]:
    return partial(orphans.count_known_only, side=side), (
        lambda c, look, after, limit: orphans.known_only(c, look, side, after, limit)
    )


#: How to count the cases of each kind, and how to read them.
SEARCHES: dict[Kind, tuple[Count, Read]] = {
    Kind.OWNERLESS: (orphans.count_ownerless, orphans.ownerless),
    Kind.MA_ONLY: _known_only("ma"),
    Kind.SFA_ONLY: _known_only("sfa"),
    Kind.AMBIGUOUS_IDENTITIES: (orphans.count_doubts, orphans.doubts),
    Kind.STATUS_ONLY: gathered(evidence.status_only),
    Kind.LATE_LOGGING: gathered(evidence.late_logging),
    Kind.SCORE_JUMPS: gathered(misfits.jumps),
    Kind.QUARANTINED: gathered(misfits.quarantined),
    Kind.UNMAPPED_STATUSES: gathered(misfits.unmapped_statuses),
    Kind.UNMAPPED_CHANNELS: gathered(misfits.unmapped_channels),
    Kind.IMPOSSIBLE_TIMES: gathered(misfits.impossible_times),
    Kind.OPEN_ENDED_PAUSES: gathered(evidence.open_ended_pauses),
}
#: What it is, and what to do about it.
WORDS: dict[Kind, tuple[str, str]] = {
    Kind.OWNERLESS: ("Open handoffs without an owner", "Assign them in the sales tool."),
    Kind.MA_ONLY: (
        "Leads that the sales tool has never seen",
        "Mend what carries leads over from the marketing tool, first for those that became MQL.",
    ),
    Kind.SFA_ONLY: (
        "Leads that the marketing tool has never seen",
        "Register them in the marketing tool, or join them with the lead that is there.",
    ),
    Kind.AMBIGUOUS_IDENTITIES: (
        "People who may be one person",
        "Decide with `tasuki identities join`, `part` or `split`.",
    ),
    Kind.STATUS_ONLY: (
        "Follow-ups of which only a status is recorded",
        "Agree to record the call, e-mail or meeting as well.",
    ),
    Kind.LATE_LOGGING: (
        "Follow-ups recorded more than two hours later",
        "See with the team what keeps entries from being made at once.",
    ),
    Kind.SCORE_JUMPS: (
        "Scores that jumped within minutes",
        "See in the marketing tool whether scores were set in bulk or the scoring changed.",
    ),
    Kind.QUARANTINED: (
        "Deliveries in quarantine",
        "Mend the mapping or the credential, then `tasuki deliveries replay`.",
    ),
    Kind.UNMAPPED_STATUSES: (
        "Status words that are not mapped",
        "Add the line to `statuses` of the source: `tasuki source configure`.",
    ),
    Kind.UNMAPPED_CHANNELS: (
        "Kinds of activity that nothing looks at",
        "Name them in a rule, or map them to a known kind in the source.",
    ),
    Kind.IMPOSSIBLE_TIMES: (
        "Times that cannot be right",
        "Put the date right in the tool, or set the clock of the machine that sends.",
    ),
    Kind.OPEN_ENDED_PAUSES: (
        "Clocks paused without an end",
        "Agree on a date with the owner, or resume.",
    ),
}
