"""The brief of a lead as its ledger says, and of thousands at once; what sales says of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from app.db import Database
from app.domain.completeness import Wanted
from app.domain.content import Described
from app.domain.statistics import Share
from app.flows import brief, brief_feedback, brief_fields, contents, funnel
from app.flows.dossier import NoSuchHandoff
from app.flows.ledger import Fact
from app.flows.lists import NoSuchLead
from app.models import AuditEntry, Handoff, Lead, Progress
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.company import NOW, START, company, told
from tests.flows.conftest import MA, fact, mql

DAY = timedelta(days=1)
BY = {"by": "ops", "now": FRIDAY}


def only_lead(database: Database) -> int:
    with database.read() as c:
        return c.execute(select(Lead.id)).scalar_one()


@pytest.fixture
def known(database, apply) -> int:
    """A lead with a past: called last year, given back in spring, MQL again on Friday."""
    spring, mail = FRIDAY - 150 * DAY, ExternalId("email", "sato@yamada.example")
    about = {"name": "佐藤 翔太", "company": "山田製作所", "url": "https://sfa.example/1"}
    attributes = {"industry": "製造", "mobile_phone": "090-1111-2222", "lead_source": "展示会"}
    facts = [
        fact("lead", spring - 200 * DAY, lead=(MA, mail), **about, attributes=attributes),
        fact("follow_up", spring - 190 * DAY, channel="call", automated=False, by="鈴木", outcome="不在 090-1111-2222"),
        *mql(spring, prefix="1"),
        fact("disposition", spring + DAY, outcome="recycled", reason="予算が来期"),
        fact("opportunity", spring + 2 * DAY, opportunity="o1", state="open", stage="提案", name="ライン増設"),
        fact("activity", FRIDAY - 3 * DAY, activity="seminar", title="省エネ講座", topics=["省エネ"]),
        *mql(FRIDAY, prefix="2"),
    ]
    apply(facts, FRIDAY)
    with database.write() as c:
        contents.describe(c, "asset-1", Described(topic="料金"), today=FRIDAY.date(), **BY)
    funnel.catch_up(database)
    return only_lead(database)


def test_a_brief_says_what_happened(database, known) -> None:
    with database.read() as c:
        found = brief.read(c, known)
    assert (found.lead.company, found.url, found.source) == ("山田製作所", "https://sfa.example/1", "展示会")
    assert [each.title for each in found.past.activities][:4] == ["資料1", "資料2", "資料3", "省エネ講座"]
    assert [(topic.name, topic.times) for topic in found.past.topics] == [("料金", 2), ("省エネ", 1)]
    assert [(t.by, t.channel, t.result) for t in found.past.touches] == [("鈴木", "call", "不在 …")]
    assert found.handover is not None
    assert found.handover.episode.qualified_at == FRIDAY
    ((earlier,),) = (found.earlier,)
    assert (earlier.episode.outcome, earlier.episode.outcome_reason) == ("recycled", "予算が来期")
    assert [(deal.state, deal.name) for deal in found.opportunities] == [("open", "ライン増設")]
    assert dict(found.company) == {"industry": "製造"}
    assert (found.score.present, found.score.missing) == (7, ())
    assert "090" not in repr(found.past) + repr(found.company)


def test_of_a_lead_that_nothing_is_known_of(database, apply) -> None:
    apply([fact("lead", FRIDAY)], FRIDAY)
    with database.read() as c:
        found = brief.read(c, only_lead(database))
        assert (found.past.activities, found.past.touches, found.handover, found.earlier) == ((), (), None, ())
        assert found.score.missing == Wanted().fields
        with pytest.raises(NoSuchLead):
            brief.read(c, 4711)


def test_a_lead_that_turned_out_to_be_another_one(database, apply, known) -> None:
    apply([fact("lead", FRIDAY, lead=(ExternalId("hubspot", "777"),))], FRIDAY)
    with database.write() as c:
        other = c.scalar(select(Lead.id).where(Lead.id != known))
        c.execute(update(Lead).where(Lead.id == other).values(joined_into=known))
        assert brief.read(c, other).lead.id == known


def revision(kind: str, revised: timedelta, **data: object) -> Fact:
    told = fact(kind, FRIDAY - DAY, received_at=FRIDAY, **data)
    return replace(told, event=replace(told.event, record="call:1", revised_at=FRIDAY - revised))


def test_a_call_that_was_deleted_is_no_touch(database, apply) -> None:
    call = {"channel": "call", "automated": False}
    apply([*mql(FRIDAY), revision("follow_up", 2 * DAY / 3, **call)], FRIDAY)
    funnel.catch_up(database)
    with database.write() as c:
        brief_fields.choose(c, Wanted(fields=("touches",)), **BY)
    for touches, taken_back in ((1, ()), (0, [revision("retracted", DAY / 3)])):
        apply(list(taken_back), FRIDAY)
        with database.read() as c:
            assert len(brief.read(c, only_lead(database)).past.touches) == touches
            assert brief.completeness(c, FRIDAY, FRIDAY + DAY).average == touches


# --- many


@pytest.fixture
def quarter(database, apply) -> None:
    for person in company(seed=5, people=60):
        at, facts = person.first_seen_at, list(told(person))
        if person.number % 3 == 0:
            facts.append(fact("activity", at, lead=person.ids, activity="visit", topics=["料金"]))
        facts.append(fact("follow_up", at, lead=person.ids, channel="email", automated=True))
        apply(facts, NOW)
    while funnel.catch_up(database):
        pass


EVERYTHING = ("company", "name", "owner", "source", "activities", "topics", "touches", "email_known", "attribute:x")


def test_many_at_once_is_what_each_brief_says(database, quarter) -> None:
    with database.write() as c:
        brief_fields.choose(c, Wanted(fields=EVERYTHING), by="ops", now=NOW)
    with database.read() as c:
        found = brief.completeness(c, START, NOW)
        mqls = select(Progress.lead_id).where(Progress.standing.in_(brief.MQL), Progress.number > 0)
        scores = [brief.read(c, lead_id).score for lead_id in c.execute(mqls).scalars()]
    assert found.mqls == len(scores) > 30
    assert found.average == pytest.approx(sum(each.present for each in scores) / len(scores) / 9)
    missing = {field: sum(field in each.missing for each in scores) for field in EVERYTHING}
    assert dict(found.missing) == {field: count for field, count in missing.items() if count}
    assert {"owner", "source", "topics", "touches"} < set(dict(found.missing))


def test_a_few_queries_however_many_there_are(database, quarter) -> None:
    asked: list[str] = []
    with database.read() as c:
        event.listen(c, "before_cursor_execute", lambda *args: asked.append(args[2]))
        brief.completeness(c, START, NOW)
    assert 3 < len(asked) < 12


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(database, known) -> None:
    with database.read() as c:
        for since, until, mqls in (
            (FRIDAY, FRIDAY + DAY, 1),
            (FRIDAY - DAY, FRIDAY, 0),
            (START - 999 * DAY, FRIDAY, 1),
        ):
            assert brief.completeness(c, since, until).mqls == mqls


def test_fields_come_in_versions(database) -> None:
    with database.write() as c:
        assert brief_fields.newest(c) == (0, Wanted())
        chosen = Wanted(fields=("company",))
        assert [brief_fields.choose(c, chosen, by="ops", now=FRIDAY) for _ in "ab"] == [1, 1]
        assert brief_fields.choose(c, Wanted(), by="ops", now=FRIDAY) == 2
        assert brief_fields.newest(c) == (2, Wanted())
        assert len(c.execute(select(AuditEntry.id)).all()) == 2


# --- feedback


def test_of_each_person_the_newest_word_counts(database, known) -> None:
    with database.write() as c:
        newest = c.scalar(select(Handoff.id).order_by(Handoff.qualified_at.desc()))
        for by, helpful in (("田中", False), ("鈴木", True), ("田中", True), ("伊藤", False)):
            brief_feedback.rate(c, newest, helpful=helpful, note="", by=by, actor="sales", now=FRIDAY)
        said = [(row.by, row.helpful) for row in brief_feedback.of_handoff(c, newest)]
        assert said == [("伊藤", False), ("田中", True), ("鈴木", True)]
        assert brief.completeness(c, FRIDAY, FRIDAY + DAY).helpful == Share(2, 3)
        assert brief_feedback.helpful(c, FRIDAY - DAY, FRIDAY) == Share(0, 0)


def test_feedback_is_about_a_handoff_to_sales(database, known) -> None:
    with database.write() as c:
        for asked in (
            lambda: brief_feedback.rate(c, 4711, helpful=True, note="", by="a", actor="a", now=FRIDAY),
            lambda: brief_feedback.of_handoff(c, 4711),
        ):
            with pytest.raises(NoSuchHandoff):
                asked()
