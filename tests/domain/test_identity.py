"""Who is who."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import identity
from app.domain.homes import Place, house
from app.domain.identity import Doubt, links_of, named, pair, partition
from connectors.contract import ExternalId

MA, MA2 = ExternalId("hubspot", "1"), ExternalId("hubspot", "2")
LEAD, CONTACT = ExternalId("salesforce", "00Q"), ExternalId("salesforce", "003")
CRM, CRM2 = ExternalId("kintone", "k"), ExternalId("kintone", "k2")
OTHER = ExternalId("marketo", "m")
MAIL, MAIL2 = ExternalId("email", "sato@example.co.jp"), ExternalId("email", "hayashi@example.co.jp")
INFO = ExternalId("email", "info@example.co.jp")

AMBIGUOUS, CONTRADICTORY, CROWDED = Doubt.AMBIGUOUS, Doubt.CONTRADICTORY, Doubt.CROWDED


def who(*events, together=(), apart=(), crowded=()):
    """The people that these namings and decisions make, and the doubts about them."""
    nodes = {one for ids in (*events, *together, *apart) for one in ids}
    decisions = {pair(*both): True for both in together} | {pair(*both): False for both in apart}
    found = partition(nodes, {both for ids in events for both in links_of(ids)}, decisions, crowded)
    return {frozenset(ids) for ids in found.people}, found.doubts


def sets(*people):
    return {frozenset(ids) for ids in people}


@pytest.mark.parametrize(
    ("events", "people", "doubts"),
    [
        ([(MA,)], [{MA}], {}),
        ([(MA, LEAD)], [{MA, LEAD}], {}),
        ([(MA, MAIL), (LEAD, MAIL)], [{MA, LEAD, MAIL}], {}),
        # two addresses of one record are one person's
        ([(MA, MAIL), (MA, MAIL2)], [{MA, MAIL, MAIL2}], {}),
        ([(MA, MAIL), (MA, MAIL2), (LEAD, MAIL2)], [{MA, LEAD, MAIL, MAIL2}], {}),
        # an address that comes first is no hub: what it is named with belongs together
        ([(MAIL, MA, LEAD)], [{MA, LEAD, MAIL}], {}),
        # a converted record and what it became: the tool itself names both
        ([(LEAD, CONTACT), (MA, LEAD)], [{MA, LEAD, CONTACT}], {}),
        ([(MA, LEAD, CONTACT)], [{MA, LEAD, CONTACT}], {}),
        # only another tool says that two records are one
        ([(MA, LEAD), (MA, CONTACT)], [{MA, LEAD, CONTACT}], {LEAD: CONTRADICTORY, CONTACT: CONTRADICTORY}),
        # two records of one tool with one address, with and without a third tool
        ([(MA, MAIL), (MA2, MAIL)], [{MA}, {MA2}, {MAIL}], {MAIL: AMBIGUOUS}),
        ([(MA, MAIL), (MA2, MAIL), (LEAD, MAIL)], [{MA}, {MA2}, {LEAD}, {MAIL}], {MAIL: AMBIGUOUS}),
        # that they are one was said after all
        ([(MA, MAIL), (MA2, MAIL), (LEAD, MAIL), (MA, MA2)], [{MA, MA2, LEAD, MAIL}], {}),
        # an address that nobody was named with
        ([(MAIL,)], [{MAIL}], {}),
        # each address is clear by itself, but together they would make one of two: neither joins
        (
            [(MA, MAIL), (LEAD, MAIL), (LEAD, MAIL2), (MA2, MAIL2)],
            [{MA}, {MA2}, {LEAD}, {MAIL}, {MAIL2}],
            {MAIL: AMBIGUOUS, MAIL2: AMBIGUOUS},
        ),
        # … and what is clear all the same stays so
        (
            [(MA, MAIL), (LEAD, MAIL), (LEAD, MAIL2), (MA2, MAIL2), (MA, INFO)],
            [{MA, INFO}, {MA2}, {LEAD}, {MAIL}, {MAIL2}],
            {MAIL: AMBIGUOUS, MAIL2: AMBIGUOUS},
        ),
        # an address that a whole company uses does not part those whom their own address joins
        (
            [(MA, MAIL), (LEAD, MAIL), (MA, INFO), (MA2, INFO), (MA2, MAIL2), (CRM, MAIL2)],
            [{MA, LEAD, MAIL}, {MA2, CRM, MAIL2}, {INFO}],
            {INFO: AMBIGUOUS},
        ),
    ],
)
def test_what_tools_say(events, people, doubts) -> None:
    assert who(*events) == (sets(*people), doubts)


@pytest.mark.parametrize(
    ("events", "together", "apart", "people", "doubts"),
    [
        ([(MA,), (LEAD,)], [(MA, LEAD)], [], [{MA, LEAD}], {}),
        # split, and the tools go on naming them together
        ([(MA, LEAD, MAIL)], [], [(MA, LEAD), (MAIL, LEAD)], [{MA, MAIL}, {LEAD}], {}),
        ([(MA, MAIL), (LEAD, MAIL)], [], [(LEAD, MA), (LEAD, MAIL)], [{MA, MAIL}, {LEAD}], {}),
        # two people use an address, and that is settled
        ([(MA, MAIL), (LEAD, MAIL)], [], [(LEAD, MA)], [{MA}, {LEAD}, {MAIL}], {}),
        ([(MA, MAIL), (MA2, MAIL)], [], [(MA2, MA)], [{MA}, {MA2}, {MAIL}], {}),
        # … and whose it is
        ([(MA, MAIL), (MA2, MAIL)], [(MA, MAIL)], [], [{MA, MAIL}, {MA2}], {}),
        ([(MA, MAIL), (MA2, MAIL), (LEAD, MAIL)], [(MA, MAIL)], [], [{MA, MAIL}, {MA2}, {LEAD}], {}),
        # two addresses of different people cannot both be one record's
        (
            [(MA, MAIL, MAIL2), (MA, INFO)],
            [],
            [(MAIL, MAIL2)],
            [{MA, INFO}, {MAIL}, {MAIL2}],
            dict.fromkeys((MAIL, MAIL2), CONTRADICTORY),
        ),
        # a person says that two records are one
        ([(MA, LEAD), (MA, CONTACT)], [(LEAD, CONTACT)], [], [{MA, LEAD, CONTACT}], {}),
        ([(MA, LEAD), (MA, CONTACT)], [(MA, CONTACT), (MA, LEAD)], [], [{MA, LEAD, CONTACT}], {}),
        # a new record is named with both of those who were parted: it is neither
        ([(MA, CRM), (LEAD, CRM)], [], [(MA, LEAD)], [{MA}, {LEAD}, {CRM}], {CRM: CONTRADICTORY}),
        # … and another one, named with one of them, is that one
        (
            [(MA, CRM), (LEAD, CRM), (MA, MA2)],
            [],
            [(MA, LEAD)],
            [{MA, MA2}, {LEAD}, {CRM}],
            {CRM: CONTRADICTORY},
        ),
        # two new ones bring the parted together only with each other's help
        (
            [(MA, CRM), (CRM, MA2), (MA2, LEAD)],
            [],
            [(MA, LEAD)],
            [{MA}, {LEAD}, {CRM, MA2}],
            {CRM: CONTRADICTORY, MA2: CONTRADICTORY},
        ),
        # the same where only a third person between the two was parted from somebody, and who hangs on one of them
        (
            [(MA, CRM), (CRM, CONTACT), (CONTACT, MA2), (MA2, LEAD), (MA, OTHER)],
            [],
            [(MA, LEAD), (CONTACT, CRM2)],
            [{MA, OTHER}, {LEAD}, {CONTACT}, {CRM}, {MA2}, {CRM2}],
            {CRM: CONTRADICTORY, MA2: CONTRADICTORY},
        ),
        # decisions that cannot all hold: none of them joins
        (
            [],
            [(MA, CRM), (CRM, LEAD)],
            [(MA, LEAD)],
            [{MA}, {CRM}, {LEAD}],
            dict.fromkeys((MA, CRM, LEAD), CONTRADICTORY),
        ),
    ],
)
def test_what_people_decide(events, together, apart, people, doubts) -> None:
    assert who(*events, together=together, apart=apart) == (sets(*people), doubts)


def test_a_crowded_address_joins_nobody_until_a_person_says_whose_it_is() -> None:
    events = [(MA, INFO), (LEAD, INFO)]
    assert who(*events, crowded=[INFO]) == (sets({MA}, {LEAD}, {INFO}), {INFO: CROWDED})
    assert who(*events, crowded=[INFO], together=[(MA, INFO)]) == (sets({MA, INFO}, {LEAD}), {})


def test_where_too_many_hang_together_an_unclear_address_is_left_out(monkeypatch) -> None:
    events = [(ExternalId("hubspot", str(n)), INFO) for n in range(identity.CROWD)]
    assert who(*events)[1] == {INFO: CROWDED}
    assert who(*events[1:])[1] == {INFO: AMBIGUOUS}
    assert who(*events[1:], (LEAD, MAIL), (CRM, MAIL))[1] == {INFO: AMBIGUOUS}, "they have nothing to do with it"


@pytest.mark.parametrize(
    ("ids", "links"),
    [
        ((MA,), set()),
        ((MA, MAIL), {(MAIL, MA)}),
        ((MAIL, MA, LEAD), {(MAIL, MA), (MA, LEAD)}),
        ((MA, LEAD, CONTACT), {(MA, LEAD), (MA, CONTACT), (CONTACT, LEAD)}),
        ((MAIL, MAIL2), {(MAIL2, MAIL)}),
        ((MA, MA), set()),
    ],
)
def test_what_naming_together_says(ids, links) -> None:
    assert set(links_of(ids)) == links


@pytest.mark.parametrize(("ids", "meant"), [((MAIL, MA), MA), ((LEAD, MA), LEAD), ((MAIL, MAIL2), MAIL)])
def test_whom_an_event_is_about(ids, meant) -> None:
    assert named(ids) == meant


# --- properties

IDS = [MA, MA2, LEAD, CONTACT, CRM, CRM2, MAIL, MAIL2, INFO]
events_ = st.lists(st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True).map(tuple), max_size=9)
pairs = st.lists(st.sampled_from(IDS), min_size=2, max_size=2, unique=True).map(lambda two: pair(*two))
decided = st.dictionaries(pairs, st.booleans(), max_size=4)


@given(events_, decided, st.randoms(use_true_random=False))
def test_no_order_of_anything_matters(events, decisions, chance) -> None:
    def people(ids):
        shuffled, links = list(ids), [both for event in events for both in links_of(event)]
        chance.shuffle(shuffled)
        chance.shuffle(links)
        found = partition(dict.fromkeys(shuffled), links, dict(chance.sample(list(decisions.items()), len(decisions))))
        return {frozenset(one) for one in found.people}, found.doubts

    assert people(IDS) == people(IDS)


@given(events_, decided)
def test_what_must_hold_whatever_was_said(events, decisions) -> None:
    links = {both for event in events for both in links_of(event)}
    found = partition(IDS, links, decisions)
    person = {one: ids for ids in found.people for one in ids}
    assert sorted(map(str, person)) == sorted(map(str, IDS)), "everybody is somebody, once"
    for (one, other), together in decisions.items():
        assert together or person[one] is not person[other]
    for one, other in links:
        strong = "email" not in (one.system, other.system) and not decisions
        assert person[one] is person[other] or not strong
    for ids in found.people:
        assert len(ids) == 1 or all(_has_reason(one, ids, links, decisions) for one in ids), "nothing is guessed"


def _has_reason(one, ids, links, decisions) -> bool:
    said = links | {both for both, together in decisions.items() if together}
    return any(one in both and set(both) <= ids for both in said)


@given(events_, decided, events_)
def test_strangers_do_not_matter(events, decisions, others) -> None:
    strangers = [tuple(ExternalId(i.system, f"{i.value}-x") for i in ids) for ids in others]
    links, more = ({both for event in told for both in links_of(event)} for told in (events, [*events, *strangers]))
    alone = partition(IDS, links, decisions)
    among = partition({*IDS, *(i for ids in strangers for i in ids)}, more, decisions)
    assert set(alone.people) <= set(among.people)
    assert {one: doubt for one, doubt in among.doubts.items() if one in IDS} == alone.doubts


# --- which lead a person is


@pytest.mark.parametrize(
    ("people", "known", "housed"),
    [
        ([{MA}], {}, {MA: (-1, -1)}),
        ([{MA, MAIL}], {MA: (7, 7)}, {MA: (7, 7), MAIL: (7, 7)}),
        # joined: the oldest home; the other one is kept for a split
        ([{MA, LEAD}], {MA: (4, 4), LEAD: (9, 9)}, {MA: (4, 4), LEAD: (4, 9)}),
        ([{MA}, {LEAD}], {MA: (4, 4), LEAD: (4, 9)}, {MA: (4, 4), LEAD: (9, 9)}),
        # they had one home from the start: the record keeps it, the address moves out for good
        ([{MA}, {MAIL}], {MA: (4, 4), MAIL: (4, 4)}, {MA: (4, 4), MAIL: (-2, -2)}),
        # the oldest id keeps it, the other has another home yet
        ([{MA}, {LEAD, CRM}], {MA: (4, 4), CRM: (4, 4), LEAD: (4, 9)}, {MA: (4, 4), CRM: (9, 9), LEAD: (9, 9)}),
    ],
)
def test_which_lead_a_person_is(people, known, housed) -> None:
    places = house([frozenset(ids) for ids in people], {one: Place(*place) for one, place in known.items()})
    assert {one: (place.lead, place.home) for one, place in places.items()} == housed
