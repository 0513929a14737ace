"""Who is who."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.identity import assign
from connectors.contract import ExternalId

MA, MA2 = ExternalId("hubspot", "1"), ExternalId("hubspot", "2")
SFA = ExternalId("salesforce", "00Q")
MAIL, MAIL2 = ExternalId("email", "sato@example.co.jp"), ExternalId("email", "hayashi@example.co.jp")


@pytest.mark.parametrize(
    ("groups", "known", "leads", "joins", "links"),
    [
        ([(MA,)], {}, [-1], [], {MA: -1}),
        ([(MA,)], {MA: 7}, [7], [], {}),
        ([(MA, MAIL)], {MA: 7}, [7], [], {MAIL: 7}),
        ([(MA,), (MA, MAIL)], {}, [-1, -1], [], {MA: -1, MAIL: -1}),
        # the same address, unique: one person
        ([(SFA, MAIL)], {MA: 7, MAIL: 7}, [7], [], {SFA: 7}),
        # ids named together join leads that exist; the older one stays
        ([(MA, SFA)], {MA: 9, SFA: 4}, [4], [(4, 9)], {}),
        # a late link also moves what the batch said before it
        ([(MA,), (SFA,), (MA, SFA)], {}, [-1, -1, -1], [], {MA: -1, SFA: -1}),
        # two records of one tool with one address: for a person to decide
        ([(MA2, MAIL)], {MA: 7, MAIL: 7}, [-1], [], {MA2: -1}),
        # an address alone belongs to whom it belongs
        ([(MAIL,)], {MA: 7, MAIL: 7}, [7], [], {}),
    ],
)
def test_table(groups, known, leads, joins, links) -> None:
    plan = assign(groups, known)
    assert (plan.leads, plan.joins, plan.links) == (leads, joins, links)
    assert set(plan.new_leads) == {lead for lead in leads if lead < 0}


people = st.lists(
    st.lists(st.sampled_from([MA, SFA, MAIL, ExternalId("kintone", "k")]), min_size=1, max_size=3, unique=True).map(
        tuple
    ),
    min_size=1,
    max_size=8,
)


@given(people, st.randoms(use_true_random=False))
def test_the_order_of_the_links_does_not_matter(groups, random) -> None:
    shuffled = list(groups)
    random.shuffle(shuffled)
    assert _partition(groups) == _partition(shuffled)


def _partition(groups) -> set[frozenset[ExternalId]]:
    plan = assign(groups, {})
    by_lead: dict[int, set[ExternalId]] = {}
    for i, lead in plan.links.items():
        by_lead.setdefault(lead, set()).add(i)
    return {frozenset(ids) for ids in by_lead.values()}


def test_two_addresses_of_one_record_are_one_person() -> None:
    plan = assign([(MA, MAIL), (MA, MAIL2)], {})
    assert plan.leads == [-1, -1]
