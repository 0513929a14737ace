"""The sixteen points: what ticks each, what leaves it open, what a note may override; when a meeting can be closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.checklist import CHECKLIST, Evidence, Mark, Shared, check_closing, checklist
from app.domain.refusals import Refused
from app.domain.run import Entry, Said, read_run
from app.domain.template import Block, built_in, with_retrospective

SHARE_BY = datetime(2026, 9, 18, 1, tzinfo=UTC)
START = datetime(2026, 9, 24, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEMPLATE = built_in(90)
ITEM = {block: number for number, block in enumerate((each.block for each in TEMPLATE.items), 1)}


def said(*some: tuple[str, dict[str, Any]]) -> list[Entry]:
    made = []
    for number, (kind, more) in enumerate(some, 1):
        known = {name: value for name, value in more.items() if name in ("item", "text", "by")}
        data = {name: value for name, value in more.items() if name not in known}
        made.append(Entry(number, START + number * MINUTE, kind=Said(kind), data=data, **({"by": "伊藤"} | known)))
    return made


def talk(*more: tuple[str, dict[str, Any]], without: Block | None = None) -> list[Entry]:
    """Every item is taken up and something is noted on each; then what else was said."""
    items = [number for block, number in ITEM.items() if block is not without]
    visits = [each for n in items for each in (("visited", {"item": n}), ("note", {"item": n, "text": "済"}))]
    return said(("started", {}), *visits, *more)


WHOLE = (
    ("decision", {"text": "維持", "sla": "keep"}),
    ("rated", {"rating": 4, "text": "説明を短く"}),
)
GOOD = Evidence(
    number=4,
    template=TEMPLATE,
    run=read_run(talk(*WHOLE), START + 60 * MINUTE),
    share_by=SHARE_BY,
    agenda=Shared(3, 3, SHARE_BY),
    minutes=Shared(3, 3, START + 61 * MINUTE),
    frozen_at=SHARE_BY,
    silent=(),
    unanswered=(),
    made=2,
    completeness=0.5,
)


def evidence(*more: tuple[str, dict[str, Any]], without: Block | None = None, **changes: Any) -> Evidence:
    return replace(GOOD, run=read_run(talk(*(more or WHOLE), without=without), START + 60 * MINUTE), **changes)


def marks(e: Evidence) -> dict[int, Mark]:
    return {point.number: point.mark for point in checklist(e)}


TASK = ("task", {"text": "誰かがやる"})
#: It is said after the start, two entries of each item, and WHOLE.
TASK_PLACE = f"/tasks/{1 + 2 * len(ITEM) + len(WHOLE) + 1}"


def test_all_of_it_is_done_by_evidence() -> None:
    assert marks(GOOD) == dict.fromkeys(range(1, 17), Mark.DONE)
    assert len(CHECKLIST) == 16


@pytest.mark.parametrize(
    ("changed", "point", "mark"),
    [
        (evidence(agenda=Shared(0, 0, None)), 2, Mark.OPEN),
        (evidence(agenda=Shared(3, 2, SHARE_BY)), 2, Mark.OPEN),
        (evidence(agenda=Shared(3, 3, SHARE_BY + 15 * MINUTE)), 2, Mark.DONE),
        (evidence(agenda=Shared(3, 3, SHARE_BY + 16 * MINUTE)), 2, Mark.LATE),
        (evidence(frozen_at=None), 3, Mark.OPEN),
        (evidence(silent=("salesforce",)), 3, Mark.OPEN),
        (evidence(frozen_at=None), 4, Mark.OPEN),
        (evidence(unanswered=(7,)), 5, Mark.OPEN),
        (evidence(without=Block.KPI_REVIEW), 6, Mark.OPEN),
        (evidence(without=Block.CONVERSION), 7, Mark.OPEN),
        (evidence(completeness=None), 8, Mark.OPEN),
        (evidence(without=Block.CONTENT_CHANNELS), 9, Mark.OPEN),
        (evidence(without=Block.CONTENT_CHANNELS), 10, Mark.OPEN),
        (evidence(without=Block.BUDGET), 11, Mark.OPEN),
        (evidence(without=Block.DATA_QUALITY), 12, Mark.OPEN),
        (evidence(("rated", {"rating": 4, "text": "x"})), 13, Mark.OPEN),
        (evidence(*WHOLE, TASK), 14, Mark.OPEN),
        (evidence(made=0), 14, Mark.OPEN),
        (evidence(*WHOLE, ("nothing", {"item": ITEM[Block.DECISIONS]}), made=0), 14, Mark.DONE),
        (evidence(minutes=Shared(0, 0, None)), 15, Mark.OPEN),
        (evidence(minutes=Shared(3, 2, START)), 15, Mark.OPEN),
        (evidence(WHOLE[0]), 16, Mark.OPEN),
        (evidence(WHOLE[0], ("rated", {"rating": 4})), 16, Mark.OPEN),
    ],
)  # fmt: skip
def test_what_leaves_a_point_open(changed, point, mark) -> None:
    assert marks(changed)[point] is mark


def test_only_looking_at_conversion_is_not_discussing_it() -> None:
    """`変化なし` ticks a report, but not what has to be talked about."""
    looked = [("visited", {"item": ITEM[Block.CONVERSION]}), ("nothing", {"item": ITEM[Block.CONVERSION]})]
    changed = evidence(*WHOLE, *looked, without=Block.CONVERSION)
    assert marks(changed)[7] is Mark.OPEN


def test_a_retrospective_on_the_agenda_is_held() -> None:
    template = with_retrospective(TEMPLATE)
    (number,) = [n for n, each in enumerate(template.items, 1) if each.block is Block.RETROSPECTIVE]
    visits = [("visited", {"item": n}) for n in range(1, len(template.items) + 1)]
    for visited, mark in ((visits, Mark.DONE), ([v for v in visits if v[1]["item"] != number], Mark.OPEN)):
        run = read_run(said(("started", {}), *visited, *WHOLE), START + 60 * MINUTE)
        assert marks(replace(GOOD, template=template, run=run))[16] is mark


def test_a_note_overrides_what_is_open_and_nothing_else() -> None:
    changed = evidence(
        *WHOLE,
        ("ticked", {"point": 11, "text": "別会議"}),
        ("ticked", {"point": 12, "text": "念のため"}),
        without=Block.BUDGET,
    )
    assert (marks(changed)[11], marks(changed)[12]) == (Mark.OVERRIDDEN, Mark.DONE)
    assert {p.number: p.override.text for p in checklist(changed) if p.override} == {11: "別会議", 12: "念のため"}


@pytest.mark.parametrize(
    ("changed", "note", "places"),
    [
        (GOOD, "", []),
        (evidence(*WHOLE, TASK), "", [TASK_PLACE]),
        (evidence(unanswered=(7, 9)), "", ["/actions"]),
        (
            evidence(*WHOLE, ("task", {"text": "誰かがやる"}), unanswered=(7,)),
            "",
            [f"/tasks/{2 * len(ITEM) + 4}", "/actions"],
        ),
        (evidence(*WHOLE, ("task", {"text": "誰かがやる"}), unanswered=(7,)), "明日決める", []),
        (evidence(unanswered=(7,)), " \n", ["/actions"]),
    ],
)
def test_when_it_can_be_closed(changed, note, places) -> None:
    if not places:
        check_closing(changed, note)
        return
    with pytest.raises(Refused) as why:
        check_closing(changed, note)
    assert [r.place for r in why.value.refusals] == places
