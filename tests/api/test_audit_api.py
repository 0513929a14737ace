"""Every change through the API is in the audit log, with whoever made it and without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.models import Alert, AuditEntry, Burst, Delivery, Handoff
from connectors.contract import ExternalId
from tests.asked import CREDENTIAL, Tool, installed, running
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
SECRETS = (CREDENTIAL, "whsec_audit_secret_1", "whsec_audit_secret_2", "pat-audit-credential")
#: These say what a change would do; they change nothing.
CHANGE_NOTHING = {"preview_policy", "preview_calendar", "check_source", "test_source"}
SERIES: dict[str, Any] = {
    "name": "営業会議",
    "weekday": "fri",
    "time": "11:00",
    "minutes": 60,
    "every_weeks": 1,
    "first": "2026-09-18",
    "time_zone": "Asia/Tokyo",
}


class Walk:
    """What the walk needs to know of the world; `values` stand for the names in paths."""

    def __init__(self, office: Any, tool: Tool) -> None:
        self.office, self.tool = office, tool
        self.values: dict[str, Any] = {"name": "sfa", "key": "weekly"}
        self.values |= {"day": "2026-09-17", "month": "2026-09", "raw": "seo", "asset": "wp-07"}
        self.values["number"] = office.get("/v1/meetings/next/agenda.json")["meeting"]["number"]
        self.document: dict[str, Any] = office.client.get("/openapi.json").json()
        for number in (1, 2, 3, 4):
            self._lead(number)
        self._rows()

    def _lead(self, number: int) -> None:
        who = (ExternalId("hubspot", str(500 + number)), ExternalId("salesforce", f"00Q{number}"))
        about = fact("lead", FRIDAY - 5 * H, lead=who, name=f"Lead {number}")
        self.office.happens(about, *mql(FRIDAY, lead=who[:1], prefix=str(number)))
        found = self.office.get("/v1/leads", known_as=f"hubspot:{500 + number}")["items"]
        self.values[f"lead{number}"] = found[0]["id"]
        self.values["handoff_id"] = self.office.get("/v1/handoffs", lead_id=found[0]["id"])["items"][0]["id"]

    def _rows(self) -> None:
        """What only goes wrong by itself: a burst, deliveries in quarantine, messages that could not be delivered."""
        secret = "whsec_audit_secret_1"
        self.change("add_source", {"name": "ma", "kind": "standard", "secret": secret})
        with self.office.state.database.write() as c:
            burst = {"began_at": FRIDAY, "ended_at": FRIDAY, "leads": 2, "handling": "normal", "noticed_at": FRIDAY}
            self.values["burst_id"] = c.execute(insert(Burst).values(burst).returning(Burst.id)).scalar_one()
            handoffs = select(Handoff.id).where(Handoff.lead_id == self.values["lead1"])
            c.execute(Handoff.__table__.update().where(Handoff.id.in_(handoffs)).values(burst_id=1))
            delivery = {
                "source_id": 1,
                "received_at": FRIDAY,
                "method": "POST",
                "url": "/",
                "headers": {},
                "body": b"x",
            }
            delivery |= {"state": "quarantined", "reason": "no", "not_before": FRIDAY, "attempts": 0}
            made = [c.execute(insert(Delivery).values(delivery).returning(Delivery.id)).scalar_one() for _ in "ab"]
            self.values["delivery_id"] = made[0]
            alert = {
                "handoff_id": c.scalar(handoffs),
                "reason": "breached",
                "channel": "slack",
                "state": "undeliverable",
            }
            alert |= {"owed_at": FRIDAY, "not_before": FRIDAY, "attempts": 1}
            rows = [alert | {"subject": f"x:{n}", "recipient": "default"} for n in (1, 2)]
            self.values["alert_id"], _ = (
                c.execute(insert(Alert).values(r).returning(Alert.id)).scalar_one() for r in rows
            )

    def operations(self) -> Iterator[tuple[str, str, str]]:
        """(operation, method, path) of everything below /v1 that is no reading."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if path.startswith("/v1") and method != "get":
                    yield operation["operationId"], method, path

    def change(self, operation: str, body: Any, **values: Any) -> Any:
        method, path = next((m, p) for o, m, p in self.operations() if o == operation)
        known = self.values | values
        path = re.sub(r"\{(\w+)\}", lambda m: str(known[m[1]]), path)
        given = {} if body is None else {"content" if isinstance(body, str) else "json": body}
        answer = self.office.asks(method, path, **given)
        assert answer.status_code < 300, (operation, answer.text)
        return answer.json() if answer.content else None

    def entries(self) -> list[Any]:
        with self.office.state.database.read() as c:
            return list(c.execute(select(AuditEntry.__table__).order_by(AuditEntry.id)))


