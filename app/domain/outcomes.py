"""What became of the leads that marketing handed over, in milestones, and which of them are news to it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.domain.agenda import Lead
from app.domain.brief import without_contacts
from app.domain.calendar import Calendar, instant, next_opening, why_closed
from app.domain.language import text
from app.domain.reasons import REASONS

#: The digest is made at 17:00 by the wall: minutes past midnight.
EVENING = 17 * 60
#: For this long after it is due it is sent at once; later it waits for the next opening.
STILL_EVENING = timedelta(hours=1)
#: What happened longer ago than this and was never told is history.
HISTORY = timedelta(days=30)


class Became(StrEnum):
    """What became of a handoff, the furthest first."""

    WON = "won"
    LOST = "lost"
    OPPORTUNITY = "opportunity"
    SQL = "sql"
    REJECTED = "rejected"
    DISQUALIFIED = "disqualified"
    RECYCLED = "recycled"
    EXCLUDED = "excluded"
    ACCEPTED = "accepted"
    FOLLOWED_UP = "followed_up"


#: Message ids.
WORDS = {
    Became.WON: "Won",
    Became.LOST: "Lost",
    Became.OPPORTUNITY: "Opportunity created",
    Became.SQL: "Became SQL",
    Became.REJECTED: "Rejected by sales",
    Became.DISQUALIFIED: "Disqualified",
    Became.RECYCLED: "Back to nurturing",
    Became.EXCLUDED: "Excluded from counting",
    Became.ACCEPTED: "Accepted",
    Became.FOLLOWED_UP: "Followed up",
}
#: Those that sales gives a reason for.
REASONED = frozenset({Became.REJECTED, Became.DISQUALIFIED, Became.RECYCLED, Became.EXCLUDED})
_ORDER = list(Became)


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that became of a handoff."""

    became: Became
    at: datetime
    lead: Lead
    handoff_id: int
    #: Of the handoff among the lead's.
    number: int
    policy_id: int
    #: Why, where sales gave the lead back: a code of domain.reasons, or the tool's words.
    reason: str | None = None
    #: The SFA's id of the opportunity.
    opportunity: str | None = None

    @property
    def key(self) -> str:
        """The same for what need not be told twice: a reason that came later, or changed, is told anew."""
        said = "\n".join((self.became, self.reason or "", self.opportunity or ""))
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def place(self) -> tuple[int, int, str]:
        return (self.lead.id, self.number, self.key)


def reason_in_words(reason: str | None, locale: str) -> str:
    """`対象外の条件`; the tool's own words as they are, without numbers and addresses to reach anybody."""
    if not reason:
        return text(locale, "no reason given")
    if reason in REASONS:
        return text(locale, REASONS[reason].label)
    return " ".join((without_contacts(reason) or "").split())


@dataclass(frozen=True, slots=True)
class Group:
    """Handoffs of which the same is news."""

    became: Became
    #: In the order in which they happened.
    milestones: Sequence[Milestone]

    def reasons(self, locale: str) -> list[tuple[str, int]]:
        """In words, the most frequent first; none where sales gives no reasons."""
        if self.became not in REASONED:
            return []
        counted = Counter(reason_in_words(each.reason, locale) for each in self.milestones)
        return counted.most_common()


def grouped(news: Iterable[Milestone]) -> list[Group]:
    """The furthest first. Of each handoff only what it came to, and every return: its reason must not get lost."""
    whose: dict[int, list[Milestone]] = {}
    for each in sorted(news, key=lambda m: (m.at, -_ORDER.index(m.became))):
        whose.setdefault(each.handoff_id, []).append(each)
    told: dict[Became, list[Milestone]] = {}
    for mine in whose.values():
        for each in _came_to(mine):
            told.setdefault(each.became, []).append(each)
    return [
        Group(became, sorted(told[became], key=lambda m: (m.at, m.handoff_id))) for became in Became if became in told
    ]


def _came_to(mine: Sequence[Milestone]) -> list[Milestone]:
    """`mine`: of one handoff, in order. The last of each opportunity; without any, the last of all."""
    last = {each.opportunity: each for each in mine}
    deals = [each for opportunity, each in last.items() if opportunity is not None]
    returns = [each for each in mine if each.became in REASONED]
    rest = [] if deals or last[None] in returns else [last[None]]
    return [*deals, *returns, *rest]


def due_digest(calendar: Calendar, zone: ZoneInfo, now: datetime) -> date | None:
    """The day whose digest may be made now; None: today is closed, or it is not evening yet."""
    today = now.astimezone(zone).date()
    open_today = why_closed(calendar, today) is None
    return today if open_today and now >= instant(zone, today, EVENING) else None


def send_digest_at(day: date, calendar: Calendar, zone: ZoneInfo, now: datetime) -> datetime:
    """At once in the evening; a process that comes back late at night disturbs nobody."""
    late = now > instant(zone, day, EVENING) + STILL_EVENING
    return next_opening(calendar, now) if late else now
