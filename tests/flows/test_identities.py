"""Who is who, through the ledger: any order of links ends alike, a join is one clock, and a split takes it back."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select

from app.db import Database
from app.domain import identity
from app.domain.identity import Doubt, links_of, named, partition
from app.domain.refusals import Refused
from app.flows import follow_ups, identities, lists, people, policies, rebuild, sight, sweep
from app.flows.follow_ups import Entry
from app.flows.people import Decider, Whom
from app.models import Alert, AuditEntry, Event, Handoff, Lead, LeadIdentity
from connectors.contract import EventKind, ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
MA, MA2 = ExternalId("hubspot", "501"), ExternalId("hubspot", "502")
SFA, SFA2 = ExternalId("salesforce", "00Q1"), ExternalId("salesforce", "00Q2")
MAIL, INFO = ExternalId("email", "sato@yamada.example"), ExternalId("email", "info@yamada.example")
_runs = itertools.count(1)


@pytest.fixture
def decide(database: Database):
    """`decide(people.join, Whom(...))`, in a transaction of its own."""

    def run(what: Any, *about: Any, now=FRIDAY + 2 * H) -> list[int]:
        with database.write() as c:
            found: list[int] = what(c, *about, Decider("revops", now, policies.all_versions(c), "本人に確認"))
            return found

    return run


def lead_of(database: Database, one: ExternalId) -> int:
    with database.read() as c:
        return c.execute(
            select(LeadIdentity.lead_id).where(LeadIdentity.system == one.system, LeadIdentity.value == one.value)
        ).scalar_one()


def handoffs(database: Database) -> list[Any]:
    with database.read() as c:
        return list(c.execute(select(Handoff.__table__).order_by(Handoff.id)))


def doubts(database: Database) -> list[people.Question]:
    with database.read() as c:
        return list(people.questions(c, limit=50).rows)


def named_together(*ids: ExternalId, at=FRIDAY) -> Any:
    return fact("lead", at, lead=ids, company="山田製作所")


# --- any order


SAID: list[tuple[str, dict[str, Any]]] = [
    *(("activity", {"activity": "download", "asset": asset, "title": "資料"}) for asset in ("a", "b", "c")),
    ("score", {"score": 95}),
    ("follow_up", {"channel": "call", "automated": False}),
    ("owner", {"owner": "rep-1"}),
]
POOL = ["hubspot:1", "hubspot:2", "salesforce:1", "salesforce:2", "kintone:1", "email:a", "email:b", "email:c"]
naming = st.lists(st.sampled_from(POOL), min_size=1, max_size=3, unique=True)
stories = st.lists(st.tuples(st.integers(0, 90), naming, st.sampled_from(SAID)), min_size=4, max_size=16)


def facts_of(story: Sequence[Any], run: int) -> list[Any]:
    return [
        fact(kind, FRIDAY - 40 * H + moment * H / 2, lead=_ids(names, run), key=f"{run}/{number}", **said)
        for number, (moment, names, (kind, said)) in enumerate(story)
    ]


def _ids(names: Sequence[str], run: int) -> tuple[ExternalId, ...]:
    return tuple(ExternalId(system, f"{value}-{run}") for system, value in (name.split(":") for name in names))


def outcome(database: Database, facts: Sequence[Any]) -> set[Any]:
    """Which facts are about one person, and what became of each person."""
    number = {one.id: int(one.event.key.partition("/")[2]) for one in facts}
    with database.read() as c:
        of_lead: dict[int, set[int]] = {}
        for event_id, lead_id in c.execute(select(Event.id, Event.lead_id).where(Event.id.in_(number))):
            of_lead.setdefault(lead_id, set()).add(number[event_id])
        rows = c.execute(select(Handoff.__table__).where(Handoff.lead_id.in_(of_lead), Handoff.verdict != "voided"))
        judged: dict[int, list[Any]] = {}
        for row in rows:
            judged.setdefault(row.lead_id, []).append((row.number, row.verdict, row.qualified_at, row.due_at))
        shown = {row.id for row in lists.leads(c, limit=10_000).rows}
    assert set(of_lead) <= shown, "no fact hangs on a lead that has become another one"
    return {(frozenset(numbers), tuple(sorted(judged.get(lead_id, ())))) for lead_id, numbers in of_lead.items()}


@given(story=stories, chance=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_links_ends_in_the_same_people_and_verdicts(database, apply, story, chance) -> None:
    now = FRIDAY + 40 * H
    straight, shuffled = facts_of(story, next(_runs)), facts_of(story, next(_runs))
    apply(straight, now)
    arriving = shuffled + chance.choices(shuffled, k=3)
    chance.shuffle(arriving)
    while arriving:
        size = chance.randint(1, 5)
        apply(arriving[:size], now)
        del arriving[:size]
    sweep.run(database, policies.Cache(), now)
    assert outcome(database, shuffled) == outcome(database, straight)
    assert rebuild.check(database, now) == []


def test_a_known_batch_costs_two_questions(database, apply) -> None:
    """Ids and links; on PostgreSQL the lock of the leads besides."""
    groups = [(ExternalId("hubspot", str(n)), ExternalId("email", f"{n}@x.example")) for n in range(200)]
    with database.write() as c:
        identities.resolve(c, groups, FRIDAY)
        asked: list[str] = []
        sqlalchemy_event.listen(c, "before_cursor_execute", lambda *said: asked.append(said[2]))
        found = identities.resolve(c, groups[::-1], FRIDAY)
    assert len(set(found.leads)) == 200
    assert found.disturbed == set()
    selects = [statement for statement in asked if statement.startswith("SELECT") and "FOR UPDATE" not in statement]
    assert len(selects) == 2


def test_a_batch_larger_than_a_statement_may_be(database) -> None:
    ids = [(ExternalId("hubspot", str(n)), ExternalId("email", f"{n}@x.example")) for n in range(1300)]
    more = [(ExternalId("salesforce", mail.value), mail) for _, mail in ids]
    with database.write() as c:
        first = identities.resolve(c, ids, FRIDAY)
        second = identities.resolve(c, more, FRIDAY)
    assert second.leads == first.leads


# --- joined and split


def two_running(apply: Any) -> None:
    apply([named_together(MA, MAIL), *mql(FRIDAY, lead=(MA,))], FRIDAY)
    apply([named_together(SFA), *mql(FRIDAY + H, lead=(SFA,))], FRIDAY + H)


def verdicts(database: Database) -> list[tuple[str, Any, str | None]]:
    return [(row.verdict, row.qualified_at, row.episode["void_reason"]) for row in handoffs(database)]


def test_a_join_leaves_one_clock_and_a_split_takes_it_back(database, apply, decide) -> None:
    two_running(apply)
    first, second = lead_of(database, MA), lead_of(database, SFA)
    before, told, seen = handoffs(database), alerts(database), first_seen(database)
    assert [row.verdict for row in before] == ["on_track", "on_track"]

    assert decide(people.join, Whom(leads=[first, second])) == [first]
    assert verdicts(database) == [("on_track", FRIDAY, None), ("voided", FRIDAY + H, "joined")]
    with database.read() as c:
        assert c.execute(select(Lead.joined_into).order_by(Lead.id)).scalars().all() == [None, first]
        assert [row.id for row in lists.leads(c, limit=9).rows] == [first]
        assert set(c.execute(select(Event.lead_id)).scalars()) == {first}
    assert rebuild.check(database, FRIDAY + 3 * H) == []
    rebuild.mend(database, FRIDAY + 3 * H)
    assert verdicts(database)[1][0] == "voided"

    assert decide(people.split, first, [SFA], now=FRIDAY + 4 * H) == [first, second]
    after = handoffs(database)
    facts = ("id", "lead_id", "verdict", "verdict_at", "qualified_at", "due_at", "warn_at", "episode", "check_again_at")
    assert [[getattr(row, name) for name in facts] for row in after] == [
        [getattr(row, name) for name in facts] for row in before
    ]
    assert alerts(database) == told, "nothing is owed twice"
    assert first_seen(database) == seen
    assert rebuild.check(database, FRIDAY + 4 * H) == []


def first_seen(database: Database) -> list[Any]:
    with database.read() as c:
        return list(c.execute(select(Lead.first_seen_at).order_by(Lead.id)).scalars())


def alerts(database: Database) -> list[Any]:
    with database.read() as c:
        return [tuple(row) for row in c.execute(select(Alert.handoff_id, Alert.reason, Alert.recipient))]


def test_the_one_clock_has_the_earliest_start_and_the_earliest_stop(database, apply, decide) -> None:
    two_running(apply)
    for hours, lead in ((3, MA), (2, SFA)):
        called = fact("follow_up", FRIDAY + hours * H, lead=(lead,), channel="call", automated=False)
        apply([called], FRIDAY + 4 * H)
    decide(people.join, Whom(ids=[SFA, MA]), now=FRIDAY + 5 * H)
    (row,) = [row for row in handoffs(database) if row.verdict != "voided"]
    assert (row.verdict, row.qualified_at, row.touched_at) == ("met", FRIDAY, FRIDAY + 2 * H)


def test_an_explicit_link_joins_and_a_decision_against_it_holds(database, apply, decide) -> None:
    two_running(apply)
    apply([named_together(MA, SFA, MAIL)], FRIDAY + 2 * H)
    assert lead_of(database, MA) == lead_of(database, SFA)
    decide(people.split, lead_of(database, MA), [SFA])
    apply([named_together(SFA, MA), named_together(SFA, MAIL)], FRIDAY + 3 * H)
    assert lead_of(database, MA) == lead_of(database, MAIL) != lead_of(database, SFA)
    with database.read() as c:
        told = {tuple(map(tuple, about)): lead for lead, about in c.execute(select(Event.lead_id, Event.about))}
    assert told[(("salesforce", "00Q1"), ("hubspot", "501"))] == lead_of(database, SFA), "the first id is meant"
    assert doubts(database) == []
    decide(people.join, Whom([lead_of(database, MA), lead_of(database, SFA)]))
    assert lead_of(database, MA) == lead_of(database, MAIL) == lead_of(database, SFA), "no part of the split is left"


def test_a_third_lead_joined_twice_points_at_the_one_that_stays(database, apply, decide) -> None:
    apply([named_together(MA), named_together(SFA), named_together(SFA2)], FRIDAY)
    one, two, three = (lead_of(database, i) for i in (MA, SFA, SFA2))
    decide(people.join, Whom([two, three]))
    decide(people.join, Whom([one, two]))
    with database.read() as c:
        assert [identities.current(c, lead) for lead in (one, two, three)] == [one, one, one]
    assert decide(people.split, one, [MA]) == [one, two]
    with database.read() as c:
        assert [identities.current(c, lead) for lead in (one, two, three)] == [one, two, two]
        assert identities.current(c, 99) == 99


def test_leads_are_joined_whole(database, apply, decide) -> None:
    """Also where only an address had joined a lead's records, and the other lead has one of the same tool."""
    apply([named_together(MA, MAIL), named_together(SFA, MAIL), named_together(SFA2)], FRIDAY)
    one, two = lead_of(database, MA), lead_of(database, SFA2)
    assert lead_of(database, SFA) == one
    assert decide(people.join, Whom([one, two])) == [one]
    assert {lead_of(database, i) for i in (MA, SFA, SFA2, MAIL)} == {one}
    assert doubts(database) == []


