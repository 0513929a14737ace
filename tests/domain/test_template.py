"""Agenda templates: boxes that fill the meeting, blocks that exist, a retrospective that takes its time from others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.language import text
from app.domain.refusals import Refused, validated
from app.domain.template import (
    BUILT_IN_NAMES,
    LENGTHS,
    OWNERS,
    QUESTIONS,
    ROLE_NAMES,
    STATUS_ONLY,
    TITLES,
    Block,
    Duty,
    Item,
    Length,
    Role,
    Template,
    built_in,
    warnings,
    with_retrospective,
)


def items(**boxes: int) -> list[dict[str, Any]]:
    return [{"block": block, "minutes": minutes} for block, minutes in boxes.items()]


def template(boxes: list[dict[str, Any]], minutes: int = 60) -> Template:
    return validated(Template, {"name": "週次", "minutes": minutes, "items": boxes})


def boxes(found: Template) -> dict[str, int]:
    return {item.block.value: item.minutes for item in found.items}


@pytest.mark.parametrize(
    ("minutes", "status", "blocks"),
    [(60, 18, 8), (75, 25, 9), (90, 25, 9)],
)
def test_what_comes_with_tasuki_fills_its_meeting(minutes: Length, status: int, blocks: int) -> None:
    found = built_in(minutes)
    assert validated(Template, found.model_dump(mode="json")) == found
    assert sum(item.minutes for item in found.items) == minutes
    assert (found.status_minutes, len(found.items), warnings(found)) == (status, blocks, ())
    assert found.status_share == status / minutes


FULL = items(actions=10, conversion=45, decisions=5)


@pytest.mark.parametrize(
    ("written", "place", "code", "en", "ja"),
    [
        (
            {"items": items(conversion=45, decisions=20)}, "/items", "boxes_over",
            "add up to 65 minutes, 5 more than the meeting's 60", "合計が65分です。会議時間の60分を5分超えて",
        ),
        (
            {"items": items(conversion=45, decisions=5)}, "/items", "boxes_under",
            "add up to 50 minutes, 10 fewer", "合計が50分です。会議時間の60分に10分足りません",
        ),
        (
            {"minutes": 90, "items": items(conversion=60, actions=30, decisions=5)}, "/items", "boxes_over",
            "95 minutes, 5 more than the meeting's 90", "90分を5分超えて",
        ),
        (
            {"items": items(coversion=55, decisions=5)}, "/items/0/block", "enum",
            "`sla_breaches`", "次のいずれかを指定してください: `actions`、`kpi_review`",
        ),
        (
            {"items": items(conversion=60)}, "/items", "no_decisions", "add `decisions`", "`decisions` を追加",
        ),
        (
            {"items": [*FULL, *items(actions=1)]}, "/items", "twice", "`actions` stands here twice", "`actions` が重複",
        ),
        ({"items": []}, "/items", "no_decisions", "decisions", "decisions"),
        ({"items": [*FULL[1:], *items(free=10)]}, "/items/2/title", "needed", "a title", "件名"),
        ({"items": items(conversion=61, decisions=5)}, "/items/0/minutes", "less_than_equal", "60", "60"),
        ({"items": items(conversion=0, decisions=60)}, "/items/0/minutes", "greater_than_equal", "1", "1"),
        ({"minutes": 45}, "/minutes", "literal_error", "`75`", "`75`"),
        ({"name": " "}, "/name", "too_short", "empty", "空"),
        ({"name": "a\nb"}, "/name", "one_line", "one line", "1行"),
        ({"name": "a\x00"}, "/name", "one_line", "one line", "1行"),
        ({"items": [*items(decisions=60), *[{"block": "free", "minutes": 1, "title": "x"}] * 20]}, "/items",
         "too_long", "20 entries", "20件"),
        ({"items": [{"block": "decisions", "minutes": 60, "owner": "boss"}]}, "/items/0/owner", "enum",
         "`facilitator`", "`marketing_lead`"),
        ({"items": [{"block": "decisions", "minutes": 60, "tittle": "x"}]}, "/items/0/tittle", "extra_forbidden",
         "`title`", "`title`"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_refused_at_its_place(written: Any, place: str, code: str, en: str, ja: str) -> None:
    with pytest.raises(Refused) as why:
        validated(Template, {"name": "週次", "minutes": 60, "items": FULL} | written)
    (refusal,) = why.value.refusals
    assert (refusal.place, refusal.code) == (place, code)
    assert en in refusal.message_en
    assert ja in refusal.message_ja


def test_boxes_over_ninety_minutes_are_told_beside_a_wrong_length() -> None:
    with pytest.raises(Refused) as why:
        template(items(conversion=60, actions=30, decisions=5), minutes=95)
    assert [(refusal.place, refusal.code) for refusal in why.value.refusals] == [
        ("/minutes", "literal_error"),
        ("/items", "boxes_over"),
    ]


def test_items_of_ones_own_may_stand_there_more_than_once() -> None:
    own = [{"block": "free", "minutes": 5, "title": title, "owner": "revops"} for title in ("展示会", "新製品")]
    assert [item.title for item in template([*items(conversion=45, decisions=5), *own]).items[2:]] == [
        "展示会",
        "新製品",
    ]


@pytest.mark.parametrize(
    ("status", "said"), [(20, ()), (21, (STATUS_ONLY,)), (36, (STATUS_ONLY,))]
)  # 36 of 60 minutes: the requirement's 60 %
def test_a_meeting_that_only_reports_is_warned_of(status: int, said: tuple[str, ...]) -> None:
    found = template(items(kpi_review=status, conversion=55 - status, decisions=5))
    assert warnings(found) == said
    assert all("進捗報告だけの連絡会" in text("ja", each) for each in said)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (60, {"sla_breaches": 9, "conversion": 10}),
        (75, {"sla_breaches": 11, "conversion": 12}),
        (90, {"sla_breaches": 15}),
    ],
)
def test_the_retrospective_takes_its_minutes_from_the_longest(minutes: Length, expected: dict[str, int]) -> None:
    found = with_retrospective(built_in(minutes))
    assert [item.block for item in found.items][-2:] == [Block.RETROSPECTIVE, Block.DECISIONS]
    changed = {k: v for k, v in boxes(found).items() if boxes(built_in(minutes)).get(k) != v}
    assert changed == expected | {"retrospective": 5}


def test_status_items_give_up_minutes_only_when_nothing_else_can() -> None:
    found = with_retrospective(template(items(kpi_review=30, actions=27, conversion=2, decisions=1)))
    assert boxes(found) == {"kpi_review": 26, "actions": 27, "conversion": 1, "retrospective": 5, "decisions": 1}


def test_one_that_looks_back_already_stays_as_it_is() -> None:
    found = template(items(conversion=40, retrospective=15, decisions=5))
    assert with_retrospective(found) is found


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """Any that is valid: some blocks in some order, and how the minutes fall on them."""
    minutes = draw(st.sampled_from(LENGTHS))
    others = [block for block in Block if block not in (Block.DECISIONS, Block.FREE)]
    blocks = [*draw(st.lists(st.sampled_from(others), unique=True, min_size=1)), Block.DECISIONS]
    blocks = draw(st.permutations(blocks + [Block.FREE] * draw(st.integers(0, 20 - len(blocks)))))
    left, found = minutes - len(blocks), []
    for n, block in enumerate(blocks):
        last = n == len(blocks) - 1
        more = (
            left if last and left <= 59 else draw(st.integers(max(0, left - 59 * (len(blocks) - n - 1)), min(left, 59)))
        )
        left -= more
        found.append(Item(block=block, minutes=1 + more, title="x" if block is Block.FREE else ""))
    return Template(name="x", minutes=minutes, items=tuple(found))


@given(templates())
def test_every_template_keeps_its_sum_with_a_retrospective(found: Template) -> None:
    changed = with_retrospective(found)
    assert sum(item.minutes for item in changed.items) == found.minutes
    assert validated(Template, changed.model_dump(mode="json")) == changed
    kept = [item.block for item in changed.items if item.block is not Block.RETROSPECTIVE]
    assert kept == [item.block for item in found.items if item.block is not Block.RETROSPECTIVE]
    assert [item.block for item in changed.items].count(Block.RETROSPECTIVE) == 1


def test_everything_has_a_name_in_both_tongues() -> None:
    assert set(TITLES) == set(QUESTIONS) == set(OWNERS) == set(Block)
    assert set(ROLE_NAMES) == {*Role, *Duty}
    for said in (*TITLES.values(), *QUESTIONS.values(), *ROLE_NAMES.values(), *BUILT_IN_NAMES.values()):
        assert text("ja", said) != said
