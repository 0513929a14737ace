"""Every command that changes something is in the audit log; `tasuki audit` reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
import yaml
from sqlalchemy import insert, select

from app.cli import app
from app.commands.audit import changed
from app.commands.documents import as_yaml
from app.flows import ledger
from app.models import Alert, AuditEntry, Burst, Delivery, Handoff
from connectors.contract import ExternalId
from tests.asked import CREDENTIAL, Tool, installed, running
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
NOW = datetime.now(UTC)
DAY, TODAY = timedelta(days=1), NOW.date()
NEWER = "whsec_of_the_cli_rotation"
SLA_CHANGE = "48時間 --set target=48 --from {first} --review {then}"
#: Commands that change nothing, or nothing of a team's own: servers, the demo's playground.
READING = {
    "serve", "worker", "demo", "feeds", "due", "explain", "agenda", "quality", "audit", "report", "doctor",
    "source list", "source show", "source check", "source test", "source schema", "token list",
    "user list", "user sessions",
    "policy list",
    "policy show", "policy diff", "calendar list", "calendar show", "calendar propose", "calendar check",
    "identities", "meeting series show",
    "meeting template list", "meeting template show", "meeting template built-in",
    "deliveries list", "deliveries show", "bursts list", "alerts list",
    "meeting list", "meeting show", "meeting checklist", "meeting paper", "meeting restated", "meeting health",
    "proposal list",
    "absence list", "kpi board", "kpi show", "kpi rows", "kpi definition", "action list", "action show",
    "channel list", "content list", "process-rule list", "process-rule show",
    "lead brief", "lead completeness", "lead fields", "lead outcomes",
}  # fmt: skip
#: Command → (what follows it, what is typed, the actions it leaves), in the order of the walk.
WRITING: dict[str, tuple[str, str, list[str]]] = {
    "source add": (
        "sfa asked -c api={api} --secret-stdin --credential-stdin",
        "{secret}\n{credential}\n",
        ["source.added"],
    ),
    "source configure": ("sfa -c role=sfa", "", ["source.configured"]),
    "source rotate": ("sfa --secret-stdin", "{newer}\n", ["source.rotated"]),
    "source credential": ("sfa", "{credential}\n", ["source.credential_set"]),
    "source backfill": ("sfa --days 5", "", ["source.backfill_started"]),
    "source poll": ("sfa", "", ["source.polled"]),
    "source disable": ("sfa", "", ["source.disabled"]),
    "source enable": ("sfa", "", ["source.enabled"]),
    "token create": ("looker --scope read", "", ["token.created"]),
    "token revoke": ("1", "", ["token.revoked"]),
    "user create": ("sasaki@example.jp --name 佐々木 --role rep", "", ["user.created", "user.link_made"]),
    "user role": ("sasaki@example.jp manager", "", ["user.changed"]),
    "user team": ("sasaki@example.jp 東日本", "", ["user.changed"]),
    "user link": ("sasaki@example.jp", "", ["user.link_made"]),
    "user unlink": ("sasaki@example.jp", "", ["user.account_unlinked"]),
    "user revoke": ("sasaki@example.jp", "", ["user.sessions_revoked"]),
    "user disable": ("sasaki@example.jp", "", ["user.disabled"]),
    "user enable": ("sasaki@example.jp", "", ["user.enabled"]),
    "policy apply": ("-", "{policy}", ["policy.applied"]),
    "calendar apply": ("-", "{calendar}", ["calendar.applied"]),
    "meeting series set": ("--weekday fri", "", ["meeting_series.set"]),
    "meeting template set": ("weekly -", "{template}", ["agenda_template.set"]),
    "meeting feed new": ("", "", ["meeting_series.feed_made"]),
    "meeting feed revoke": ("", "", ["meeting_series.feed_revoked"]),
    "identities join": ("hubspot:501 hubspot:502", "", ["leads.joined"]),
    "identities split": ("1 hubspot:502", "", ["lead.split"]),
    "identities part": ("hubspot:501 hubspot:503", "", ["leads.parted"]),
    "deliveries replay": ("", "", ["deliveries.replayed"]),
    "bursts handle": ("1 stagger", "", ["burst.handled"]),
    "alerts retry": ("", "", ["alerts.retried"]),
    "kpi define": ("-", "window_days: 45\n", ["kpis.defined"]),
    "action add": ("伊藤が、2週間以内に、提案書を見直す。完了基準:承認された", "", ["action.added"]),
    "action edit": ("1 --owner 田中", "", ["action.edited"]),
    "action report": ("1 半分まで", "", ["action.reported"]),
    "action carry": ("1 --due 3週間以内 --reason 出張中", "", ["action.carried"]),
    "action done": ("1", "", ["action.done"]),
    "action reopen": ("1 --reason 未承認だった", "", ["action.reopened"]),
    "action drop": ("1 --reason 不要", "", ["action.dropped"]),
    "meeting start": ("", "", ["meeting.started"]),
    "meeting note": ("既存客のリードが多い", "", ["meeting.note"]),
    "meeting decide": (SLA_CHANGE.replace("48", "36"), "", ["meeting.decision", "proposal.made"]),
    "meeting rate": ("4 --improve 短く", "", ["meeting.rated"]),
    "meeting tick": ("11 予算は別会議で扱う", "", ["meeting.ticked"]),
    "meeting run": ("", "d 記録を当日中に\nq\n", ["meeting.decision"]),
    "meeting close": ("--note 練習", "", ["meeting.closed"]),
    "proposal adopt": ("1", "", ["policy.applied", "proposal.adopted"]),
    "proposal withdraw": ("2", "", ["proposal.withdrawn"]),
    "process-rule add": ("in-2h 2時間以内に記録する --check late_logging", "", ["process_rule.added"]),
    "process-rule change": ("in-2h --most 2", "", ["process_rule.changed"]),
    "process-rule withdraw": ("in-2h --reason 自動化した", "", ["process_rule.withdrawn"]),
    "lead want": ("company topics", "", ["brief.fields_set"]),
    "lead helpful": ("1 --no --note 電話番号がない", "", ["brief.rated"]),
    "import visits": ("-", "day,sessions,conversions\n2026-09-16,420,9\n", ["web_visits.set"]),
    "import spend": ("-", "month,channel,spent\n2026-08,exhibition,2840000\n", ["spend.set"]),
    "channel set": ("展示会 exhibition", "", ["channel.set"]),
    "channel remove": ("展示会", "", ["channel.removed"]),
    "content set": ("wp-1 --title 導入事例集", "", ["content.set"]),
    "content remove": ("wp-1", "", ["content.removed"]),
    "absence add": ("tanaka 2026-09-24 2026-09-28", "", ["absence.added"]),
    "absence remove": ("1", "", ["absence.removed"]),
    "rebuild": ("--yes", "", ["handoffs.rebuilt"]),
}


def commands(below: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something."""
    names = getattr(below, "commands", None)
    if names is None or (path and below.invoke_without_command):
        yield " ".join(path)
    for name, command in (names or {}).items():
        yield from commands(command, (*path, name))


