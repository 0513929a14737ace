"""What is late, what jumps, and what nobody has explained."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.domain.calendar import japanese_office
from app.domain.episode import Change, ChangeKind
from app.domain.policy import Policies, PolicyVersion, default_policy
from app.domain.quality import (
    Entry,
    Jump,
    Look,
    Rescoring,
    Scoring,
    cause,
    known_activities,
    likely_status,
    logging_delays,
    mapping_line,
    open_ended,
    score_jumps,
)
from app.domain.rules import read_rule
from connectors.contract import LeadStatus
from tests.conftest import FRIDAY

H, MINUTE = timedelta(hours=1), timedelta(minutes=1)


# --- late entries


def entry(minutes: float, owner: str | None = "tanaka") -> Entry:
    return Entry(owner, FRIDAY, FRIDAY + minutes * MINUTE)


@pytest.mark.parametrize(
    ("minutes", "late", "median", "p90"),
    [
        ([0], 0, 0, 0),
        ([120], 0, 120, 120),
        ([121], 1, 121, 121),
        ([-30], 0, 0, 0),  # entered beforehand
        ([10, 20], 0, 15, 20),
        ([10, 20, 600], 1, 20, 600),
        (list(range(10, 110, 10)), 0, 55, 90),
        ([*range(10, 110, 10), 3000], 1, 60, 100),
    ],
)
def test_delays(minutes, late, median, p90) -> None:
    everybody, tanaka = logging_delays([entry(m) for m in minutes])
    assert (everybody.everybody, everybody.whose, tanaka.whose) == (True, None, "tanaka")
    assert (tanaka.late.part, tanaka.late.whole) == (late, len(minutes))
    assert (tanaka.median, tanaka.p90) == (median * MINUTE, p90 * MINUTE)


def test_who_wrote_most_comes_first_however_late() -> None:
    entries = [entry(600, "b"), entry(600, "b"), entry(0, "a"), entry(0, "a"), entry(900, "late"), entry(5, None)]
    told = logging_delays([*entries, entry(1, None), entry(1, None)])
    assert [(each.whose, each.late.whole) for each in told] == [
        (None, 8),
        (None, 3),
        ("a", 2),
        ("b", 2),
        ("late", 1),
    ]
    assert [each.everybody for each in told] == [True, False, False, False, False]
    assert logging_delays([]) == []


# --- scores


def scored(lead: int, minute: float, score: float, source: int = 1) -> Scoring:
    return Scoring(lead, source, FRIDAY + minute * MINUTE, score)


@pytest.mark.parametrize(
    ("steps", "jumps"),
    [
        ([(0, 10), (5, 60)], [(10, 60)]),
        ([(0, 10), (10, 60)], [(10, 60)]),
        ([(0, 10), (10.1, 60)], []),
        ([(0, 10), (5, 59)], []),
        ([(0, 90), (1, 0)], [(90, 0)]),
        ([(0, 10), (4, 35), (8, 62)], [(10, 62)]),  # in two steps
        ([(0, 10), (8, 35), (16, 62)], []),
        ([(0, 10), (1, 70), (2, 10)], [(10, 70)]),  # and back: one
        ([(0, 10), (1, 70), (60, 70), (61, 10)], [(10, 70), (70, 10)]),
        ([(0, 70), (1, 70), (2, 70)], []),
        ([(0, 70)], []),
    ],
)
def test_one_lead(steps, jumps) -> None:
    found = score_jumps([scored(1, minute, score) for minute, score in steps])
    assert [(jump.before, jump.after) for jump in found] == jumps


def bulk(leads: int, every: float, start: float = 0, source: int = 1) -> list[Scoring]:
    return [scored(100 + n, start + n * every, 60 + source, source) for n in range(leads)]


@pytest.mark.parametrize(
    ("scorings", "leads"),
    [
        (bulk(20, 0.5), [20]),
        (bulk(19, 0.5), []),
        (bulk(20, 10 / 19), [20]),
        (bulk(20, 0.6), []),
        (bulk(300, 0.1), [300]),
        (bulk(20, 0.5, start=0) + bulk(20, 0.5, start=60, source=2), [20, 20]),
        (bulk(10, 0.5) + bulk(10, 0.5, source=2), []),  # two tools
        ([scored(1, n / 10, n) for n in range(40)], []),  # one busy lead
        ([scored(n, 0, 5) for n in range(20)] + [scored(n, 30, 9) for n in range(20)], [20, 20]),
    ],
)
def test_many_leads_at_once(scorings, leads) -> None:
    found = score_jumps(sorted(scorings, key=lambda s: (s.lead_id, s.at)))
    assert [each.leads for each in found if isinstance(each, Rescoring)] == leads


def test_a_rescoring_tells_its_jumps_and_no_others() -> None:
    moved = [s for n in range(30) for s in (scored(n, -2000, 10), scored(n, -1, 10), scored(n, n / 10, 80))]
    alone = [scored(99, 500, 5), scored(99, 501, 80)]
    other_tool = [scored(98, 0, 5, source=2), scored(98, 1, 80, source=2)]
    found = score_jumps([*moved, *other_tool, *alone])
    told = [each.lead_id if isinstance(each, Jump) else each.leads for each in found]
    assert told == [30, 98, 30, 99]  # the first 30 were scored for the first time


# --- words


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("架電済み", LeadStatus.CONTACTED),
        ("未接触", LeadStatus.NEW),
        ("対応中", LeadStatus.WORKING),
        ("対象外", LeadStatus.DISQUALIFIED),
        ("失注済み", LeadStatus.DISQUALIFIED),
        ("商談化", LeadStatus.QUALIFIED),
        ("ナーチャリング中", LeadStatus.RECYCLED),
        ("Open - Not Contacted", LeadStatus.NEW),
        ("UNQUALIFIED", LeadStatus.DISQUALIFIED),
        ("ATTEMPTED_TO_CONTACT", LeadStatus.CONTACTED),
        ("Qualified", LeadStatus.QUALIFIED),
        ("Something else", None),
        ("renewal", None),
    ],
)
def test_what_a_status_probably_means(word, status) -> None:
    assert likely_status(word) == status


def test_the_line_for_the_configuration() -> None:
    assert mapping_line('架電"済"', LeadStatus.CONTACTED) == '"架電\\"済\\"": contacted'
    assert mapping_line("謎", None).startswith('"謎": …  # new, working, contacted')


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("[12].occurredAt: has no time zone\n[13].x: more", "occurredAt: has no time zone"),
        ("[3]: must be an object", "must be an object"),
        ("the connector failed", "the connector failed"),
        (None, ""),
    ],
)
def test_the_cause_of_a_quarantine(reason, said) -> None:
    assert cause(reason) == said


def look(*rules: object) -> Look:
    versions = [
        PolicyVersion(
            number, 1, default_policy().model_copy(update={"key": f"p{number}", "rule": read_rule(rule)}),
            japanese_office(), 1, None,
        )
        for number, rule in enumerate(rules)
    ]  # fmt: skip
    return Look(FRIDAY, 90, Policies(versions))


def test_activities_that_something_looks_at() -> None:
    score = {"score": {"at_least": 80}}
    assert "見学" not in (known_activities(look(score)) or ())
    assert {"download", "email_click", "visit"} <= (known_activities(look(score)) or set())
    assert "見学" in (known_activities(look(score, {"count": {"activity": "見学", "at_least": 1}})) or ())
    assert known_activities(look(score, {"recency": {"within_days": 7}})) is None


# --- pauses


def pause(start: float, end: float | None, *, open_end: bool = True, kind: ChangeKind = ChangeKind.PAUSE) -> Change:
    until = FRIDAY + end * H if end is not None else None
    return Change(kind, FRIDAY + start * H, FRIDAY, until=until, open_ended=open_end)


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        ([pause(-5, 700)], -5),
        ([pause(-5, None)], -5),
        ([pause(-5, 700, open_end=False)], None),
        ([pause(-5, 0)], None),  # ended by itself
        ([pause(1, 700)], None),  # still to come
        ([pause(-9, -8), pause(-5, 700)], -5),
        ([pause(-5, 700, kind=ChangeKind.START)], None),
        ([], None),
    ],
)
def test_open_ended(changes, since) -> None:
    found = open_ended(changes, FRIDAY)
    assert (found and found.at) == (None if since is None else FRIDAY + since * H)


def test_the_window() -> None:
    assert look().since == datetime(2026, 6, 20, 8, 30, tzinfo=FRIDAY.tzinfo)
