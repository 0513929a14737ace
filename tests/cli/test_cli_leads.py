"""`tasuki lead` as a person uses it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.flows import funnel, ledger
from connectors.contract import ExternalId
from tests.flows.conftest import fact, mql

HOUR = timedelta(hours=1)


@pytest.fixture
def office(tasuki, state_of):
    """Two leads of one company; the first was rejected."""
    state, now = state_of(tasuki), datetime.now(UTC)
    with state.database.write() as c:
        for number in (1, 2):
            who = (ExternalId("hubspot", f"50{number}"),)
            about = fact("lead", now - 5 * HOUR, lead=who, name=f"佐藤 {number}", company="山田製作所")
            facts = [about, *mql(now - HOUR, lead=who, prefix=str(number))]
            if number == 1:
                facts.append(fact("disposition", now, lead=who, outcome="rejected", reason="routing"))
            ledger.apply(c, facts, state.versions.read(c), now)
    funnel.catch_up(state.database)
    return tasuki


@pytest.mark.parametrize("words", ["1", "山田製作所/佐藤 1", "hubspot:501"])
def test_a_brief_by_number_name_or_id(office, words: str) -> None:
    told = office("lead", "brief", words).stdout
    assert "山田製作所 佐藤 1" in told
    assert "資料1 (download)" in told
    assert "no information" in told
    assert "Completeness 3/7 (missing: industry, Where it came from, Topics of interest, Phone number known)" in told
    found = office.json("lead", "brief", words)
    assert (found["lead_id"], found["completeness"]["present"], len(found["sections"])) == (1, 3, 7)


def test_leads_that_are_not_meant_clearly(office) -> None:
    assert "Several leads" in office("lead", "brief", "山田製作所", exits=3).stderr
    assert "No lead is known as 鈴木" in office("lead", "brief", "鈴木", exits=3).stderr
    assert "No lead has the number 4711." in office("lead", "brief", "4711", exits=3).stderr


def test_feedback_and_completeness(office) -> None:
    assert "no information" in office("lead", "completeness").stdout
    office("lead", "helpful", "1", "--yes", "--by", "田中")
    office("lead", "helpful", "1", "--no", "--note", "電話番号がない")
    told = office("lead", "completeness").stdout
    assert "Found helpful" in told
    assert "1/2" in told
    found = office.json("lead", "completeness")
    assert (found["mqls"], found["helpful"], found["version"]) == (2, {"part": 1, "whole": 2}, 0)
    assert "Write --yes or --no." in office("lead", "helpful", "1", exits=2).stderr
    assert "No handoff has the number 99." in office("lead", "helpful", "99", "--yes", exits=3).stderr
    assert "/note: " in office("lead", "helpful", "1", "--yes", "--note", "x" * 1001, exits=3).stderr
    wrong = ("--first", "2020-01-02", "--last", "2020-01-01")
    assert "ends before it begins" in office("lead", "completeness", *wrong, exits=2).stderr


def test_sales_chooses_what_it_wants(office) -> None:
    assert "phone_known" in office("lead", "fields").stdout
    assert "version 1" in office("lead", "want", "company", "attribute:employees").stdout
    assert office.json("lead", "fields") == {"version": 1, "fields": ["company", "attribute:employees"]}
    assert office("lead", "want", "topcis", exits=3).stderr.startswith("/fields/0: Choose one of company, ")


def test_what_the_next_digest_says(office) -> None:
    told = office("lead", "outcomes").stdout
    assert "What became of your leads: Rejected by sales 1" in told
    assert "山田製作所 佐藤 1 (Wrong person)" in told
    assert [one["became"] for one in office.json("lead", "outcomes")] == ["followed_up", "rejected"]


def test_nothing_for_the_next_digest(tasuki) -> None:
    assert "Nothing has become of the leads" in tasuki("lead", "outcomes").stdout