@pytest.fixture
def office(tasuki_anywhere, state_of, monkeypatch) -> Iterator[tuple[Any, Any, Tool]]:
    state = state_of(tasuki_anywhere)
    with installed(monkeypatch), running(Tool()) as tool:
        tasuki_anywhere("source", "add", "ma", "standard")
        with state.database.write() as c:
            for number in (1, 2, 3):
                who = (ExternalId("hubspot", str(500 + number)),)
                told = mql(NOW - H, lead=who)
                ledger.apply(c, [fact("lead", NOW - 5 * H, lead=who, name="a"), *told], state.versions.read(c), NOW)
            handoff = c.scalar(select(Handoff.id).limit(1))
            c.execute(insert(Burst).values(began_at=NOW, ended_at=NOW, leads=2, handling="normal", noticed_at=NOW))
            row = {"source_id": 1, "received_at": NOW, "method": "POST", "url": "/", "headers": {}, "body": b"x"}
            c.execute(insert(Delivery).values(row | {"state": "quarantined", "reason": "no", "not_before": NOW}))
            alert = {"subject": "x:1", "handoff_id": handoff, "reason": "breached", "channel": "slack", "attempts": 1}
            owed = {"recipient": "default", "state": "undeliverable", "owed_at": NOW, "not_before": NOW}
            c.execute(insert(Alert).values(alert | owed))
        yield tasuki_anywhere, state, tool


