"""The first run: the first administrator, six answers that count at once, demo data that comes and goes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, func, insert, select

from app.demo import inside, play
from app.domain.calendar import ClockKind
from app.flows import lists, meetings, passwords, policies, setting_up, sources, sweep, users
from app.flows.administer import Admin
from app.models import ApiToken, Handoff, Lead, MeetingSeries, Source
from app.notify.contract import TryLater
from app.state import open_state, secret_keys
from connectors.standard.connector import StandardConfig, proof_of
from tests.pages.test_pages import text_of

OURS = {"sec-fetch-site": "same-origin"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def page(sign_in_as):
    return sign_in_as("admin")


def agreed(state: Any) -> Any:
    with state.database.read() as c:
        return lists.policy_versions(c, state.versions.read(c))[-1].version


def decided(state: Any) -> frozenset[setting_up.Step]:
    with state.database.read() as c:
        return setting_up.progress(c).decided


# --- the first administrator


@pytest.fixture
def link(state) -> str:
    return f"/first/{setting_up.invitation(secret_keys(state.settings))}"


FIRST = {"email": "ito@example.jp", "name": "伊藤 健"}
PASSWORD = {"password": "correct horse battery", "password_again": "correct horse battery"}


def test_the_first_administrator_comes_by_a_link_that_works_once(client, state, link) -> None:
    assert client.get(link).status_code == 200
    answer = client.post(link, data=FIRST | PASSWORD, headers=OURS, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/setup")
    assert "6つの質問" in client.get("/setup").text
    client.cookies.clear()
    assert client.get(link).status_code == 404
    assert client.post(link, data=FIRST | PASSWORD, headers=OURS).status_code == 404
    with state.database.read() as c:
        assert [(user.email, user.role) for user in users.listed(c)] == [("ito@example.jp", "admin")]


@on_sqlite
def test_what_was_typed_stays_beside_what_is_wrong(client, link) -> None:
    answer = client.post(link, data=FIRST | PASSWORD | {"password_again": "another one entirely"}, headers=OURS)
    assert answer.status_code == 422
    assert 'value="伊藤 健"' in answer.text
    assert 'aria-invalid="true"' in answer.text


@on_sqlite
def test_another_link_opens_nothing(client) -> None:
    assert client.get(f"/first/{'0' * 64}").status_code == 404
    assert client.post(f"/first/{'0' * 64}", data=FIRST | PASSWORD, headers=OURS).status_code == 404


# --- six answers


@on_sqlite
def test_every_example_shows_its_deadline_under_every_clock(page, clock) -> None:
    """Friday 18 September 2026, 17:30, is FRIDAY of the tests; the long weekend of September follows."""
    shown = text_of(page.get("/setup/clock").text)
    assert "9/19(土) 11:00" in shown
    assert "9/24(木)" in shown
    assert page.get("/setup/clock").text.count('type="radio"') == 5


def test_the_clock_counts_for_the_next_lead(page, state, clock) -> None:
    before = agreed(state).version
    answer = page.post("/setup/clock", data={"clock": "business_hours:9"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/setup/rule")
    version = agreed(state)
    assert (version.version, version.policy.clock, version.policy.target) == (before + 1, ClockKind.BUSINESS_HOURS, 9)
    assert decided(state) == {setting_up.Step.CLOCK}


@on_sqlite
@pytest.mark.parametrize(
    ("step", "data", "said"),
    [
        ("clock", {"clock": "moon:9"}, "期限の数え方"),
        ("clock", {}, "期限の数え方"),
        ("clock", {"clock": "business_days:1.5"}, "営業日"),
        ("rule", {"preset": "guess"}, "条件を選んで"),
        ("follow-up", {}, "1つ以上"),
        ("alerts", {"channel": "pigeon", "to": "roof"}, "通知先"),
        (
            "meeting",
            {"weekday": "mon", "time": "25:00", "minutes": "60", "every_weeks": "1", "first": "2026-10-01"},
            "",
        ),
        ("source", {"kind": "standard", "name": "Große Welt"}, ""),
        ("source", {"kind": "nothing", "name": "ma"}, ""),
    ],
    ids=str,
)
def test_a_wrong_answer_is_asked_again_and_changes_nothing(page, state, step, data, said) -> None:
    before = agreed(state).version
    answer = page.post(f"/setup/{step}", data=data)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'class="refusal"' in answer.text
    assert agreed(state).version == before
    assert decided(state) == frozenset()


@on_sqlite
def test_a_rule_and_what_counts(page, state) -> None:
    page.post("/setup/rule", data={"preset": "score_only"})
    page.post("/setup/follow-up", data={"channel-call": "on", "status-contacted": "on", "owner_only": "on"})
    agreed_now = agreed(state).policy
    assert len(list(agreed_now.rule.leaves())) == 1
    follow_ups = agreed_now.follow_ups
    assert (follow_ups.channels, follow_ups.statuses) == (("call",), ("contacted",))
    assert (follow_ups.dispositions, follow_ups.owner_only) == (False, True)


@on_sqlite
def test_what_is_kept_as_it_is_makes_no_version(page, state) -> None:
    before = agreed(state).version
    page.post("/setup/clock", data={"clock": "elapsed:24"})
    page.post("/setup/rule", data={"preset": "article"})
    page.post("/setup/alerts", data={"keep": "yes"})
    assert agreed(state).version == before
    assert len(decided(state)) == 3


class Heard:
    def __init__(self, *raises: Exception) -> None:
        self.sent: list[tuple[str, str]] = []
        self.raises = raises

    def deliver(self, message, recipient) -> None:
        for each in self.raises:
            raise each
        self.sent.append((message.title, recipient))


@on_sqlite
def test_a_test_message_goes_out_and_decides_nothing(page, state) -> None:
    state.channels = {"email": (mail := Heard())}
    answer = page.post("/setup/alerts", data={"channel": "email", "to": "sales@example.jp", "test": "yes"})
    assert "届いているか確認" in answer.text
    assert 'value="sales@example.jp"' in answer.text
    assert mail.sent == [("Tasukiからのテスト送信", "sales@example.jp")]
    assert decided(state) == frozenset()
    page.post("/setup/alerts", data={"channel": "email", "to": "sales@example.jp", "owners": "on"})
    assert [(route.channel, route.to) for route in agreed(state).policy.alerts] == [
        ("email", "sales@example.jp"),
        ("email", "owner"),
    ]


@on_sqlite
def test_a_test_message_that_does_not_go_out_says_why(page, state) -> None:
    state.channels = {"email": Heard(TryLater("451 greylisted"))}
    answer = page.post("/setup/alerts", data={"channel": "email", "to": "sales@example.jp", "test": "yes"})
    assert answer.status_code == 422
    assert "451 greylisted" in answer.text


@on_sqlite
def test_the_meeting(page, state) -> None:
    given = {"weekday": "thu", "time": "13:30", "minutes": "75", "every_weeks": "2", "first": "2026-10-01"}
    assert page.post("/setup/meeting", data=given, follow_redirects=False).headers["location"] == "/setup/source"
    with state.database.read() as c:
        series = meetings.read_series(c).series
    assert (series.weekday, series.time, series.minutes, series.every_weeks) == ("thu", "13:30", 75, 2)


def test_after_the_last_answer_the_main_job_runs(page, state, clock) -> None:
    """A lead that comes through the source of the wizard stands in the queue with the wizard's deadline."""
    page.post("/setup/clock", data={"clock": "business_hours:9"})
    shown = page.post("/setup/source", data={"kind": "standard", "name": "seminar"})
    assert shown.status_code == 201
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.text)
    assert secret
    assert "https://tasuki.example.com/webhooks/seminar" in shown.text
    assert secret[0] not in page.get("/setup/source").text
    state.directory.refresh(clock())
    at = clock().isoformat()
    lead = {"lead": {"id": "1", "email": "sato@yamada.example"}, "occurred_at": at}
    told = [lead | {"id": "1", "kind": "lead", "name": "佐藤 花子", "company": "山田製作所"}]
    told += [lead | {"id": f"d{n}", "kind": "activity", "activity": "download", "asset": str(n)} for n in range(3)]
    told += [lead | {"id": "2", "kind": "score", "score": 86}, lead | {"id": "3", "kind": "owner", "owner": "田中"}]
    body = json.dumps(told).encode()
    headers = proof_of(body, secret[0], StandardConfig(), clock())
    assert page.post("/webhooks/seminar", content=body, headers=headers).status_code == 202
    state.ledger.drain(clock())
    sweep.run(state.database, state.versions, clock())
    assert "山田製作所" in page.get("/queue").text
    assert "9/24(木) 17:30" in page.get("/queue").text
    for step in ("rule", "alerts", "meeting", "follow-up"):
        with state.database.write() as c:
            setting_up.decide(c, Admin("test", clock()), setting_up.Step(step))
    assert "期限の計測が始まりました" in page.get("/setup").text


