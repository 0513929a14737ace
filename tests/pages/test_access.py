"""Who may open what: every route of the application against every role and nobody. A route without a row is red."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from app.domain.roles import RIGHT_NAMES, RIGHTS, ROLE_NAMES, Right, Role
from app.pages import live

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL = "rep manager marketer admin executive"
#: Group → the roles that may, and its routes: a path, or methods and a path.
TABLE: dict[str, tuple[str, str]] = {
    "everybody": (
        "nobody " + ALL,
        """
        /health  /health/live  /health/ready  /feeds/{secret}.ics  /docs  /openapi.json  /problems/{code}
        /first/{token}  POST /first/{token}  /sign-in/provider  /sign-in/provider/return
        /static/{name}  /sign-in  POST /sign-in  POST /sign-out  /welcome/{token}  POST /welcome/{token}
        """,
    ),
    "whoever signed in": (
        ALL,
        """
        /  /kpi  /kpi/{key}  /channels  /sla  /calendars  /calendars/{key}  /quality
        /account  POST /account  POST /account/password  POST /account/sessions/end
        POST /account/sessions/{number}/end
        """,
    ),
    "figures and agreements": (
        ALL,
        """
        /v1/agenda-templates  /v1/agenda-templates/built-in/{minutes}  /v1/agenda-templates/{key}
        /v1/brief/completeness  /v1/brief/fields
        /v1/calendars  /v1/calendars/{key}  /v1/calendars/{key}/proposal  /v1/calendars/{key}/versions/{number}
        /v1/channels  /v1/contents  /v1/contents/{asset:path}  /v1/due  /v1/feeds
        /v1/kpis  /v1/kpis/definition  /v1/kpis/{key}  /v1/meetings/health
        /v1/policies  /v1/policies/{key}  /v1/policies/{key}/diff  /v1/policies/{key}/versions/{number}
        /v1/process-rules  /v1/process-rules/{key}  /v1/quality  /v1/reports/attainment  /v1/sla-proposals
        /v1/spend  /v1/spend/{month}  /v1/web-visits  /v1/web-visits/{day}
        """,
    ),
    "personal data": (
        "rep manager marketer admin",
        """
        /agenda.{form}  /handoffs/{number}
        /meetings  /meetings/{key}/{number:int}  /meetings/{key}/{number:int}/{paper}.{form}
        /meetings/{key}/{number:int}/run  /meetings/{key}/{number:int}/minutes  /meetings/{key}/{number:int}/events
        /actions  /actions/{number:int}  /queue  /queue/events  /leads/{number}  /handoffs
        /v1/absences  /v1/actions  /v1/actions/{action_id}  /v1/alerts  /v1/alerts/{alert_id}  /v1/bursts
        /v1/handoffs  /v1/handoffs/{handoff_id}  /v1/handoffs/{handoff_id}/brief-feedback
        /v1/handoffs/{handoff_id}/explain  /v1/identities  /v1/kpis/{key}/rows  /v1/leads  /v1/leads/outcomes
        /v1/leads/{lead_id}  /v1/leads/{lead_id}/brief  /v1/quality/{kind}  /quality/{kind}
        /v1/meetings  /v1/meetings/agenda.schema.json  /v1/meetings/next/agenda  /v1/meetings/next/agenda.{form}
        /v1/meetings/series  /v1/meetings/series/{key}  /v1/meetings/{number}  /v1/meetings/{number}/checklist
        /v1/meetings/{number}/letters  /v1/meetings/{number}/restatements  /v1/meetings/{number}/{paper}.{form}
        POST /v1/calendars/preview  POST /v1/policies/preview
        """,
    ),
    "work on leads": (
        "rep manager admin",
        """
        POST /leads/{number}/act  POST /leads/{number}/follow-up  POST /leads/{number}/give-back
        POST /leads/{number}/pause  POST /leads/{number}/resume  POST /leads/{number}/brief
        POST /leads/{number}/take-back
        POST /v1/follow-ups  PATCH,DELETE /v1/follow-ups/{event_id}  POST /v1/handoffs/{handoff_id}/brief-feedback
        POST /v1/identities/join  POST /v1/identities/part  POST /v1/leads/{lead_id}/split
        """,
    ),
    "assign": (
        "manager admin",
        "POST /v1/absences  DELETE /v1/absences/{absence_id}  POST /v1/bursts/{burst_id}/handling",
    ),
    "meetings and action items": (
        "rep manager marketer admin",
        """
        POST /v1/actions  PATCH /v1/actions/{action_id}  POST /v1/actions/{action_id}/carry
        POST /v1/actions/{action_id}/done  POST /v1/actions/{action_id}/drop  POST /v1/actions/{action_id}/reopen
        POST /v1/actions/{action_id}/reports  POST /v1/meetings/{number}/close  POST /v1/meetings/{number}/entries
        POST /v1/meetings/{number}/start
        POST /meetings/{key}/{number:int}/say  POST /meetings/{key}/{number:int}/freeze
        POST /meetings/{key}/{number:int}/start  POST /meetings/{key}/{number:int}/visit
        POST /meetings/{key}/{number:int}/extend  POST /meetings/{key}/{number:int}/decide
        POST /meetings/{key}/{number:int}/act  POST /meetings/{key}/{number:int}/correct
        POST /meetings/{key}/{number:int}/attendance  POST /meetings/{key}/{number:int}/rate
        POST /meetings/{key}/{number:int}/tick  POST /meetings/{key}/{number:int}/close
        POST /meetings/{key}/{number:int}/retry
        POST /actions  POST /actions/{number:int}/report  POST /actions/{number:int}/carry
        POST /actions/{number:int}/edit  POST /actions/{number:int}/{end}
        """,
    ),
    "agree": (
        "manager marketer admin",
        """
        /sla/{key}/edit  POST /sla/{key}/edit
        /meetings/new  POST /meetings/new  /meetings/{key}/edit  POST /meetings/{key}/edit
        PUT /v1/agenda-templates/{key}  PUT /v1/brief/fields  PUT /v1/kpis/definition
        PUT,DELETE /v1/meetings/series/{key}  POST,DELETE /v1/meetings/series/{key}/feed  POST /v1/policies
        POST /v1/process-rules  PUT /v1/process-rules/{key}  POST /v1/process-rules/{key}/withdraw
        POST /v1/sla-proposals/{proposal_id}/adopt  POST /v1/sla-proposals/{proposal_id}/withdraw
        """,
    ),
    "marketing": (
        "marketer admin",
        """
        PUT,DELETE /v1/channels/{raw:path}  PUT,DELETE /v1/contents/{asset:path}
        PUT /v1/spend/{month}  POST /v1/spend/import  PUT /v1/web-visits/{day}  POST /v1/web-visits/import
        """,
    ),
    "administer": (
        "admin",
        """
        /settings  /setup  POST /setup/demo  POST /setup/demo/remove  /setup/{step}  POST /setup/{step}
        POST /calendars/{key}
        /sources  POST /sources  /sources/new  /sources/{name}  /sources/{name}/mapping
        POST /sources/{name}/disable  POST /sources/{name}/enable  POST /sources/{name}/rotate
        POST /sources/{name}/credential  POST /sources/{name}/replay  POST /sources/{name}/config
        POST /sources/{name}/check  POST /sources/{name}/test  /deliveries/{number}  POST /deliveries/{number}/replay
        /tokens  POST /tokens  POST /tokens/{number}/revoke
        /users  POST /users  /users/{number}  POST /users/{number}  POST /users/{number}/disable
        POST /users/{number}/enable  POST /users/{number}/link  POST /users/{number}/sessions/end
        POST /users/{number}/unlink
        /v1/audit  POST /v1/alerts/retry  POST /v1/alerts/{alert_id}/retry  POST /v1/calendars
        /v1/deliveries  POST /v1/deliveries/replay  /v1/deliveries/{delivery_id}
        /v1/deliveries/{delivery_id}/payload  POST /v1/deliveries/{delivery_id}/replay
        /v1/sources  POST /v1/sources  /v1/sources/{name}  /v1/sources/{name}/backfill
        POST /v1/sources/{name}/backfill  POST /v1/sources/{name}/check  PUT /v1/sources/{name}/config
        PUT /v1/sources/{name}/credential  POST /v1/sources/{name}/disable  POST /v1/sources/{name}/enable
        POST /v1/sources/{name}/poll  POST /v1/sources/{name}/rotate  /v1/sources/{name}/schema
        POST /v1/sources/{name}/test
        """,
    ),
}
#: Something of the right form for every name in a path; nothing has the number.
NAMES = {"key": "mql", "name": "hubspot", "form": "md", "minutes": "75", "kind": "ownerless", "paper": "agenda"}
NAMES |= {"end": "done"}
NAMES |= {"day": "2026-09-01", "month": "2026-09", "raw": "seo", "asset": "wp", "token": "none", "secret": "none"}
#: Their own refusals look like those for strangers.
DOORS = {("POST", "/sign-in"), ("POST", "/sign-out")}


@pytest.fixture(autouse=True)
def streams_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may listen is asked, not what is said."""
    monkeypatch.setattr(live.streams, "ending", True)


