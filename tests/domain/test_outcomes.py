"""What is news to marketing, in which group it stands, and when it is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.agenda import Lead
from app.domain.calendar import japanese_office, with_public_holidays
from app.domain.outcomes import Became, Milestone, due_digest, grouped, reason_in_words, send_digest_at

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = with_public_holidays(japanese_office(), [2026])
AT = datetime(2026, 9, 17, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
THURSDAY = date(2026, 9, 17)


def came(became: Became, hours: float, handoff: int = 1, **said: str) -> Milestone:
    lead = Lead(handoff, f"佐藤 {handoff}", "山田製作所")
    return Milestone(became, AT + hours * HOUR, lead, handoff, 1, 1, **said)


def told(*news: Milestone) -> list[tuple[str, list[int]]]:
    return [(group.became.value, [each.handoff_id for each in group.milestones]) for group in grouped(news)]


F, A, S, O, W, L = Became.FOLLOWED_UP, Became.ACCEPTED, Became.SQL, Became.OPPORTUNITY, Became.WON, Became.LOST  # noqa: E741
R, N = Became.REJECTED, Became.RECYCLED


@pytest.mark.parametrize(
    ("news", "groups"),
    [
        ([came(F, 1), came(A, 2)], [("accepted", [1])]),
        ([came(A, 1), came(F, 1)], [("accepted", [1])]),
        ([came(R, 1), came(F, 1)], [("rejected", [1])]),
        ([came(R, 1), came(A, 2)], [("rejected", [1]), ("accepted", [1])]),
        ([came(S, 1), came(N, 2)], [("recycled", [1])]),
        ([came(S, 1), came(O, 1, opportunity="a")], [("opportunity", [1])]),
        ([came(O, 1, opportunity="a"), came(L, 2, opportunity="a")], [("lost", [1])]),
        (
            [came(O, 1, opportunity="a"), came(W, 2, opportunity="a"), came(O, 3, opportunity="b")],
            [("won", [1]), ("opportunity", [1])],
        ),
        ([came(F, 2, 2), came(F, 1, 1), came(W, 3, 3, opportunity="a")], [("won", [3]), ("followed_up", [1, 2])]),
        ([], []),
    ],
)
def test_each_handoff_stands_where_it_came_to(news: list[Milestone], groups: list[tuple[str, list[int]]]) -> None:
    assert told(*news) == groups


def test_reasons_are_counted_in_the_reader_s_words() -> None:
    reasons = ("timing", "out_of_definition", "timing", "090-1234-5678 は不通", "")
    (group,) = grouped(came(R, n, n, reason=reason) for n, reason in enumerate(reasons, 1))
    assert group.reasons("ja")[0] == (reason_in_words("timing", "ja"), 2)
    assert [words for words, _ in group.reasons("en")] == [
        "Too early",
        "Does not meet the definition",
        "… は不通",
        "no reason given",
    ]
    (accepted,) = grouped([came(A, 1)])
    assert accepted.reasons("ja") == []


def test_what_is_told_again() -> None:
    """A reason that came later is news; the same once more is none, whenever it is said to have been."""
    assert came(R, 1).key != came(R, 1, reason="timing").key
    assert came(R, 1, reason="timing").key == came(R, 9, reason="timing").key
    assert came(O, 1, opportunity="a").key != came(O, 1, opportunity="b").key
    assert came(R, 1, reason="a").key != came(O, 1, opportunity="a").key


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 9, 17, 16, 59, tzinfo=TOKYO), None),
        (datetime(2026, 9, 17, 17, 0, tzinfo=TOKYO), THURSDAY),
        (datetime(2026, 9, 17, 23, 59, tzinfo=TOKYO), THURSDAY),
        (datetime(2026, 9, 19, 17, 0, tzinfo=TOKYO), None),
        (datetime(2026, 9, 21, 17, 0, tzinfo=TOKYO), None),
    ],
)
def test_every_open_day_at_five(now: datetime, day: date | None) -> None:
    assert due_digest(OFFICE, TOKYO, now.astimezone(UTC)) == day


@pytest.mark.parametrize(
    ("hour", "sent"),
    [
        (17, datetime(2026, 9, 17, 17, tzinfo=TOKYO)),
        (18, datetime(2026, 9, 17, 18, tzinfo=TOKYO)),
        (22, datetime(2026, 9, 18, 9, tzinfo=TOKYO)),
    ],
)
def test_at_night_nobody_is_disturbed(hour: int, sent: datetime) -> None:
    now = datetime(2026, 9, 17, hour, tzinfo=TOKYO)
    assert send_digest_at(THURSDAY, OFFICE, TOKYO, now.astimezone(UTC)) == sent