def test_what_was_one_lead_from_the_start_is_split_into_a_new_one(database, apply, decide) -> None:
    apply([*mql(FRIDAY, lead=(MA, SFA)), *mql(FRIDAY + H, lead=(SFA,))], FRIDAY + H)
    (lead,) = {lead_of(database, MA), lead_of(database, SFA)}
    (stays, new) = decide(people.split, lead, [SFA])
    assert (stays, lead_of(database, MA), lead_of(database, SFA)) == (lead, lead, new)
    assert [row.verdict for row in handoffs(database)] == ["on_track", "on_track"]
    decide(people.join, Whom([stays, new]))
    assert decide(people.split, lead, [SFA]) == [stays, new], "it goes back to where it was"
    assert len(handoffs(database)) == 2


# --- addresses


def test_an_address_of_two_records_is_a_question_and_belongs_to_nobody(database, apply, decide) -> None:
    apply([*mql(FRIDAY, lead=(MA, MAIL))], FRIDAY)
    apply([named_together(SFA, MAIL)], FRIDAY)
    assert lead_of(database, SFA) == lead_of(database, MA)
    apply([named_together(SFA2, MAIL), fact("score", FRIDAY, lead=(MAIL,), score=10)], FRIDAY + H)
    leads = [lead_of(database, one) for one in (MA, SFA, SFA2, MAIL)]
    assert len(set(leads)) == 4, "what one address had joined is undone: which of the two it is, nobody knows"
    (question,) = doubts(database)
    assert (question.why, question.ids, question.lead.id, question.count) == (Doubt.AMBIGUOUS, [MAIL], leads[3], 3)
    assert {other.id for other in question.others} == set(leads[:3])
    assert rebuild.check(database, FRIDAY + H) == []

    assert decide(people.join, Whom([leads[0], leads[1]])) == [leads[0]]
    assert len(doubts(database)) == 1, "the third one uses it, too"
    assert decide(people.join, Whom([leads[0]], [MAIL])) == [leads[0]]
    assert doubts(database) == []
    assert lead_of(database, MAIL) == leads[0] != lead_of(database, SFA2)


