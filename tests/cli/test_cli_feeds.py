"""`tasuki feeds`, and what `tasuki doctor` says of a dark one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from app.commands import feeds as command
from app.domain.language import translations
from app.flows import checkup
from app.flows.silence_words import REMEDIES, TITLES
from app.models import Delivery, Feed, Heartbeat, Silence, Source

REACHED = {"TASUKI_SLACK_WEBHOOKS": '{"default": "https://hooks.slack.example/x"}', "TASUKI_SMTP_HOST": "mail.example"}
H = timedelta(hours=1)


def right_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def dark(tasuki_anywhere, state_of) -> Any:
    """A source of sales that has been silent for five hours, and one of marketing that was never heard."""
    tasuki_anywhere("source", "add", "sf", "standard", "-c", "silent_after_hours=4", "-c", "role=sfa")
    tasuki_anywhere("source", "add", "web", "standard", "-c", "role=ma")
    state, since = state_of(tasuki_anywhere), right_now() - 5 * H
    row = {"method": "POST", "url": "/", "headers": {}, "body": b"x", "state": "applied", "not_before": since}
    silence = {"source_id": 1, "since": since, "noticed_at": since + 4 * H, "why": "silent"}
    with state.database.write() as c:
        c.execute(insert(Delivery).values(row | {"source_id": 1, "received_at": since}))
        c.execute(insert(Feed).values(source_id=1, heard_at=since, recovered=3, failures=2, poll_error="401: revoked"))
        c.execute(insert(Silence).values(silence))
        c.execute(delete(Heartbeat))
        beats = [{"job": job, "beat_at": right_now(), "error": None} for job in checkup.JOBS]
        c.execute(insert(Heartbeat), beats)
    return tasuki_anywhere, state


def test_people_read_a_line_a_source(dark) -> None:
    tasuki, state = dark
    with state.database.read() as c:
        since = c.execute(select(Silence.since)).scalar_one()
    said = tasuki("feeds").stdout
    columns, sf, web = (line.split() for line in said.splitlines() if line.startswith(("Name ", "sf ", "web ")))
    assert columns[:4] == ["Name", "Role", "Last", "delivery"]
    assert (sf[1], web[1]) == ("sales", "marketing")
    shown = since.astimezone(state.settings.zone)
    assert f"dark since {shown:%a %Y-%m-%d %H:%M}: silent" in said
    assert "4h (set)" in said
    assert "not known yet" in said
    assert "sf: the last 2 polls failed: 401: revoked" in said
    assert "While a feed is dark, leads that fall due have no verdict." in said


def test_the_same_in_japanese(dark) -> None:
    tasuki, _ = dark
    said = tasuki("feeds", "--lang", "ja").stdout
    for words in ("受信停止(", "4時間(設定値)", "学習中", "マーケティング", "判定を保留します"):
        assert words in said, words


def test_programs_read_the_same_as_through_rest(dark) -> None:
    tasuki, _ = dark
    sf, web = tasuki.json("feeds")
    assert (sf["source"], sf["role"], sf["expected_gap_seconds"], sf["expected_from"]) == ("sf", "sfa", 14400, "set")
    assert (sf["silence"]["why"], sf["recovered"], sf["failures"], sf["error"]) == ("silent", 3, 2, "401: revoked")
    assert (web["source"], web["heard_at"], web["silence"]) == ("web", None, None)


def test_without_sources_it_says_how_to_add_one(tasuki) -> None:
    assert "Add one: `tasuki source add NAME KIND`." in tasuki("feeds").stdout
    assert tasuki.json("feeds") == []


@pytest.mark.parametrize(
    ("why", "fix"),
    [
        ("silent", "webhook is still switched on"),
        ("failing", "`tasuki source credential sf`"),
        ("behind", "being read"),
    ],
)
def test_the_doctor_names_a_dark_feed_and_what_mends_it(dark, why, fix) -> None:
    tasuki, state = dark
    with state.database.write() as c:
        c.execute(update(Silence).values(why=why))
    (sign,) = tasuki.json("doctor", "--quiet", exits=1, **REACHED)
    assert sign["what"].startswith("sf: the feed is dark since ")
    assert fix in sign["fix"]


def test_the_doctor_is_content_once_it_is_over_or_disabled(dark) -> None:
    tasuki, state = dark
    with state.database.write() as c:
        c.execute(update(Source).where(Source.id == 1).values(disabled_at=right_now()))
    tasuki("doctor", "--quiet", **REACHED)
    with state.database.write() as c:
        c.execute(update(Source).values(disabled_at=None))
        c.execute(update(Silence).values(until=right_now()))
    tasuki("doctor", "--quiet", **REACHED)


def test_the_doctor_looks_at_the_channels_of_the_admins(dark) -> None:
    tasuki, state = dark
    with state.database.write() as c:
        c.execute(update(Silence).values(until=right_now()))
    (sign,) = tasuki.json("doctor", "--quiet", exits=1, TASUKI_ADMIN_ALERTS='["slack:ops"]', **REACHED)
    assert sign["what"] == "Slack webhook ops is missing."


def test_a_wrong_recipient_is_said_in_both_tongues(tasuki) -> None:
    wrong = {"TASUKI_ADMIN_ALERTS": '["fax:1"]'}
    assert "TASUKI_ADMIN_ALERTS" in tasuki("feeds", exits=2, **wrong).stderr
    assert "の形で" in tasuki("feeds", "--lang", "ja", exits=2, **wrong).stderr


def test_every_word_that_is_looked_up_has_japanese() -> None:
    known = translations("ja")._catalog  # type: ignore[attr-defined]
    looked_up = [
        *TITLES.values(),
        *REMEDIES.values(),
        *command.ROLES.values(),
        *command.ORIGINS.values(),
        *command.DARK.values(),
    ]
    others = [
        "{source} is heard again",
        "{count} overdue leads have no verdict until it is back; nobody is told that they are late.",
        "Leads without a verdict are judged now, by when things really happened.",
    ]
    assert [message for message in [*looked_up, *others] if message not in known] == []