# --- demo data


@pytest.fixture
def short_play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the twelve weeks, their first row in the tables that matter here."""

    def played(settings, now, progress) -> list[str]:
        state = open_state(settings, lambda: now)
        with state.database.write() as c:
            policies.apply_policy(c, agreed(state).policy, by=play.REPLAYED, now=now, effective_from=None)
            secret = sources.new_secret()
            sources.add(c, state.vault, name="hubspot", kind="hubspot", config={}, secret=secret, now=now)
            row = {"first_seen_at": now, "updated_at": now, "history": {}}
            c.execute(insert(Lead), [row | {"name": f"リード {n}"} for n in range(700)])
            play.new_keys(c, now)
        progress(1, 1)
        state.close()
        return []

    monkeypatch.setattr(inside.play, "play", played)


def count(state: Any, table: Any) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(table))


def bring(state: Any) -> None:
    thread = inside.bring(state, "ito@example.jp")
    assert thread
    thread.join(60)


def test_demo_data_comes_whole_and_goes_whole(page, state, clock, short_play) -> None:
    assert "デモデータを入れる" in page.get("/setup").text
    versions = count(state, Source)
    bring(state)
    assert (count(state, Lead), count(state, Source), count(state, ApiToken)) == (700, versions + 1, 1)
    assert len(state.directory.by_id(set(), clock())) == 1
    assert agreed(state).version == 2
    with state.database.write() as c:  # numbers go on after those that were brought in
        row = {"name": "mine", "kind": "standard", "config": {}, "secret": sources.new_secret(), "now": clock()}
        assert sources.add(c, state.vault, **row) == 2
        c.execute(delete(Source).where(Source.name == "mine"))
    assert "デモデータを表示中" in page.get("/setup").text
    page.post("/setup/demo/remove")
    assert (count(state, Lead), count(state, Source), count(state, ApiToken)) == (0, 0, 0)
    assert (count(state, MeetingSeries), count(state, Handoff), agreed(state).version) == (1, 0, 1)
    assert page.get("/users").status_code == 200


@on_sqlite
def test_what_is_somebodys_own_is_neither_mixed_nor_removed(page, state, clock, short_play) -> None:
    with state.database.write() as c:
        secret = sources.new_secret()
        sources.add(c, state.vault, name="mine", kind="standard", config={}, secret=secret, now=clock())
    assert "デモデータ" not in page.get("/setup").text
    assert inside.bring(state, "ito@example.jp") is None
    assert inside.remove(state, "ito@example.jp") is False
    assert count(state, Source) == 1


@on_sqlite
def test_what_comes_while_the_demo_is_played_stays(page, state, clock, short_play, monkeypatch) -> None:
    played = inside.play.play

    def slowly(settings, now, progress) -> list[str]:
        with state.database.write() as c:
            secret = sources.new_secret()
            sources.add(c, state.vault, name="mine", kind="standard", config={}, secret=secret, now=clock())
        return played(settings, now, progress)

    monkeypatch.setattr(inside.play, "play", slowly)
    bring(state)
    with state.database.read() as c:
        assert list(c.scalars(select(Source.name))) == ["mine"]
    assert inside.playing(state) is None


# --- settings and tokens


@on_sqlite
def test_a_token_is_shown_once_and_can_be_revoked(page, state, client) -> None:
    made = page.post("/tokens", data={"name": "Notion", "scope": "read"})
    token = re.search(r"tsk_[\w-]+", made.text)
    assert (made.status_code, token is not None) == (201, True)
    assert token
    assert token[0] not in page.get("/tokens").text
    bearer = {"Authorization": f"Bearer {token[0]}"}
    page.cookies.clear()
    assert client.get("/v1/kpis", headers=bearer).status_code == 200


@on_sqlite
def test_revoking_ends_a_token(page, state, token, clock) -> None:
    bearer = token("read")
    with state.database.read() as c:
        (number,) = c.scalars(select(ApiToken.id))
    assert page.post(f"/tokens/{number}/revoke", follow_redirects=False).status_code == 303
    page.cookies.clear()
    assert page.get("/v1/kpis", headers=bearer).status_code == 401


@on_sqlite
def test_a_token_without_a_name_is_refused(page) -> None:
    answer = page.post("/tokens", data={"name": " ", "scope": "read"})
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)


@on_sqlite
def test_settings_say_how_this_server_is_set_up(page) -> None:
    shown = text_of(page.get("/settings").text)
    assert "https://tasuki.example.com" in shown
    assert "サーバーログのみ" in shown
