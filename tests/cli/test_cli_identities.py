"""`tasuki identities`: who is who, decided in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.flows import ledger, policies
from app.flows.ledger import Fact
from connectors.contract import CanonicalEvent, EventKind, ExternalId

INFO = ExternalId("email", "info@example.com")
NOW = datetime.now(UTC) - timedelta(hours=1)


def named(number: int, name: str) -> Fact:
    key, lead = f"who-{number}", (ExternalId("salesforce", f"00Q{number}"), INFO)
    event = CanonicalEvent(key, EventKind.LEAD, NOW, lead, {"name": name, "company": "山田製作所"})
    return Fact(ledger.event_id(None, key), event, NOW, None, None)


@pytest.fixture
def shared(tasuki_anywhere, state_of):
    """Leads 1 and 2 share an address, which is lead 3."""
    state = state_of(tasuki_anywhere)
    for number, name in ((1, "佐藤 翔太"), (2, "林 彩")):
        with state.database.write() as c:
            ledger.apply(c, [named(number, name)], policies.all_versions(c), NOW)
    return tasuki_anywhere


def test_what_is_in_doubt(shared) -> None:
    said = shared("identities").stdout
    for words in (
        "email:info@example.com",
        "one address, several records",
        "1 山田製作所 佐藤 翔太",
        "2 山田製作所 林 彩",
    ):
        assert words in said
    assert "一つのアドレスを複数のレコードが使っています" in shared("identities", "--lang", "ja").stdout
    (question,) = shared.json("identities")
    assert (question["why"], question["ids"]) == ("ambiguous", [{"system": "email", "value": "info@example.com"}])


def test_joined_split_and_parted(shared) -> None:
    joined = shared("identities", "join", "1", "2", "--note", "same person").stdout
    assert all(words in joined for words in ("salesforce:00Q1", "salesforce:00Q2", "email:info@example.com"))
    assert "Nothing is in doubt." in shared("identities").stdout
    shared("identities", "split", "1", "salesforce:00Q2")
    assert "Lead 1 has no id salesforce:00Q2." in shared("identities", "split", "1", "salesforce:00Q2", exits=3).stderr
    shared("identities", "join", "1", "salesforce:00Q2")
    shared("identities", "split", "1", "salesforce:00Q2", "EMAIL:INFO@example.com".replace("EMAIL", "email"))
    shared("identities", "part", "1", "2")
    assert shared.json("identities") == []


@pytest.mark.parametrize(
    ("words", "exits", "said"),
    [
        (("join", "1"), 3, "Name two or more leads that are one person."),
        (("join", "1", "99"), 3, "There is no lead 99."),
        (("join", "1", "sato"), 2, "Write system and id"),
        (("join", "1", "9" * 30), 2, "Write system and id"),
        (("join", "1", "hubspot:7"), 3, "No lead is known as hubspot:7."),
        (("join",), 2, ""),
        (("part", "1", "1"), 3, "These are one lead"),
        (("split", "99", "hubspot:7"), 3, "There is no lead 99."),
        (("split", "1"), 2, ""),
        (("split", "1", "salesforce:00Q1"), 3, "one id only"),
    ],
)
def test_what_cannot_be_decided_is_said(shared, words, exits, said) -> None:
    assert said in shared("identities", *words, exits=exits).stderr
