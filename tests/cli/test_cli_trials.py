"""`tasuki source check|test|schema`: a source tried out before anybody relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.connectors.journey import served
from tests.connectors.pipedrive_account import TOKEN, PipedriveVendor

SECRET = "a-password-of-ours"


@pytest.fixture
def account() -> PipedriveVendor:
    return PipedriveVendor(lambda: datetime.now(UTC) - timedelta(minutes=1))


@pytest.fixture
def api(account: PipedriveVendor) -> Iterator[str]:
    with served(account) as base:
        yield base


@pytest.fixture
def connected(tasuki, api: str) -> Any:
    """A source with a status field; of its two choices one has a meaning."""

    def connect(credential: str = TOKEN, **config: str) -> None:
        entries = {"api_base": api, "status_field": "40-hex"} | config
        pairs = [word for name, value in entries.items() for word in ("-c", f"{name}={value}")]
        given = ("--secret-stdin", "--credential-stdin")
        tasuki("source", "add", "pd", "pipedrive", *pairs, *given, stdin=f"{SECRET}\n{credential}\n")

    return connect


def test_check_lists_statuses_without_a_meaning_as_lines_of_configuration(tasuki, connected) -> None:
    connected()
    said = tasuki("source", "check", "pd", exits=1).output
    assert "pd speaks for 山田商事." in said
    assert '"24": …' in said
    tasuki("source", "configure", "pd", "-c", 'statuses={"24": contacted, "25": new}')
    assert "Everything that the source needs can be read." in tasuki("source", "check", "pd").output


def test_check_says_that_the_token_is_wrong_and_not_which(tasuki, connected) -> None:
    connected(credential="a-wrong-token-0815")
    said = tasuki("source", "check", "pd", exits=1).output
    assert "no longer accepts the credential (401)" in said
    assert "0815" not in said


def test_check_names_what_may_not_be_read(tasuki, connected, account: PipedriveVendor) -> None:
    connected(statuses='{"24": contacted, "25": new}')
    company = httpx.Response(200, json={"data": {"company_name": "山田商事"}})
    account.refusals = [company, httpx.Response(403, json={"scope_required": ["contacts:read"]})]
    said = tasuki("source", "check", "pd", exits=1).output
    assert "persons" in said
    assert "contacts:read" in said


def test_a_rehearsal_shows_what_comes_out_and_writes_nothing_down(tasuki, connected) -> None:
    connected(owners='{"12": 佐藤 花子}')
    said = tasuki("source", "test", "pd").output
    assert "follow_up" in said
    assert "佐藤 花子" in said
    assert "nothing was written down" in said
    assert tasuki.json("deliveries", "list") == []


def test_a_rehearsal_uses_the_sources_own_secret(tasuki, connected) -> None:
    connected(company_id="42")
    assert tasuki.json("source", "test", "pd")["refused"] is None


def test_schema_counts_what_arrives_and_what_it_is_read_as(tasuki, connected, account: PipedriveVendor) -> None:
    connected()
    account.person("sato", "sato@example.jp", "佐藤")
    tasuki("source", "backfill", "pd", "--days", "1")
    fields = {(f["object"], f["field"]): f for f in tasuki.json("source", "schema", "pd")["fields"]}
    assert fields["person", "name"] == {"object": "person", "field": "name", "meaning": "name", "count": 1}
    assert fields["person", "add_time"]["meaning"] is None
    assert fields["person", "40-hex"] == {"object": "person", "field": "40-hex", "meaning": "status", "count": 0}


def test_japanese(tasuki, connected) -> None:
    connected()
    said = tasuki("source", "check", "pd", exits=1, TASUKI_LOCALE="ja").output
    assert "次のステータスは意味が未設定です。" in said
    assert "これはテストです。" in tasuki("source", "test", "pd", TASUKI_LOCALE="ja").output


def test_unknown_source(tasuki) -> None:
    assert "nobody" in tasuki("source", "test", "nobody", exits=3).output
