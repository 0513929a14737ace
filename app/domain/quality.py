"""What the data leaves to be mended: late entries, jumping scores, words that nobody has explained yet."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from math import ceil

from app.domain.episode import Change, ChangeKind
from app.domain.policy import Policies
from app.domain.rules import ACTIVITY_WORDS, activities_needed
from app.domain.statistics import Share
from connectors.contract import LeadStatus

#: "Recorded within two hours" is what the teams agree on.
IN_GOOD_TIME = timedelta(hours=2)
#: A lead whose score moves by as much …
JUMP = 50
#: … or as many leads of one source whose scores change …
MANY = 20
#: … within this time: nobody did that by reading.
AT_ONCE = timedelta(minutes=10)
#: A follow-up this long before anybody knew the lead is a wrong date, not a quick rep.
TOO_EARLY = timedelta(days=1)


class Kind(StrEnum):
    """What there is to mend."""

    OWNERLESS = "ownerless"
    MA_ONLY = "ma_only"
    SFA_ONLY = "sfa_only"
    AMBIGUOUS_IDENTITIES = "ambiguous_identities"
    STATUS_ONLY = "status_only"
    LATE_LOGGING = "late_logging"
    SCORE_JUMPS = "score_jumps"
    QUARANTINED = "quarantined"
    UNMAPPED_STATUSES = "unmapped_statuses"
    UNMAPPED_CHANNELS = "unmapped_channels"
    IMPOSSIBLE_TIMES = "impossible_times"
    OPEN_ENDED_PAUSES = "open_ended_pauses"


@dataclass(frozen=True, slots=True)
class Look:
    """Up to when and how far back one looks, and the SLA of the time."""

    now: datetime
    days: float
    policies: Policies

    @property
    def since(self) -> datetime:
        return self.now - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, and since when the oldest."""

    count: int
    oldest: datetime | None


# --- late entries


@dataclass(frozen=True, slots=True)
class Entry:
    """A follow-up that somebody wrote down."""

    #: Who did it, or else the lead's owner; the team instead where teams are named. None: nobody knows, or in no team.
    whose: str | None
    happened_at: datetime
    written_at: datetime

    @property
    def delay(self) -> timedelta:
        """Never negative: a meeting that is entered beforehand is not late."""
        return max(self.written_at - self.happened_at, timedelta())

    @property
    def late(self) -> bool:
        return self.delay > IN_GOOD_TIME


@dataclass(frozen=True, slots=True)
class Logging:
    """How long entries took."""

    #: As in `Entry`; None with `everybody`: all of them together.
    whose: str | None
    everybody: bool
    late: Share
    median: timedelta
    #: Nine of ten took this long at most (nearest rank).
    p90: timedelta
    #: When the earliest of the late ones happened.
    oldest: datetime | None

    @property
    def count(self) -> int:
        """Of late entries, each counted once however they are summed up."""
        return 0 if self.everybody else self.late.part


def logging_delays(entries: Sequence[Entry]) -> list[Logging]:
    """All together, then one by one: who wrote most first. How late somebody is gives nobody a place."""
    if not entries:
        return []
    by_name = sorted(entries, key=lambda e: (e.whose is None, e.whose or ""))
    told = [_logging(list(group), whose) for whose, group in groupby(by_name, key=lambda e: e.whose)]
    told.sort(key=lambda each: -each.late.whole)  # stable: by name where they wrote as much
    return [_logging(entries, None, everybody=True), *told]


