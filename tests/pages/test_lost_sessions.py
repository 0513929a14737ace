"""What a form, an invitation and a role must not give away, and where somebody lands whose session ended meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.flows import funnel, passwords, sessions, users
from app.flows.administer import Admin
from app.pages import session
from app.state import State
from tests.api.conftest import office as office
from tests.conftest import Clock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EMAIL, OLD, NEW = "mai@example.jp", "a first pass phrase", "correct horse battery"
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def admin(state: State, clock: Clock, client: TestClient) -> TestClient:
    """The browser of an administrator; twelve hours later it is asked to sign in again."""
    with state.database.write() as c:
        made = users.create(c, Admin("test", clock()), email=EMAIL, name="佐々木 恵", role="admin")
        users.set_password(c, Admin("test", clock()), made.id, passwords.hashed(OLD))
        client.cookies.set(session.cookie(state.settings), sessions.begin(c, made.id, "", clock()))
    return client


def hidden(page: str) -> dict[str, str]:
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in fields}


def late(client: TestClient, clock: Clock, path: str, form: dict[str, str]) -> Any:
    clock.advance(timedelta(hours=13))
    asked = client.post(path, data=form, headers=OURS)
    assert asked.status_code == 401
    return asked


def sign_in_again(client: TestClient, asked: Any) -> Any:
    return client.post("/sign-in", data={"email": EMAIL, "password": OLD} | hidden(asked.text), headers=OURS)


@on_sqlite
def test_a_new_password_is_never_carried_along(admin, clock) -> None:
    form = {"present_password": OLD, "password": NEW, "again": NEW}
    asked = late(admin, clock, "/account/password", form)
    assert "battery" not in asked.text
    after = sign_in_again(admin, asked)
    assert "battery" not in after.text
    assert (after.status_code, after.url.path) == (200, "/account")


@pytest.mark.parametrize(
    ("path", "form", "page"),
    [
        ("/users/1/disable", {}, "/users/1"),
        ("/users/1/link", {}, "/users/1"),
        ("/account/sessions/end", {}, "/account"),
        ("/account/sessions/1/end", {}, "/account"),
        ("/users", {"name": "x" * 70_000}, "/users"),
    ],
)
@on_sqlite
def test_a_form_that_cannot_be_sent_again_leads_to_the_page_where_it_stood(admin, clock, path, form, page) -> None:
    after = sign_in_again(admin, late(admin, clock, path, form))
    assert (after.status_code, after.url.path) == (200, page)
    assert after.headers["content-type"].startswith("text/html")


@on_sqlite
def test_a_form_that_was_typed_can_be_sent_again(admin, clock) -> None:
    asked = late(admin, clock, "/users", {"email": "neu@example.jp", "name": "新 人", "role": "rep", "team": ""})
    page = sign_in_again(admin, asked).text
    assert 'action="/users"' in page
    assert admin.post("/users", data=hidden(page), headers=OURS).status_code == 201


@on_sqlite
def test_an_invitation_shows_its_link_and_the_list_opens(admin) -> None:
    made = admin.post("/users", data={"email": "neu@example.jp", "name": "新 人", "role": "rep"}, headers=OURS)
    assert made.status_code == 201
    assert re.search(r"/welcome/[\w-]{43}", made.text)
    assert "/welcome/" not in admin.get("/users").text


@pytest.mark.parametrize(("path", "form"), [("/account", {"name": ""}), ("/users/1", {"role": "boss"})])
@on_sqlite
def test_a_field_that_was_left_out_is_a_mistake_and_no_failure(admin, path, form) -> None:
    assert admin.post(path, data=form, headers=OURS).status_code == 422


@on_sqlite
def test_an_executive_gets_the_sum_of_the_data_quality_and_nobodys_row(
    office, sign_in_as: Callable[..., TestClient]
) -> None:
    office.becomes_mql(1)
    office.hours_pass(30)
    office.called(29)
    funnel.catch_up(office.state.database)
    rows = office.get("/v1/quality/late_logging")
    assert any(row["whose"] == "田中 舞" for row in rows["items"])
    executive = sign_in_as("executive")
    assert executive.get("/v1/quality").status_code == 200
    assert executive.get("/v1/quality/late_logging").status_code == 403


@on_sqlite
def test_forms_are_taken_over_plain_http_where_origin_is_all_that_a_browser_says(admin, state) -> None:
    """Chromium, http://tasuki.lan: no Sec-Fetch-Site; under the policy `no-referrer` its Origin is `null`."""
    state.settings = state.settings.model_copy(update={"public_url": "http://tasuki.lan:8000"})
    browser = TestClient(admin.app, base_url="http://tasuki.lan:8000")
    assert browser.get("/sign-in").headers["referrer-policy"] == "same-origin"
    form = {"email": EMAIL, "password": OLD}
    for origin, status in (("http://tasuki.lan:8000", 303), ("null", 403), ("http://evil.example", 403)):
        answer = browser.post("/sign-in", data=form, headers={"origin": origin}, follow_redirects=False)
        assert answer.status_code == status, origin