def entries(state: Any) -> list[Any]:
    with state.database.read() as c:
        return list(c.execute(select(AuditEntry.__table__).order_by(AuditEntry.id)))


def test_every_command_that_changes_something_leaves_an_entry(office) -> None:
    tasuki, state, tool = office
    assert set(commands(typer.main.get_command(app))) == WRITING.keys() | READING
    policy = re.sub(r"target: .*", "target: 12", tasuki("policy", "show", "mql").stdout)
    calendar = yaml.safe_load(tasuki("calendar", "show", "default").stdout) | {
        "company_days": {"2026-12-29": "年末休業"}
    }
    typed = {
        "secret": "whsec_of_the_cli",
        "newer": NEWER,
        "credential": CREDENTIAL,
        "policy": policy,
        "calendar": as_yaml(calendar),
        "template": tasuki("meeting", "template", "built-in", "75").stdout,
    }
    days = {"first": TODAY + 7 * DAY, "then": TODAY + 35 * DAY}
    for command, (words, stdin, actions) in WRITING.items():
        if command == "meeting close":  # a second proposal, to be withdrawn
            tasuki("meeting", "decide", *SLA_CHANGE.format(**days).split())
        before = len(entries(state))
        more = words.format(api=tool.api, **days).split()
        tasuki(*command.split(), *more, stdin=stdin.format(**typed) if stdin else None)
        new = entries(state)[before:]
        assert [entry.action for entry in new if entry.action != "handoff.moved"] == actions, command
        assert all(entry.by.startswith("cli") and entry.subject for entry in new), command
    told = json.dumps([[entry.before, entry.after] for entry in entries(state)], ensure_ascii=False)
    assert [secret for secret in ("whsec_", CREDENTIAL, "tsk_") if secret in told] == []


# --- reading it


@pytest.fixture
def changes(tasuki) -> Any:
    tasuki("source", "add", "ma", "standard")
    tasuki("source", "configure", "ma", "-c", "role=ma")
    tasuki("meeting", "series", "set", "--weekday", "fri")
    return tasuki


def test_the_newest_first_with_what_changed(changes) -> None:
    said = changes("audit").stdout.splitlines()
    table = [line for line in said if "cli" in line]
    assert [line.split("cli", 1)[1].split()[1] for line in table] == [
        "meeting_series.set",
        "source.configured",
        "source.added",
    ]
    assert '/series/weekday: "thu" → "fri"' in table[0]
    assert '/config/role: – → "ma"' in table[1]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), 3),
        (("--subject", "source:ma"), 2),
        (("--action", "source.added"), 1),
        (("--by", "nobody"), 0),
        (("--since", "2001-02-03"), 3),
        (("--since", "2099-02-03 10:00"), 0),
        (("--limit", "2"), 2),
    ],
)
def test_only_some(changes, words, found) -> None:
    assert len(changes.json("audit", *words)) == found


def test_words_for_nothing_and_for_more(changes) -> None:
    assert changes("audit", "--by", "nobody").stdout == "Nothing was changed.\n"
    assert "ask for them with --limit" in changes("audit", "--limit", "1").stdout
    assert "変更内容" in changes("audit", "--lang", "ja").stdout
    assert changes("audit", "--since", "yesterday", exits=2)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, None, ""),
        ({"a": 1}, {"a": 1}, ""),
        ({"a": 1, "b": {"c": "x"}}, {"a": 2, "b": {}}, '/a: 1 → 2\n/b/c: "x" → –'),
        (None, {"name": "営業"}, '/name: – → "営業"'),
    ],
)
def test_what_changed(before, after, said) -> None:
    assert changed(before, after) == said