def _record(walk: Walk) -> None:
    said = {"kind": "follow_up", "lead_id": walk.values["lead1"], "channel": "call"}
    walk.values["event_id"] = walk.change("record_follow_up", said)["event_id"]


def _absence(walk: Walk) -> None:
    away = {"owner": "tanaka", "since": "2026-09-24T00:00:00Z", "until": "2026-09-28T00:00:00Z"}
    walk.values["absence_id"] = walk.change("add_absence", away)["id"]


def _action(walk: Walk) -> None:
    promise = {"owner": "伊藤", "due_on": "2026-10-02", "text": "提案書を見直す", "done_when": "承認された"}
    walk.values["action_id"] = walk.change("add_action", promise)["id"]


def _decide(walk: Walk) -> None:
    """Two changes of the SLA, one to be adopted and one to be withdrawn."""
    for target in (36, 48):
        change = {"changes": {"target": target}, "effective_on": "2026-10-01", "review_on": "2026-11-05"}
        walk.change("write_entry", {"kind": "decision", "text": "試す", "sla": "pilot", "sla_change": change})


def _proposal(number: int) -> Callable[[Walk], None]:
    def name(walk: Walk) -> None:
        walk.values["proposal_id"] = walk.office.get("/v1/sla-proposals")["items"][number]["id"]

    return name


def _leads(*numbers: int) -> Callable[[Walk], Any]:
    return lambda walk: {"leads": [walk.values[f"lead{number}"] for number in numbers]}


def _split(walk: Walk) -> None:
    ids = [{"system": "salesforce", "value": "00Q4"}]
    walk.change("split_lead", {"ids": ids}, lead_id=walk.values["lead4"])


def _policy(walk: Walk) -> Any:
    policy = next(p for p in walk.office.get("/v1/policies")["items"] if p["key"] == "mql")["policy"]
    return {"policy": policy | {"target": 12}}


def _calendar(walk: Walk) -> Any:
    calendar = walk.office.get("/v1/calendars")["items"][0]["calendar"]
    return {"calendar": calendar | {"company_days": {"2026-12-29": "年末休業"}}}


def _source(walk: Walk) -> Any:
    config = {"api": walk.tool.api, "role": "sfa"}
    return {"name": "sfa", "kind": "asked", "config": config, "secret": SECRETS[1], "credential": CREDENTIAL}


