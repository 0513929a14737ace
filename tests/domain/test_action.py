"""What an action item must say, dates in words, and the sentence that is read back as it was written."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.action import ActionState, Promise, Said, StepKind, check, check_step, due_in_words, read_sentence
from app.domain.action import sentence as written
from app.domain.calendar import japanese_office, why_closed, with_public_holidays
from app.domain.refusals import Refused

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = with_public_holidays(japanese_office(), range(2026, 2028))
THURSDAY = date(2026, 9, 24)
PROMISE = Promise("伊藤", date(2026, 10, 8), "見直し案を共有する", "営業責任者が承認した")
#: The article's example.
EXAMPLE = "マーケティング担当者が、2週間以内に、発信コンテンツ見直し案を営業責任者に共有し、フィードバックを得る"


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"owner": " "}, "/owner"),
        ({"text": ""}, "/text"),
        ({"done_when": ""}, "/done_when"),
        ({"due_on": date(2026, 9, 23)}, "/due_on"),
        ({"due_on": date(2029, 1, 1)}, "/due_on"),
    ],
)
def test_nothing_is_promised_without_owner_date_and_definition_of_done(changed, place) -> None:
    check(PROMISE, THURSDAY)
    with pytest.raises(Refused) as refused:
        check(Promise(**{name: getattr(PROMISE, name) for name in Promise.__slots__} | changed), THURSDAY)
    assert [refusal.place for refusal in refused.value.refusals] == [place]


@pytest.mark.parametrize(
    ("kind", "state", "said", "code"),
    [
        (StepKind.CARRIED, ActionState.OPEN, "出張中", None),
        (StepKind.CARRIED, ActionState.OPEN, " ", "needed"),
        (StepKind.DROPPED, ActionState.OPEN, "", "needed"),
        (StepKind.DONE, ActionState.OPEN, "", None),
        (StepKind.DONE, ActionState.DONE, "", "closed"),
        (StepKind.EDITED, ActionState.DROPPED, "", "closed"),
        (StepKind.REPORTED, ActionState.DONE, "x", "closed"),
        (StepKind.REOPENED, ActionState.DONE, "未承認", None),
        (StepKind.REOPENED, ActionState.DONE, "", "needed"),
        (StepKind.REOPENED, ActionState.OPEN, "x", "open"),
    ],
)
def test_what_can_be_said_when(kind: StepKind, state: ActionState, said: str, code: str | None) -> None:
    if code is None:
        check_step(kind, state, said)
        return
    with pytest.raises(Refused) as refused:
        check_step(kind, state, said)
    assert [refusal.code for refusal in refused.value.refusals] == [code]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("2週間以内", date(2026, 10, 8)),
        ("10日以内", date(2026, 10, 5)),  # the 4th is a Sunday
        ("２週間以内", date(2026, 10, 8)),
        ("within 10 days", date(2026, 10, 5)),
        ("in 2 weeks", date(2026, 10, 8)),
        ("1か月以内", date(2026, 10, 26)),  # the 24th is a Saturday
        ("5ヶ月以内", date(2027, 2, 24)),
        ("2026-10-08", date(2026, 10, 8)),
        ("10/8(木)", date(2026, 10, 8)),
        ("10月8日", date(2026, 10, 8)),
        ("9/1", date(2027, 9, 1)),
        ("10/12", date(2026, 10, 13)),  # a holiday
        ("2026-09-24", THURSDAY),
    ],
)
def test_dates_in_words_move_to_an_open_day(words: str, expected: date) -> None:
    assert due_in_words(words, THURSDAY, OFFICE) == expected


@pytest.mark.parametrize("words", ["", "そのうち", "2026-13-01", "13/1", "2/30", "2026-09-23", "999か月以内"])
def test_no_date_is_guessed(words: str) -> None:
    with pytest.raises(Refused) as refused:
        due_in_words(words, THURSDAY, OFFICE)
    assert [refusal.place for refusal in refused.value.refusals] == ["/due"]


def test_months_end_on_their_last_day() -> None:
    assert due_in_words("1か月以内", date(2027, 1, 29), OFFICE) == date(2027, 3, 1)  # 2/28 is a Sunday


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (EXAMPLE, Said("マーケティング担当者", "2週間以内", EXAMPLE.split("に、", 1)[1], "")),
        (
            f"{EXAMPLE}。完了基準: 議事録にある",
            Said("マーケティング担当者", "2週間以内", EXAMPLE.split("に、", 1)[1], "議事録にある"),
        ),
        (
            "Ito will, within 2 weeks: review it. Done when: approved.",
            Said("Ito", "within 2 weeks", "review it", "approved"),
        ),
    ],
)  # fmt: skip
def test_a_sentence_is_read(words: str, said: Said) -> None:
    assert read_sentence(words) == said


@pytest.mark.parametrize("words", ["", "見直す", "伊藤が見直す", "x" * 1000])
def test_what_is_no_such_sentence_is_refused(words: str) -> None:
    with pytest.raises(Refused):
        read_sentence(words)


PLAIN = st.text("伊藤田中見直し案承認する確認", min_size=1, max_size=20)


@given(PLAIN, PLAIN, PLAIN, st.dates(date(2026, 9, 24), date(2027, 9, 23)), st.sampled_from(["ja", "en"]))
def test_a_sentence_says_what_it_was_written_from(owner: str, text: str, done: str, due: date, locale: str) -> None:
    said = read_sentence(written(Promise(owner, due, text, done), TOKYO, locale))
    assert (said.owner, said.text, said.done_when) == (owner, text, done)
    if locale == "ja" and why_closed(OFFICE, due) is None:
        assert due_in_words(said.due, THURSDAY, OFFICE) == due
