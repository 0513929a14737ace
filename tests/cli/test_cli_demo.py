"""`tasuki demo`: played once, served again and again, never into somebody's own data."""

from __future__ import annotations

import json
import re
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select

from app.commands.demo import demo_settings
from app.demo import play
from app.demo.play import Standing
from app.domain.policy import default_policy
from app.flows import meetings, policies, sources, tokens
from app.models import Base, Lead
from app.settings import read_settings

NOW = datetime.now(UTC)
LEAD = {"first_seen_at": NOW, "updated_at": NOW, "history": {}}


# --- whose database is it?


def add_source(c, state, name: str) -> None:
    sources.add(c, state.vault, name=name, kind="standard", config={}, secret="x", now=NOW)


def demo_policy(c, _state=None, by: str = play.REPLAYED) -> None:
    policies.apply_policy(c, default_policy(), by=by, now=NOW, effective_from=None)


def own_policy(c, _state) -> None:
    demo_policy(c, by="revops")


def lead(c, _state) -> None:
    c.execute(insert(Lead).values(LEAD))


def own_token(c, _state) -> None:
    tokens.create(c, "looker", ["read"], NOW)


def demo_keys(c, state) -> None:
    meetings.ensure_default_series(c, state.settings, NOW)
    play.new_keys(c, NOW)


def own_source(c, state) -> None:
    add_source(c, state, "marketo")


def demo_source(c, state) -> None:
    add_source(c, state, "hubspot")


@pytest.mark.parametrize(
    ("holds", "standing"),
    [
        ([], Standing.EMPTY),
        ([lead], Standing.FOREIGN),
        ([own_source], Standing.FOREIGN),
        ([demo_source], Standing.FOREIGN),
        ([own_policy], Standing.FOREIGN),
        ([own_token], Standing.FOREIGN),
        ([demo_policy, demo_source, lead], Standing.BEGUN),
        ([demo_policy, demo_source, lead, demo_keys], Standing.PLAYED),
        ([demo_policy, demo_source, lead, demo_keys, own_token, own_policy], Standing.PLAYED),
        ([demo_policy, demo_source, demo_keys, own_source], Standing.FOREIGN),
    ],
)
def test_the_demo_knows_its_own_database(state, holds, standing) -> None:
    with state.database.write() as c:
        for put in holds:
            put(c, state)
    assert play.standing(state.database) is standing


def test_clearing_empties_every_table(state) -> None:
    with state.database.write() as c:
        for put in (demo_policy, demo_source, lead, demo_keys):
            put(c, state)
    play.clear(state.database)
    with state.database.read() as c:
        assert {c.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables} == {0}
    assert play.standing(state.database) is Standing.EMPTY


@pytest.mark.parametrize(
    ("given", "port", "public_url", "data_dir"),
    [
        ({}, None, "http://127.0.0.1:8000", "tasuki-demo"),
        ({}, 8123, "http://127.0.0.1:8123", "tasuki-demo"),
        (
            {"smtp_host": "mail.example", "slack_webhooks": {"default": "https://hooks.slack.example/x"}},
            None,
            "http://127.0.0.1:8000",
            "tasuki-demo",
        ),
        ({"port": 9000, "host": "0.0.0.0"}, None, "http://127.0.0.1:9000", "tasuki-demo"),
        ({"data_dir": "mine", "public_url": "https://t.example"}, 8123, "https://t.example", "mine"),
    ],
)
def test_the_demo_is_for_this_machine_alone(given, port, public_url, data_dir) -> None:
    settings = demo_settings(read_settings(_env_file=None, **given), port)
    assert (settings.host, settings.open_pages) == ("127.0.0.1", True)
    assert (settings.smtp_host, settings.slack_webhooks) == ("", {})
    assert (settings.public_url, settings.data_dir) == (public_url, Path(data_dir))


def test_somebodys_own_data_is_left_alone(tasuki, state_of) -> None:
    with state_of(tasuki).database.write() as c:
        lead(c, None)
    for words in (("demo", "--no-serve"), ("demo", "--no-serve", "--fresh")):
        assert "holds what is not the demo's" in tasuki(*words, exits=3).stderr
    with state_of(tasuki).database.read() as c:
        assert c.scalar(select(func.count()).select_from(Lead)) == 1