#: Operation → its body, how to make one, or how to do it; in the order of the walk.
REQUESTS: dict[str, Any] = {
    "add_source": _source,
    "backfill_source": {"days": 10},
    "poll_source": None,
    "configure_source": lambda walk: {"config": {"api": walk.tool.api, "role": "both"}},
    "set_source_credential": {"credential": SECRETS[3]},
    "rotate_source": {"secret": SECRETS[2]},
    "disable_source": None,
    "enable_source": None,
    "replay_delivery": None,
    "replay_deliveries": {},
    "retry_alert": None,
    "retry_alerts": None,
    "apply_policy": _policy,
    "apply_calendar": _calendar,
    "set_meeting_series": {"series": SERIES, "calendar": "default"},
    "make_feed": None,
    "revoke_feed": None,
    "remove_meeting_series": None,
    "set_agenda_template": {"name": "週次", "minutes": 60, "items": [{"block": "decisions", "minutes": 60}]},
    "set_kpi_definition": {"definition": {"opportunity_of": "sql"}},
    "add_action": _action,
    "edit_action": {"owner": "田中"},
    "report_action": {"said": "半分まで"},
    "carry_action": {"reason": "出張中", "due_on": "2026-10-09"},
    "finish_action": {},
    "reopen_action": {"reason": "未承認だった"},
    "drop_action": {"reason": "不要になった"},
    "start_meeting": None,
    "write_entry": _decide,
    "close_meeting": {"note": "練習"},
    "adopt_sla_proposal": _proposal(0),
    "withdraw_sla_proposal": _proposal(1),
    "add_process_rule": {"key": "weekly", "text": "対応後2時間以内に記録する", "check": "late_logging"},
    "change_process_rule": {"text": "当日中に記録する", "check": "late_logging", "most": 2},
    "withdraw_process_rule": {"reason": "自動で記録されるようになった"},
    "set_brief_fields": {"fields": ["company", "topics"]},
    "rate_brief": {"helpful": True, "note": "話題がつかめた"},
    "set_web_visits": {"rows": [{"sessions": 420, "conversions": 9}]},
    "import_web_visits": "day,sessions,conversions\n2026-09-16,420,9\n",
    "set_spend": {"rows": [{"channel": "exhibition", "spent": 2840000}]},
    "import_spend": "month,channel,spent\n2026-08,exhibition,2840000\n",
    "set_channel": {"channel": "search"},
    "remove_channel": None,
    "set_content": {"title": "導入事例集"},
    "remove_content": None,
    "add_absence": _absence,
    "remove_absence": None,
    "handle_burst": {"handling": "stagger"},
    "record_follow_up": _record,
    "revise_follow_up": {"outcome": "不在"},
    "retract_follow_up": None,
    "join_leads": _leads(2, 3),
    "part_leads": _leads(1, 4),
    "split_lead": _split,
}
#: What is done where, for those whose subject is no matter of course.
ENTRIES = {
    "add_source": ("source.added", "source:sfa"),
    "configure_source": ("source.configured", "source:sfa"),
    "set_source_credential": ("source.credential_set", "source:sfa"),
    "rotate_source": ("source.rotated", "source:sfa"),
    "disable_source": ("source.disabled", "source:sfa"),
    "enable_source": ("source.enabled", "source:sfa"),
    "poll_source": ("source.polled", "source:sfa"),
    "replay_deliveries": ("deliveries.replayed", "deliveries"),
    "retry_alerts": ("alerts.retried", "alerts"),
    "add_process_rule": ("process_rule.added", "process_rule:weekly"),
    "change_process_rule": ("process_rule.changed", "process_rule:weekly"),
    "withdraw_process_rule": ("process_rule.withdrawn", "process_rule:weekly"),
    "set_meeting_series": ("meeting_series.set", "meeting_series:weekly"),
    "make_feed": ("meeting_series.feed_made", "meeting_series:weekly"),
    "revoke_feed": ("meeting_series.feed_revoked", "meeting_series:weekly"),
    "remove_meeting_series": ("meeting_series.removed", "meeting_series:weekly"),
    "set_agenda_template": ("agenda_template.set", "agenda_template:weekly"),
}


@pytest.fixture
def walk(office, monkeypatch, clock) -> Iterator[Walk]:
    with installed(monkeypatch), running(Tool(clock=clock)) as tool:
        yield Walk(office, tool)


def test_every_operation_that_changes_something_leaves_an_entry(walk) -> None:
    assert {operation for operation, *_ in walk.operations()} == REQUESTS.keys() | CHANGE_NOTHING
    for operation, wanted in REQUESTS.items():
        before = len(walk.entries())
        body = wanted(walk) if callable(wanted) else wanted
        if wanted not in (_record, _absence, _split, _action, _decide):
            walk.change(operation, body)
        new = walk.entries()[before:]
        assert new, operation
        assert {entry.by for entry in new} == {"test admin"}, operation
        assert all(entry.at == FRIDAY and entry.subject and "." in entry.action for entry in new), operation
        if operation in ENTRIES:
            assert [(entry.action, entry.subject) for entry in new] == [ENTRIES[operation]]
    told = json.dumps([[entry.before, entry.after] for entry in walk.entries()], ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in told] == []
    assert "role" in told


