"""The budget as it was entered: a month's lines are replaced, never added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from app.domain.channel import ChannelKey, channel_written
from app.domain.spend import ChannelSpend, Line
from app.flows import audit, channels
from app.models import Spend

#: The advisory lock of whoever replaces months on PostgreSQL; any number that nothing else uses.
REPLACING = 7_482


def replace(c: Connection, months: Mapping[date, Sequence[Line]], *, by: str, now: datetime) -> None:
    """These lines are all that is known of each of the months; a month without lines is forgotten."""
    if c.dialect.name == "postgresql":
        c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": REPLACING})
    first, last = min(months), max(months)
    before = _counted(c, months)
    c.execute(delete(Spend).where(Spend.month.in_(sorted(months))))
    columns = {"channel", "campaign", "planned", "spent", "currency"}
    rows = [{"month": month, **line.model_dump(include=columns)} for month, lines in months.items() for line in lines]
    if rows:
        c.execute(insert(Spend), rows)
    subject = f"spend:{first:%Y-%m}" if first == last else f"spend:{first:%Y-%m}..{last:%Y-%m}"
    audit.write(c, now, by=by, action="spend.set", subject=subject, before=before, after=_counted(c, months))


def _counted(c: Connection, months: Mapping[date, Sequence[Line]]) -> dict[str, Any] | None:
    """What the months come to, currency by currency, for the audit log; None: nothing is known."""
    lines = c.execute(select(Spend.__table__).where(Spend.month.in_(sorted(months)))).all()
    sums = {
        currency: {
            name: _sum(getattr(line, name) for line in lines if line.currency == currency)
            for name in ("planned", "spent")
        }
        for currency in sorted({line.currency for line in lines})
    }
    return {"lines": len(lines)} | sums if lines else None


def lines_of(c: Connection, month: date) -> Sequence[Any]:
    """The lines of that month."""
    order = (Spend.channel, Spend.campaign)
    return c.execute(select(Spend.__table__).where(Spend.month == month).order_by(*order)).all()


def by_channel(c: Connection, first_month: date, last_month: date) -> list[ChannelSpend]:
    """What every channel cost in the months, both included (their first days): the channels in their order, what means
    no channel at the end; currencies are not added up."""
    mapping = channels.mapping(c)
    told: dict[tuple[ChannelKey | None, str], list[Any]] = {}
    for line in c.execute(select(Spend.__table__).where(Spend.month >= first_month, Spend.month <= last_month)):
        told.setdefault((channel_written(line.channel, mapping), line.currency), []).append(line)
    order = [*ChannelKey, None]
    return [
        ChannelSpend(
            channel=channel,
            currency=currency,
            planned=_sum(line.planned for line in lines),
            spent=_sum(line.spent for line in lines),
            without_spent=sum(line.spent is None for line in lines),
        )
        for (channel, currency), lines in sorted(told.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    ]


def _sum(amounts: Any) -> int | None:
    """None where none is known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None