# --- as a person runs it


def numbers(said: str) -> list[str]:
    return re.search(r"(\S+) webhooks brought (\S+) events about (\S+) leads; (\S+) of them", said).groups()


def six_meetings(tasuki, there: dict[str, str]) -> None:
    """They decided, carried over and gave up, and the SLA that they changed was kept better afterwards."""

    def asked(*words: str) -> list[dict[str, Any]]:
        return json.loads(tasuki.run(*words, "--json", **there))

    held = asked("meeting", "list")
    assert [(each["number"], each["stage"]) for each in held] == [(n, "closed") for n in range(6, 0, -1)]
    made = {item["text"]: item for item in asked("action", "list", "--all")}
    stands = [(item["state"], item["carried"]) for item in made.values()]
    assert {("done", 2), ("done", 0), ("dropped", 0), ("open", 1), ("open", 0)} <= set(stands)
    (changed,) = asked("proposal", "list")
    assert (changed["state"], changed["document"]["clock"], changed["meeting_number"]) == (
        "adopted",
        "business_days",
        3,
    )
    reviewed = tasuki.run("meeting", "paper", "5", "--agenda", "--format", "json", **there)
    (item,) = [each for each in json.loads(reviewed)["items"] if each["block"] == "sla_review"]
    *_, before, after = item["tables"][-1]["lines"][0]["cells"]
    assert share(after) > share(before)
    minutes = tasuki.run("meeting", "paper", "3", "--minutes", **there)
    assert "期限を24時間から1営業日に変える" in minutes
    assert [point["number"] for point in asked("meeting", "checklist", "6") if point["mark"] != "done"] == [16]


def share(words: str) -> float:
    return float(re.search(r"([\d.]+)%", words)[1])


def test_a_first_run_a_look_around_and_a_second_run(tasuki, started, free_port) -> None:
    del tasuki.env["TASUKI_DATA_DIR"], tasuki.env["TASUKI_SECRET_KEY"]
    first = tasuki.run("demo", "--no-serve")
    assert (tasuki.folder / "tasuki-demo" / "tasuki.db").exists()
    webhooks, events, leads, handoffs = (int(n.replace(",", "")) for n in numbers(first))
    assert webhooks > 1000 < events
    assert leads > handoffs > 100
    for verdict in ("! Overdue", "✓ Followed up in time", "! Followed up late"):
        assert verdict in first
    assert first.count("alert-") == 3

    there = {"TASUKI_DATA_DIR": str(tasuki.folder / "tasuki-demo")}
    assert "No difference" in tasuki.run("rebuild", "--check", **there)
    number = re.search(r"TASUKI_DATA_DIR=tasuki-demo \S+ explain (\d+)", first)[1]
    assert "↩ Breach withdrawn" in tasuki.run("explain", number, **there)

    six_meetings(tasuki, there)

    port = str(free_port())
    serving, said = started(tasuki, "demo", "--port", port)
    assert numbers(said) == numbers(first)
    base, token = f"http://127.0.0.1:{port}", re.search(r"tsk_\S+", said)[0].rstrip('"')
    assert httpx.get(f"{base}/").status_code == 200
    agenda = httpx.get(f"{base}/v1/meetings/next/agenda.md", headers={"Authorization": f"Bearer {token}"})
    assert agenda.text.startswith("# 営業×マーケ連携会議") or agenda.text.startswith("# Sales")
    assert httpx.get(re.search(r"http\S+\.ics", said)[0]).text.startswith("BEGIN:VCALENDAR")
    old = re.search(r"tsk_\S+", first)[0].rstrip('"')
    assert httpx.get(f"{base}/v1/leads", headers={"Authorization": f"Bearer {old}"}).status_code == 401
    assert f"tasuki demo --port {int(port) + 1}" in tasuki.run("demo", "--port", port, exits=1, TASUKI_DATA_DIR="other")
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=60)
    assert serving.returncode == 0
