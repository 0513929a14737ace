"""Which lead a person means by a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from app.models import HANDED_OVER, Handoff, Lead, LeadIdentity

#: More than this many are not one lead said badly.
MOST = 20


def leads(c: Connection, words: str) -> Sequence[Any]:
    """By `company/name`, an e-mail address, a tool's id, or a part of company or name; MOST of them at most.

    Rows of id, name, company and the id of the newest handoff, if there is one; the last changed first.
    """
    found = _rows(c, Lead.id.in_(select(LeadIdentity.lead_id).where(_known_as(words))))
    return found or _rows(c, _called(words))


def ids(words: str) -> Select[Any]:
    """Of all leads that may be meant, however many; to narrow a list down."""
    named = select(LeadIdentity.lead_id).where(_known_as(words))
    return select(Lead.id).where(or_(Lead.id.in_(named), _called(words)))


def _rows(c: Connection, condition: ColumnElement[bool]) -> Sequence[Any]:
    newest = (
        select(func.max(Handoff.id))
        .where(HANDED_OVER, Handoff.lead_id == Lead.id)
        .scalar_subquery()
        .label("handoff_id")
    )
    query = select(Lead.id, Lead.name, Lead.company, newest).where(condition)
    return c.execute(query.order_by(Lead.updated_at.desc(), Lead.id).limit(MOST)).all()


def _known_as(words: str) -> ColumnElement[bool]:
    """`00Q…`, `salesforce:00Q…`, an address in any case."""
    system, colon, value = words.partition(":")
    plain = LeadIdentity.value.in_({words, words.lower()})
    return or_(plain, (LeadIdentity.system == system) & (LeadIdentity.value == value)) if colon else plain


def _called(words: str) -> ColumnElement[bool]:
    company, slash, name = (part.strip() for part in words.partition("/"))
    if slash:
        return Lead.company.icontains(company, autoescape=True) & Lead.name.icontains(name, autoescape=True)
    return or_(Lead.company.icontains(company, autoescape=True), Lead.name.icontains(company, autoescape=True))