def test_people_who_share_an_address_are_said_to_differ(database, apply, decide) -> None:
    apply([named_together(MA, INFO), named_together(MA2, INFO)], FRIDAY)
    (question,) = doubts(database)
    leads = [lead_of(database, MA), lead_of(database, MA2)]
    assert decide(people.part, Whom(leads)) == leads
    assert doubts(database) == []
    assert lead_of(database, INFO) == question.lead.id


def test_records_that_only_another_tool_calls_one_are_a_question(database, apply, decide) -> None:
    apply([named_together(MA, SFA), named_together(MA, SFA2)], FRIDAY)
    (question,) = doubts(database)
    assert (question.why, question.ids, question.others) == (Doubt.CONTRADICTORY, [SFA, SFA2], [])
    decide(people.join, Whom(ids=[SFA, SFA2]))
    assert doubts(database) == []


def test_an_address_that_very_many_share_is_left_out(database, monkeypatch) -> None:
    monkeypatch.setattr(identity, "CROWD", 5)
    users = [ExternalId("hubspot", str(n)) for n in range(30)]
    with database.write() as c:
        for user in users:
            identities.resolve(c, [(user, INFO)], FRIDAY)
        seen = sight.Sight()
        sight.look_around(c, seen, [INFO])
        (question,) = people.questions(c, limit=9).rows
    assert len(seen.places) == 1, "nobody looks through it any more"
    assert (question.why, question.count, len(question.others)) == (Doubt.CROWDED, 30, people.MOST)


