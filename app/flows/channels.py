"""Which channel a source's word means: decided by people, and what nobody has decided yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from app.domain.channel import LONGEST, ChannelKey, channel_of, channel_written, folded, usual
from app.domain.labels import name_of
from app.flows import audit
from app.models import Channel, Lead, Spend, WebDay

#: Words without a channel that are listed.
MOST_LISTED = 200


class NoSuchWord(LookupError):
    """Nobody has decided what that word means."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a word means, and since when."""

    raw: str
    channel: ChannelKey
    #: Leads that it brings to the channel.
    leads: int
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A word that means no channel yet, and how often it stands."""

    #: Folded.
    raw: str
    leads: int
    #: Rows of visits, and lines of the budget.
    visits: int
    spend: int
    #: What it usually means.
    suggestion: ChannelKey | None


@dataclass(frozen=True, slots=True)
class Listing:
    decided: Sequence[Decided]
    #: Those of most leads first, MOST_LISTED at most.
    unmapped: Sequence[Unmapped]
    #: How many there are, listed or not.
    unmapped_words: int
    #: Leads that count, those whose channel is unknown, and of these the ones of which no source is known.
    leads: int
    unknown: int
    without_source: int


def mapping(c: Connection) -> Mapping[str, ChannelKey]:
    """Folded word → channel."""
    return {raw: ChannelKey(channel) for raw, channel in c.execute(select(Channel.raw, Channel.channel))}


def listing(c: Connection) -> Listing:
    """What is decided, and what waits for a decision."""
    rows = c.execute(select(Channel.__table__).order_by(Channel.channel, Channel.raw)).all()
    known = {row.raw: ChannelKey(row.channel) for row in rows}
    leads = _leads(c)
    words = {
        "visits": _unwritten(c.execute(select(WebDay.channel, func.count()).group_by(WebDay.channel)), known),
        "spend": _unwritten(c.execute(select(Spend.channel, func.count()).group_by(Spend.channel)), known),
    }
    waiting = {raw for raw in leads if raw and channel_of(raw, known) is None}.union(*words.values())
    unmapped = [_unmapped(raw, leads, words) for raw in waiting]
    unmapped.sort(key=lambda one: (-one.leads, -one.visits - one.spend, one.raw))
    decided = [Decided(row.raw, known[row.raw], leads[row.raw], row.set_at, row.set_by) for row in rows]
    return Listing(
        decided=decided,
        unmapped=unmapped[:MOST_LISTED],
        unmapped_words=len(unmapped),
        leads=leads.total(),
        unknown=leads.total() - sum(one.leads for one in decided),
        without_source=leads[""],
    )


def one(c: Connection, raw: str) -> Decided:
    """Raises NoSuchWord."""
    row = c.execute(select(Channel.__table__).where(Channel.raw == folded(raw))).first()
    if row is None:
        raise NoSuchWord(raw)
    return Decided(row.raw, ChannelKey(row.channel), _leads(c)[row.raw], row.set_at, row.set_by)


def decide(c: Connection, raw: str, channel: ChannelKey, *, by: str, now: datetime) -> str:
    """From now on the word means that channel, in all figures; its folded form. Raises Refused, without a place."""
    key = name_of(folded(name_of(raw, LONGEST)), LONGEST)
    before = c.execute(select(Channel.channel).where(Channel.raw == key).with_for_update()).scalar()
    said = {"channel": channel.value, "set_at": now, "set_by": by}
    changed = update(Channel).where(Channel.raw == key) if before else insert(Channel)
    c.execute(changed.values(said if before else said | {"raw": key}))
    was = {"channel": before} if before else None
    audit.write(
        c, now, by=by, action="channel.set", subject=f"channel:{key}", before=was, after={"channel": channel.value}
    )
    return key


def remove(c: Connection, raw: str, *, by: str, now: datetime) -> None:
    """The word means nothing again. Raises NoSuchWord."""
    gone = delete(Channel).where(Channel.raw == folded(raw)).returning(Channel.channel)
    before = c.execute(gone).scalar()
    if before is None:
        raise NoSuchWord(raw)
    audit.write(c, now, by=by, action="channel.removed", subject=f"channel:{folded(raw)}", before={"channel": before})


def _leads(c: Connection) -> Counter[str]:
    """Leads that count, by the folded word of their source; empty: none is known."""
    counted = (Lead.excluded.is_(None), Lead.joined_into.is_(None))
    return _folded(c.execute(select(Lead.source, func.count()).where(*counted).group_by(Lead.source)))


def _folded(rows: Iterable[Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for word, count in rows:
        found[folded(word or "")] += count
    return found


def _unwritten(rows: Iterable[Any], known: Mapping[str, ChannelKey]) -> Counter[str]:
    """Words of reports and budgets that name no channel."""
    return Counter({w: n for w, n in _folded(rows).items() if w and channel_written(w, known) is None})


def _unmapped(raw: str, leads: Counter[str], words: Mapping[str, Counter[str]]) -> Unmapped:
    return Unmapped(raw, leads[raw], words["visits"][raw], words["spend"][raw], usual(raw))
