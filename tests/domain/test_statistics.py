"""Intervals against published values, and what is printed of few cases."""

from __future__ import annotations

import pytest

from app.domain.statistics import Share, Weight, share_in_words, wilson


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe 1998, Table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # the SLA's own examples
        (2, 10, 0.057, 0.510),
        (20, 100, 0.133, 0.289),
        (41, 52, 0.660, 0.878),
        (26, 71, 0.264, 0.482),
        # all
        (20, 20, 0.8389, 1.0000),
    ],
)
def test_wilson_is_as_published(part: int, whole: int, low: float, high: float) -> None:
    digits = len(f"{low}".partition(".")[2])
    interval = wilson(part, whole)
    assert interval.low == pytest.approx(low, abs=0.00051 if digits <= 3 else 0.000051)
    assert interval.high == pytest.approx(high, abs=0.00051 if digits <= 3 else 0.000051)


@pytest.mark.parametrize(("part", "whole"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_is_refused(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson(part, whole)


@pytest.mark.parametrize("whole", [1, 7, 30, 1000])
def test_the_interval_holds_the_rate_and_stays_between_0_and_1(whole: int) -> None:
    for part in {0, 1, whole // 2, whole}:
        interval = wilson(part, whole)
        assert 0 <= interval.low <= part / whole <= interval.high <= 1


@pytest.mark.parametrize(
    ("part", "whole", "weight", "en", "ja"),
    [
        (0, 0, Weight.COUNT_ONLY, "0/0", "0/0"),
        (3, 9, Weight.COUNT_ONLY, "3/9", "3/9"),
        (2, 10, Weight.INDICATION, "2/10 20.0% [5.7–51.0] (indication only)", "2/10 20.0% [5.7–51.0] 参考"),
        (29, 29, Weight.INDICATION, "29/29 100.0% [88.3–100.0] (indication only)", "29/29 100.0% [88.3–100.0] 参考"),
        (15, 30, Weight.SOLID, "15/30 50.0% [33.2–66.8]", "15/30 50.0% [33.2–66.8]"),
        (41, 52, Weight.SOLID, "41/52 78.8% [66.0–87.8]", "41/52 78.8% [66.0–87.8]"),
        (900, 1200, Weight.SOLID, "900/1,200 75.0% [72.5–77.4]", "900/1,200 75.0% [72.5–77.4]"),
    ],
)
def test_few_cases_are_not_told_as_a_percentage(part: int, whole: int, weight: Weight, en: str, ja: str) -> None:
    share = Share(part, whole)
    assert share.weight is weight
    assert (share_in_words(share, "en"), share_in_words(share, "ja")) == (en, ja)


def test_no_cases_have_no_rate() -> None:
    assert (Share(0, 0).rate, Share(0, 0).interval) == (None, None)