def rows() -> dict[tuple[str, str], frozenset[str]]:
    """(method, path) → who may."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for roles, routes in TABLE.values():
        for methods, path in re.findall(r"(?:([A-Z,]+) )?(/\S*)", routes):
            for method in (methods or "GET").split(","):
                assert (method, path) not in found, f"{method} {path} stands there twice"
                found[method, path] = frozenset(roles.split())
    return found


ROWS = rows()


def test_every_route_has_a_row_and_every_row_a_route(client) -> None:
    contexts = list(iter_route_contexts(client.app.routes))
    routes = {(method, each.path) for each in contexts for method in each.methods or () if method != "HEAD"}
    assert len(routes) > 140
    assert routes == set(ROWS)


def ask(client: TestClient, method: str, path: str) -> Any:
    """A request that changes nothing: the API refuses its parameter, and no page finds its number."""
    filled = re.sub(r"\{(\w+)(?::path|:int)?\}", lambda m: NAMES.get(m[1], "999999"), path)
    given: dict[str, Any] = {"json": {}} if path.startswith("/v1") else {}
    query = "?verdikt=met" if path.startswith("/v1") else ""
    return client.request(method, filled + query, follow_redirects=False, **given)


@pytest.mark.parametrize("role", [*Role])
@on_sqlite
def test_a_role_opens_what_the_table_says(sign_in_as: Callable[..., TestClient], role) -> None:
    client, wrong = sign_in_as(role), []
    for (method, path), roles in ROWS.items():
        if (method, path) in DOORS:
            continue
        status = ask(client, method, path).status_code
        if (status == 403) is (role in roles) or status == 401 or status >= 500:
            wrong.append((method, path, status))
    assert wrong == []


@on_sqlite
def test_strangers_are_asked_to_sign_in(client) -> None:
    client.headers["sec-fetch-site"] = "same-origin"
    wrong = []
    for (method, path), roles in ROWS.items():
        if (method, path) in DOORS:
            continue
        answer = ask(client, method, path)
        to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
        asked = to_sign_in if method == "GET" and not path.startswith("/v1") else answer.status_code == 401
        if asked is ("nobody" in roles):
            wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_every_role_and_right_has_a_name() -> None:
    assert set(ROLE_NAMES) == set(RIGHTS) == set(Role)
    assert set(RIGHT_NAMES) == set(Right)


@on_sqlite
def test_executives_see_no_figures_of_one_person(sign_in_as) -> None:
    client = sign_in_as("executive")
    assert client.get("/v1/kpis/mql_to_sql", params={"by": "channel"}).status_code == 200
    assert client.get("/v1/kpis/mql_to_sql", params={"by": "owner"}).status_code == 403


@on_sqlite
def test_executives_see_no_rows_and_no_owners_of_a_figure(sign_in_as) -> None:
    for role, shown in (("executive", False), ("rep", True)):
        page = sign_in_as(role).get("/kpi/mqls", params={"by": "owner", "lang": "en"}).text
        assert ("Which rows?" in page) is shown
        assert (">Owner</a>" in page) is shown


@on_sqlite
def test_a_refused_page_says_which_right_is_missing(sign_in_as) -> None:
    page = sign_in_as("executive").get("/handoffs/1")
    assert page.status_code == 403
    assert "現在のロール(経営)には「リードと関連する記録の閲覧」の権限がありません" in page.text
    problem = sign_in_as("rep").get("/v1/audit", headers={"accept-language": "ja"}).json()
    assert "営業担当" in problem["detail"]


@on_sqlite
def test_places_are_shown_to_whom_they_are_open(client, sign_in_as) -> None:
    assert 'class="places"' not in client.get("/sign-in").text
    assert 'href="/settings"' not in sign_in_as("rep").get("/").text
    page = sign_in_as("admin").get("/").text
    assert 'href="/settings"' in page
    assert 'href="/account"' in page


@on_sqlite
def test_what_somebody_changes_by_a_session_is_in_the_audit_log(sign_in_as) -> None:
    client = sign_in_as("marketer", email="mari@example.com")
    assert client.put("/v1/channels/expo", json={"channel": "exhibition"}).status_code == 200
    entries = sign_in_as("admin").get("/v1/audit", params={"action": "channel.set"}).json()["items"]
    assert [entry["by"] for entry in entries] == ["mari@example.com"]
