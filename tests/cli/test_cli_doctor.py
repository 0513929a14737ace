"""`tasuki doctor`: green and red lines, each red one with what mends it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, insert, text, update

from app.commands.doctor import unknown_variables
from app.domain.calendar import japanese_office, with_public_holidays
from app.domain.policy import Policies, PolicyVersion, default_policy
from app.flows import checkup, sources
from app.models import Alert, Delivery, Handoff, Heartbeat, Lead, Source
from app.settings import read_settings


def right_now() -> datetime:
    """`tasuki doctor` reads the real clock, and the tests before this one take minutes."""
    return datetime.now(UTC)


#: What a policy needs to reach people.
REACHED = {"TASUKI_SLACK_WEBHOOKS": '{"default": "https://hooks.slack.example/x"}', "TASUKI_SMTP_HOST": "mail.example"}


def red(tasuki, **env: str) -> list[tuple[str, str]]:
    """What is wrong, and its fix."""
    signs = tasuki.json("doctor", "--quiet", exits=1, **(REACHED | env))
    return [(sign["what"], sign["fix"]) for sign in signs]


def beat(c, ago: timedelta = timedelta(), **changes: object) -> None:
    now = right_now() - ago
    c.execute(delete(Heartbeat))
    c.execute(insert(Heartbeat), [{"job": job, "beat_at": now, "error": None, **changes} for job in checkup.JOBS])


@pytest.fixture
def well(tasuki_anywhere, state_of):
    """A database on which everything runs, and its state."""
    state = state_of(tasuki_anywhere)
    with state.database.write() as c:
        beat(c)
    return state


def test_all_is_green_and_the_exit_code_says_so(tasuki_anywhere, well) -> None:
    said = tasuki_anywhere("doctor", **REACHED).stdout
    assert "✗" not in said
    assert said.count("✓") > 12
    assert tasuki_anywhere("doctor", "--quiet", **REACHED).stdout == ""
    assert "✓ 設定に矛盾はありません。" in tasuki_anywhere("doctor", "--lang", "ja", **REACHED).stdout


def test_channels_that_the_policy_names_must_be_set_up(tasuki_anywhere, well) -> None:
    said = tasuki_anywhere("doctor", "--quiet", exits=1).stdout
    assert said.splitlines() == [
        "✗ Slack webhook default is missing.",
        "    → Add default to TASUKI_SLACK_WEBHOOKS, or take it out of the policy.",
        "✗ E-mail is not set up.",
        "    → Set TASUKI_SMTP_HOST, or take e-mail out of the policy.",
    ]


def delivery(state, source_id: int, age: timedelta, delivery_state: str) -> dict[str, object]:
    row = {
        "source_id": source_id,
        "received_at": right_now() - age,
        "method": "POST",
        "url": "/",
        "headers": {},
        "body": b"x",
    }
    return row | {"not_before": right_now(), "attempts": 0, "state": delivery_state, "reason": None, "applied_at": None}


@pytest.mark.parametrize(
    ("age", "delivery_state", "said"),
    [
        (timedelta(minutes=1), "quarantined", r"1 deliveries in quarantine, the oldest from \w+ \d{4}"),
        (timedelta(minutes=4), "waiting", None),
        (timedelta(minutes=6), "waiting", "1 deliveries wait, the oldest since "),
        (timedelta(hours=1), "asking", None),
        (timedelta(hours=3), "asking", "1 deliveries wait for a tool's answer, the oldest since "),
        (timedelta(days=13), "applied", None),
        (timedelta(days=15), "applied", "s: silent since "),
    ],
)
def test_deliveries_that_are_stuck(tasuki_anywhere, well, age, delivery_state, said) -> None:
    with well.database.write() as c:
        source = sources.add(
            c, well.vault, name="s", kind="standard", config={}, secret="x", now=right_now() - timedelta(days=99)
        )
        c.execute(insert(Delivery), delivery(well, source, age, delivery_state))
    if said is None:
        tasuki_anywhere("doctor", "--quiet", **REACHED)
    else:
        ((what, fix),) = red(tasuki_anywhere)
        assert re.match(said, what)
        assert "`tasuki " in fix or "webhook" in fix


@pytest.mark.parametrize(("age", "well_again"), [(timedelta(hours=2), True), (timedelta(days=2), False)])
def test_a_source_that_was_never_heard(tasuki_anywhere, well, age, well_again) -> None:
    with well.database.write() as c:
        sources.add(c, well.vault, name="s", kind="standard", config={}, secret="x", now=right_now() - age)
    if well_again:
        assert "s: waits for its first delivery." in tasuki_anywhere("doctor", **REACHED).stdout
    else:
        ((what, fix),) = red(tasuki_anywhere)
        assert what.startswith("s: nothing has come since it was added, ")
        assert "tasuki source rotate s" in fix


def test_a_source_that_cannot_be_opened(tasuki_anywhere, well) -> None:
    with well.database.write() as c:
        sources.add(c, well.vault, name="s", kind="standard", config={}, secret="x", now=right_now())
        c.execute(update(Source).values(config={"zzz": 1}))
    ((what, fix),) = red(tasuki_anywhere)
    assert what == "s: /zzz: `zzz` is not known here; possible: " + what.partition("possible: ")[2]
    assert "tasuki source configure s" in fix
    ((what, _),) = red(tasuki_anywhere, TASUKI_SECRET_KEY=Fernet.generate_key().decode())
    assert what.startswith("TASUKI_SECRET_KEY does not open this database's secrets")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ago": timedelta(minutes=2)}, []),
        ({"error": "boom"}, []),
        ({"ago": timedelta(minutes=5)}, ["Job ledger last ended well at "] * 1),
        ({"ago": timedelta(minutes=5), "error": "boom"}, [": boom"]),
    ],
)
def test_jobs_that_do_not_end_well(tasuki_anywhere, well, changes, said) -> None:
    with well.database.write() as c:
        beat(c, **changes)
    if not said:
        tasuki_anywhere("doctor", "--quiet", **REACHED)
        return
    found = red(tasuki_anywhere)
    assert len(found) == len(checkup.JOBS)
    assert said[0] in found[0][0]


def test_nothing_runs_yet(tasuki_anywhere) -> None:
    tasuki_anywhere("token", "list")
    assert red(tasuki_anywhere)[0][0] == "Nothing has worked here yet."


def test_alerts_that_cannot_be_delivered(tasuki_anywhere, well) -> None:
    with well.database.write() as c:
        lead = {"first_seen_at": right_now(), "updated_at": right_now(), "history": {}}
        lead_id = c.execute(insert(Lead).values(lead).returning(Lead.id)).scalar_one()
        row = {
            "lead_id": lead_id,
            "number": 1,
            "policy_id": 1,
            "episode": {},
            "verdict": "met",
            "verdict_at": right_now(),
        }
        row |= {
            "qualified_at": right_now(),
            "visible_at": right_now(),
            "due_at": right_now(),
            "updated_at": right_now(),
        }
        handoff = c.execute(insert(Handoff).values(row).returning(Handoff.id)).scalar_one()
        owed = {
            "subject": f"handoff:{handoff}",
            "handoff_id": handoff,
            "reason": "breached",
            "channel": "slack",
            "recipient": "x",
            "owed_at": right_now(),
        }
        c.execute(insert(Alert).values(owed | {"state": "undeliverable", "not_before": right_now(), "attempts": 1}))
    ((what, fix),) = red(tasuki_anywhere)
    assert what == "1 alerts cannot be delivered."
    assert "tasuki alerts retry" in fix


def test_a_clock_that_went_back(tasuki, state_of) -> None:
    with state_of(tasuki).database.write() as c:
        beat(c, ago=-timedelta(hours=1))
    ((what, fix),) = red(tasuki)
    assert what.startswith("This machine's clock and the database's times do not agree")
    assert "NTP" in fix


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"TASUKI_PUBLIC_URL": "https://tasuki.example.com", "TASUKI_HOST": "0.0.0.0"}, []),
        ({"TASUKI_PUBLIC_URL": "http://tasuki.example.com"}, ["is not encrypted"]),
        ({"TASUKI_HOST": "0.0.0.0"}, ["leads nobody here"]),
        ({"TASUKI_PUBLIC_URL": "https://t.example.com", "TASUKI_OPEN_PAGES": "true"}, ["open to whoever"]),
        ({"TASUKI_OPEN_PAGES": "true"}, []),
        ({"TASUKI_PUBLIC_ULR": "x"}, ["There is no setting TASUKI_PUBLIC_ULR."]),
    ],
)
def test_settings_that_fit_together(tasuki, state_of, env, said) -> None:
    with state_of(tasuki).database.write() as c:
        beat(c)
    found = red(tasuki, **env) if said else []
    if not said:
        tasuki("doctor", "--quiet", **REACHED, **env)
    assert len(found) == len(said)
    assert all(words in what for words, (what, _) in zip(said, found, strict=True))


def test_a_misspelt_setting_is_named() -> None:
    (sign,) = unknown_variables(["TASUKI_PORTS", "TASUKI_PORT", "HOME"])
    assert (sign.values["name"], sign.values["near"]) == ("TASUKI_PORTS", "TASUKI_PORT")


def test_looking_makes_no_database(tasuki, tmp_path) -> None:
    elsewhere = tmp_path / "nothing"
    ((what, fix),) = red(tasuki, TASUKI_DATA_DIR=str(elsewhere))
    assert what == f"There is no database at {elsewhere / 'tasuki.db'} yet."
    assert "tasuki serve" in fix
    assert not elsewhere.exists()


def test_an_old_schema_is_said(tasuki, state_of) -> None:
    with state_of(tasuki).database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    ((what, fix),) = red(tasuki)
    assert (what, "tasuki serve" in fix) == ("The database's schema is not this program's.", True)
    assert "made by a newer Tasuki" in tasuki("token", "list", exits=1).stderr


def test_a_new_key_can_be_used(tasuki) -> None:
    key = tasuki("doctor", "--new-key", TASUKI_SECRET_KEY="nonsense").stdout.strip()
    assert read_settings(_env_file=None, secret_key=key)


@pytest.mark.parametrize(("years", "red_line"), [(range(2024, 2030), False), (range(2024, 2027), True)])
def test_holidays_of_the_next_twelve_months(years, red_line, tmp_path) -> None:
    calendar = with_public_holidays(japanese_office(), years)
    version = PolicyVersion(1, 1, default_policy(), calendar, 3, None)
    settings = read_settings(_env_file=None, data_dir=tmp_path)
    signs = list(checkup.policy_signs(Policies([version]), settings, datetime(2026, 9, 18, tzinfo=UTC)))
    assert (not signs[-1].well) is red_line
    if red_line:
        assert signs[-1].values["years"] == "2027"
