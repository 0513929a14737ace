"""What may be said about a share of few cases: its interval, and whether a percentage may be printed at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from app.domain.language import text

#: Two-sided 95 % quantile of the normal distribution.
Z_95 = 1.959963984540054
#: Fewer cases than this: the count alone, no percentage.
COUNT_ONLY_BELOW = 10
#: Fewer than this: with percentage and interval, marked as an indication.
INDICATION_BELOW = 30


class Weight(StrEnum):
    """How much a share can carry, by its n."""

    COUNT_ONLY = "count_only"
    INDICATION = "indication"
    SOLID = "solid"


@dataclass(frozen=True, slots=True)
class Interval:
    """Shares from 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` cases; n is never told without it, nor it without n."""

    part: int
    whole: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None without a case."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> Interval | None:
        return wilson(self.part, self.whole) if self.whole else None

    @property
    def weight(self) -> Weight:
        if self.whole < COUNT_ONLY_BELOW:
            return Weight.COUNT_ONLY
        return Weight.INDICATION if self.whole < INDICATION_BELOW else Weight.SOLID


def wilson(part: int, whole: int, z: float = Z_95) -> Interval:
    """Wilson's score interval of a proportion, without continuity correction. `whole` > 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209–212; method 3 of R. G. Newcombe,
    "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), 857–872.
    """
    if not 0 <= part <= whole or whole == 0:
        raise ValueError(f"{part} of {whole} is not a share")
    middle = part + z * z / 2
    reach = z * sqrt(part * (whole - part) / whole + z * z / 4)
    below = whole + z * z
    return Interval((middle - reach) / below if part else 0.0, (middle + reach) / below if part < whole else 1.0)


def share_in_words(share: Share, locale: str) -> str:
    """`41/52 78.8% [66.0–87.8]`; of 10 to 29 cases marked as an indication; of fewer `3/9` only."""
    counted = f"{share.part:,}/{share.whole:,}"
    if share.weight is Weight.COUNT_ONLY:
        return counted
    interval = wilson(share.part, share.whole)
    rate = share.part / share.whole
    told = f"{counted} {rate:.1%} [{interval.low * 100:.1f}–{interval.high * 100:.1f}]"
    return text(locale, "{share} (indication only)", share=told) if share.weight is Weight.INDICATION else told