def _logging(entries: Sequence[Entry], whose: str | None, *, everybody: bool = False) -> Logging:
    delays = sorted(entry.delay for entry in entries)
    late = [entry.happened_at for entry in entries if entry.late]
    middle = (delays[(len(delays) - 1) // 2] + delays[len(delays) // 2]) / 2
    p90 = delays[ceil(0.9 * len(delays)) - 1]
    return Logging(whose, everybody, Share(len(late), len(entries)), middle, p90, min(late, default=None))


# --- scores


@dataclass(frozen=True, slots=True)
class Scoring:
    """A score that was set."""

    lead_id: int
    source_id: int | None
    at: datetime
    score: float


@dataclass(frozen=True, slots=True)
class Jump:
    """A lead whose score moved far within minutes."""

    lead_id: int
    source_id: int | None
    before: float
    after: float
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Rescoring:
    """Many leads of one source whose scores changed within minutes."""

    source_id: int | None
    leads: int
    began_at: datetime
    ended_at: datetime


def score_jumps(scorings: Iterable[Scoring]) -> list[Jump | Rescoring]:
    """Oldest first. What moved in a rescoring is told by it, not lead by lead. `scorings`: by lead, then in time."""
    jumps: list[Jump] = []
    changes: dict[int | None, list[Scoring]] = {}
    for _, group in groupby(scorings, key=lambda s: s.lead_id):
        mine = list(group)
        jumps += _jumps(mine)
        for scoring in _changed(mine):
            changes.setdefault(scoring.source_id, []).append(scoring)
    bulk = [each for source_id, mine in changes.items() for each in _rescorings(source_id, mine)]
    single = [jump for jump in jumps if not any(_part_of(jump, each) for each in bulk)]
    return sorted([*bulk, *single], key=lambda each: (each.began_at, each.ended_at))


def _changed(scorings: Sequence[Scoring]) -> list[Scoring]:
    """Without what a tool repeats."""
    return [s for place, s in enumerate(scorings) if place == 0 or s.score != scorings[place - 1].score]


def _jumps(scorings: Sequence[Scoring]) -> list[Jump]:
    """One for each stretch of time in which the score was far from where it had been minutes before."""
    found: list[Jump] = []
    moments = [s.at for s in scorings]
    for place, last in enumerate(scorings):
        lately = scorings[bisect_left(moments, last.at - AT_ONCE) : place + 1]
        first = max(lately, key=lambda s: abs(last.score - s.score))
        far = abs(last.score - first.score) >= JUMP
        if far and (not found or first.at > found[-1].ended_at):
            found.append(Jump(last.lead_id, last.source_id, first.score, last.score, first.at, last.at))
    return found


def _rescorings(source_id: int | None, scorings: list[Scoring]) -> Iterator[Rescoring]:
    scorings.sort(key=lambda s: s.at)
    for first, last in _crowded(scorings):
        leads = {s.lead_id for s in scorings[first : last + 1]}
        yield Rescoring(source_id, len(leads), scorings[first].at, scorings[last].at)


def _crowded(scorings: Sequence[Scoring]) -> list[tuple[int, int]]:
    """First and last place of every stretch in which MANY different leads were scored within AT_ONCE."""
    found: list[tuple[int, int]] = []
    within: Counter[int] = Counter()
    start = 0
    for place, scoring in enumerate(scorings):
        within[scoring.lead_id] += 1
        while scoring.at - scorings[start].at > AT_ONCE:
            gone, start = scorings[start].lead_id, start + 1
            within[gone] -= 1
            if not within[gone]:
                del within[gone]
        if len(within) >= MANY:
            began = found.pop()[0] if found and start <= found[-1][1] else start
            found.append((began, place))
    return found


def _part_of(jump: Jump, bulk: Rescoring) -> bool:
    return jump.source_id == bulk.source_id and bulk.began_at <= jump.ended_at <= bulk.ended_at


# --- words


#: What teams call their statuses: the beginnings of Latin words, and parts of Japanese ones. The first that fits.
STATUS_WORDS = (
    (LeadStatus.NEW, ("not", "new", "open", "未", "新規")),
    (
        LeadStatus.DISQUALIFIED,
        ("unqual", "disqual", "lost", "dead", "junk", "対象外", "失注", "不要", "見込みなし", "除外"),
    ),
    (LeadStatus.RECYCLED, ("recycl", "nurtur", "リサイクル", "ナーチャリング", "育成", "差し戻し", "差戻")),
    (LeadStatus.CONVERTED, ("convert", "deal", "受注", "取引開始", "コンバート")),
    (LeadStatus.QUALIFIED, ("qualif", "sql", "opportunit", "商談", "案件", "有望")),
    (LeadStatus.CONTACTED, ("contact", "connect", "reach", "接触", "済", "連絡がついた", "つながった")),
    (LeadStatus.WORKING, ("work", "progress", "attempt", "中", "アプローチ", "フォロー")),
)


def likely_status(word: str) -> LeadStatus | None:
    """What a status probably means, as a proposal for the person who decides. Nothing is ever mapped by it."""
    lowered = word.lower()
    latin = re.findall("[a-z]+", lowered)
    for status, signs in STATUS_WORDS:
        if any(sign in lowered if not sign.isascii() else any(w.startswith(sign) for w in latin) for sign in signs):
            return status
    return None


def mapping_line(word: str, status: LeadStatus | None) -> str:
    """The line of YAML that explains the word, below `statuses:` of its source's configuration."""
    quoted = json.dumps(word, ensure_ascii=False)
    return f"{quoted}: {status}" if status else f"{quoted}: …  # {', '.join(LeadStatus)}"


def known_activities(look: Look) -> frozenset[str] | None:
    """The kinds of activity that have words of their own, or that a rule in force looks at; None: one looks at all."""
    looked_at = [activities_needed(version.policy.rule) for version in look.policies.in_force(look.now)]
    return None if None in looked_at else frozenset(ACTIVITY_WORDS).union(*(kinds or () for kinds in looked_at))


def cause(reason: str | None) -> str:
    """Why a delivery is quarantined, in the words that others of its kind share: the first line, without the place
    in the batch."""
    return re.sub(r"^\[\d+\]\.?(: )?", "", (reason or "").partition("\n")[0])


# --- pauses


def open_ended(changes: Iterable[Change], now: datetime) -> Change | None:
    """The pause that holds a clock now and that nobody gave an end; it ends by itself at `until`."""
    lasting = (c for c in changes if c.kind is ChangeKind.PAUSE and c.open_ended and c.at <= now)
    return min((c for c in lasting if c.until is None or c.until > now), key=lambda c: c.at, default=None)
