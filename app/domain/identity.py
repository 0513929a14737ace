"""Who is who: which ids are one person, and which leads are therefore one lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.contract import EMAIL, ExternalId

#: Every id of every lead that could be meant → the lead.
Known = Mapping[ExternalId, int]


@dataclass(slots=True)
class Plan:
    """What to write down. Leads that do not exist yet have negative placeholders."""

    #: The lead of each group, in order.
    leads: list[int] = field(default_factory=list)
    new_leads: list[int] = field(default_factory=list)
    #: (lead that stays, lead that becomes part of it)
    joins: list[tuple[int, int]] = field(default_factory=list)
    #: Ids that nobody had yet → their lead.
    links: dict[ExternalId, int] = field(default_factory=dict)


def assign(groups: Sequence[tuple[ExternalId, ...]], known: Known) -> Plan:
    """Give every group of ids its lead.

    Ids named together are one person. An e-mail address alone joins two leads only where that would not give one
    person two ids in the same tool: two records with one address are for a person to decide.
    """
    plan = Plan()
    owner = dict(known)
    for ids in groups:
        plan.leads.append(_lead_of(ids, owner, plan))
    plan.leads = [_final(lead, plan) for lead in plan.leads]
    plan.links = {i: _final(lead, plan) for i, lead in owner.items() if i not in known}
    gone = {joined for _, joined in plan.joins}
    plan.new_leads = [lead for lead in plan.new_leads if lead not in gone]
    plan.joins = [(_final(kept, plan), joined) for kept, joined in plan.joins if joined > 0]
    return plan


def _lead_of(ids: tuple[ExternalId, ...], owner: dict[ExternalId, int], plan: Plan) -> int:
    explicit = sorted({owner[i] for i in ids if i in owner and i.system != EMAIL}, key=_age)
    by_mail = {owner[i] for i in ids if i in owner and i.system == EMAIL} - set(explicit)
    for lead in sorted(by_mail, key=_age):
        if not _two_records(ids, [*explicit, lead], owner):
            explicit.append(lead)
    explicit.sort(key=_age)
    lead = explicit[0] if explicit else _new(plan)
    for other in explicit[1:]:
        _join(lead, other, owner, plan)
    for i in ids:
        owner.setdefault(i, lead)
    return lead


def _two_records(ids: Sequence[ExternalId], leads: Sequence[int], owner: Mapping[ExternalId, int]) -> bool:
    """Whether these ids and leads together hold two ids of one tool."""
    together = {i for i, lead in owner.items() if lead in leads} | set(ids)
    systems = [i.system for i in together if i.system != EMAIL]
    return len(systems) != len(set(systems))


def _new(plan: Plan) -> int:
    placeholder = -len(plan.new_leads) - 1
    plan.new_leads.append(placeholder)
    return placeholder


def _join(kept: int, joined: int, owner: dict[ExternalId, int], plan: Plan) -> None:
    plan.joins.append((kept, joined))
    for i, lead in owner.items():
        if lead == joined:
            owner[i] = kept


def _age(lead: int) -> tuple[bool, int]:
    """Leads that exist come before those of this batch; among each, the older first."""
    return (lead < 0, abs(lead))


def _final(lead: int, plan: Plan) -> int:
    by_joined = {joined: kept for kept, joined in plan.joins}
    while lead in by_joined:
        lead = by_joined[lead]
    return lead