def test_what_would_change_is_no_change(walk) -> None:
    walk.change("add_source", {"name": walk.values["name"], "kind": "pipedrive"})
    before = len(walk.entries())
    walk.change("preview_policy", _policy(walk))
    walk.change("preview_calendar", _calendar(walk))
    walk.change("test_source", None)
    walk.change("check_source", None)
    assert len(walk.entries()) == before


def test_a_change_that_is_refused_leaves_no_entry(walk) -> None:
    before = len(walk.entries())
    for method, path, body in (
        ("POST", "/v1/sources", {"name": "ma", "kind": "standard"}),
        ("PUT", "/v1/sources/ma/config", {"config": {"rolle": "ma"}}),
        ("POST", "/v1/sources/none/disable", None),
        ("DELETE", "/v1/meetings/series/none", None),
        ("PUT", "/v1/meetings/series/weekly", {"series": SERIES, "calendar": "none"}),
        ("POST", "/v1/deliveries/999/replay", None),
    ):
        assert walk.office.asks(method, path, json=body).status_code >= 400, path
    assert len(walk.entries()) == before


def test_before_and_after(walk) -> None:
    walk.change("configure_source", {"config": {"role": "ma"}}, name="ma")
    walk.change("set_meeting_series", {"series": SERIES, "calendar": "default"})
    walk.change("set_meeting_series", {"series": SERIES | {"weekday": "thu"}, "calendar": "default"})
    walk.change("remove_meeting_series", None)
    configured, made, changed, removed = walk.entries()[-4:]
    assert (configured.before, configured.after) == ({"config": {}}, {"config": {"role": "ma"}})
    assert made.before is None
    assert (changed.before["series"]["weekday"], changed.after["series"]["weekday"]) == ("fri", "thu")
    assert changed.before == made.after
    assert (removed.before, removed.after) == (changed.after, None)


# --- reading it


@pytest.fixture
def read(office, clock) -> Any:
    """Four changes by two tokens, an hour apart."""
    put = {"series": SERIES, "calendar": "default"}
    for number, (method, path, body) in enumerate(
        (
            ("POST", "/v1/sources", {"name": "ma", "kind": "standard"}),
            ("PUT", "/v1/sources/ma/config", {"config": {"role": "ma"}}),
            ("POST", "/v1/sources", {"name": "web", "kind": "standard"}),
            ("PUT", "/v1/meetings/series/weekly", put),
        )
    ):
        clock.now = FRIDAY + number * H
        assert office.asks(method, path, json=body).status_code < 300
    return office


def actions(office: Any, **query: Any) -> list[str]:
    return [entry["action"] for entry in office.get("/v1/audit", **query)["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["meeting_series.set", "source.added", "source.configured", "source.added"]),
        ({"subject": "source:ma"}, ["source.configured", "source.added"]),
        ({"action": "source.added"}, ["source.added", "source.added"]),
        ({"action": "source.added", "subject": "source:web"}, ["source.added"]),
        ({"by": "test admin", "since": "2026-09-18T10:30:00Z"}, ["meeting_series.set", "source.added"]),
        ({"by": "somebody"}, []),
        ({"since": "2026-09-18T20:31:00+09:00"}, []),
    ],
)
def test_the_log_newest_first(read, query, found) -> None:
    assert actions(read, **query) == found


def test_page_by_page(read) -> None:
    found, cursor = [], None
    for _ in range(4):
        answer = read.get("/v1/audit", limit=1, **({"cursor": cursor} if cursor else {}))
        found += [entry["action"] for entry in answer["items"]]
        cursor = answer["next_cursor"]
    assert cursor is None
    assert found == actions(read)


def test_an_entry_as_it_is_shown(read) -> None:
    (entry, *_) = read.get("/v1/audit", action="source.configured")["items"]
    assert entry | {"id": 0} == {
        "id": 0,
        "at": "2026-09-18T09:30:00Z",
        "by": "test admin",
        "action": "source.configured",
        "subject": "source:ma",
        "before": {"config": {}},
        "after": {"config": {"role": "ma"}},
    }


def test_only_an_admin_reads_it(client, token) -> None:
    assert client.get("/v1/audit", headers=token("write")).status_code == 403
    assert client.get("/v1/audit?action=", headers=token("admin")).status_code == 422