# --- decisions


def test_every_decision_is_in_the_audit_log(database, apply, decide) -> None:
    apply([named_together(MA, MAIL), named_together(SFA)], FRIDAY)
    one, two = lead_of(database, MA), lead_of(database, SFA)
    decide(people.join, Whom([one, two]))
    decide(people.split, one, [SFA])
    decide(people.part, Whom([one, two]))
    with database.read() as c:
        joined, split, parted = c.execute(select(AuditEntry.__table__).order_by(AuditEntry.id))
    assert [row.action for row in (joined, split, parted)] == ["leads.joined", "lead.split", "leads.parted"]
    apart = {str(one): ["email:sato@yamada.example", "hubspot:501"], str(two): ["salesforce:00Q1"]}
    assert (joined.by, joined.subject, joined.before) == ("revops", f"lead:{one}", {"leads": apart})
    assert joined.after == {"leads": {str(one): [i for ids in apart.values() for i in ids]}, "note": "本人に確認"}
    assert (split.before["leads"], split.after["leads"]) == (joined.after["leads"], apart)


@pytest.mark.parametrize(
    ("what", "about", "place", "code"),
    [
        (people.join, [Whom([1])], "", "one_lead"),
        (people.join, [Whom([1, 1])], "", "one_lead"),
        (people.join, [Whom()], "", "one_lead"),
        (people.join, [Whom([1, 99])], "/leads/1", "unknown_lead"),
        (people.join, [Whom([1], [ExternalId("hubspot", "x")])], "/ids/0", "unknown_id"),
        (people.join, [Whom([1, 3])], "/leads/1", "joined"),
        (people.part, [Whom([1])], "", "one_lead"),
        (people.part, [Whom(ids=[MA, MAIL])], "", "one_lead"),
        (people.split, [1, [MA, MAIL, SFA2]], "/ids", "nothing_left"),
        (people.split, [1, [MA, SFA]], "/ids/1", "not_its_id"),
        (people.split, [1, []], "/ids", "no_ids"),
        (people.split, [2, [SFA]], "/ids", "one_id"),
        (people.split, [3, [SFA2]], "/leads/0", "joined"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(database, apply, decide, what, about, place, code) -> None:
    apply([named_together(MA, MAIL)], FRIDAY)
    apply([named_together(SFA)], FRIDAY)
    apply([named_together(SFA2)], FRIDAY)
    apply([named_together(SFA2, MA)], FRIDAY)
    with pytest.raises(Refused) as refused:
        decide(what, *about)
    ((refusal,),) = (refused.value.refusals,)
    assert (refusal.place, refusal.code) == (place, code)
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(AuditEntry)) == 0
    with pytest.raises(lists.NoSuchLead):
        decide(people.split, 99, [MA])


@pytest.mark.parametrize("ids", [(MA, MAIL, SFA), (MAIL,)])
def test_a_follow_up_by_hand_joins_nobody(database, apply, decide, ids) -> None:
    apply([named_together(*ids)], FRIDAY)
    lead = lead_of(database, ids[0])
    if SFA in ids:
        decide(people.split, lead, [SFA])
    with database.write() as c:
        call = {"channel": "call", "automated": False}
        entry = Entry(lead, EventKind.FOLLOW_UP, call, by="田中")
        recorded = follow_ups.record(c, entry, policies.all_versions(c), FRIDAY + H, actor="cli:ops")
        row = c.execute(select(Event.lead_id, Event.about).where(Event.id == recorded.event_id)).one()
    assert tuple(row) == (lead, [[ids[0].system, ids[0].value]])
    assert SFA not in ids or lead_of(database, SFA) != lead


# --- many at once

X, Y = ExternalId("x", "1"), ExternalId("x", "2")


def in_threads(*works: Any) -> None:
    """Run them all at once; what one of them raises is raised here."""
    troubles: list[BaseException] = []

    def run(work: Any) -> None:
        try:
            work()
        except BaseException as trouble:
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert troubles == []


def join_and_split(decide: Any) -> None:
    """A person who cannot make up their mind, and is sometimes too late."""
    for _ in range(8):
        (lead,) = decide(people.join, Whom(ids=[X, Y]))
        with contextlib.suppress(Refused):
            decide(people.split, lead, [Y])


def stored_people(c: Any) -> tuple[dict[ExternalId, int], dict[ExternalId, str]]:
    """Id → its lead, and what is in doubt."""
    rows = c.execute(select(LeadIdentity.__table__)).all()
    leads = {ExternalId(row.system, row.value): row.lead_id for row in rows}
    return leads, {ExternalId(row.system, row.value): row.doubt for row in rows if row.doubt}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_four_threads_on_the_same_people_do_not_block_each_other(database, apply, decide, seed) -> None:
    """No deadlock is met, no fact is left behind, and the people are those that the names make in any order."""
    chance = random.Random(seed)
    pool = [X, *(ExternalId(s, str(n)) for s in ("hubspot", "salesforce", "kintone", "email") for n in range(12))]
    groups = [(X, pool[1]), (Y,), *(tuple(chance.sample(pool, chance.choice((1, 1, 2, 2, 3)))) for _ in range(160))]
    facts = [fact("score", FRIDAY, lead=group, score=50) for group in groups]
    apply(facts[:2], FRIDAY)

    def work(mine: Sequence[Any]) -> None:
        for start in range(0, len(mine), 4):
            apply(mine[start : start + 4], FRIDAY)

    in_threads(*(partial(work, facts[2 + n :: 4]) for n in range(4)), partial(join_and_split, decide))

    with database.read() as c:
        links = {both for group in groups for both in links_of(group)}
        ones = {one for group in groups for one in group}
        wanted = partition(ones, links, sight.decisions_about(c, ones))
        leads, doubtful = stored_people(c)
        of_events = [(lead_id, about) for lead_id, about in c.execute(select(Event.lead_id, Event.about))]
    assert {frozenset(one for one in leads if leads[one] == lead) for lead in leads.values()} == set(wanted.people)
    assert doubtful == wanted.doubts
    assert len(of_events) == len(facts)
    assert [lead for lead, about in of_events if lead != leads[named([ExternalId(*one) for one in about])]] == []
    assert rebuild.check(database, FRIDAY) == []
