"""Signing in at a real OpenID provider: there, back, and what goes wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.flows import sessions, users
from app.flows.administer import Admin
from app.main import create_app
from app.models import AuditEntry
from app.settings import Settings
from app.state import open_state
from tests.openid.conftest import SECRET

COOKIE, ERRAND = "__Host-tasuki", "__Host-tasuki-errand"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
once = pytest.mark.parametrize("issuer", ["userinfo"], indirect=True)


@pytest.fixture
def served(settings, clock, issuer):
    given = {"oidc_issuer": issuer.url, "oidc_client_id": "tasuki", "oidc_client_secret": SECRET}
    held = open_state(Settings(**settings.model_dump() | given | {"oidc_name": "社内アカウント"}), clock, migrate=False)
    with TestClient(create_app(held.settings, scheduled=False, state=held), base_url=settings.public_url) as client:
        yield client
    held.close()


@pytest.fixture
def now(clock):
    """Tokens are dated by the provider's watch."""
    clock.now = datetime.now(UTC)
    return clock


@pytest.fixture
def invite(served, now) -> Callable[..., users.User]:
    def run(email: str = "mai@example.jp", role: str = "rep") -> users.User:
        with served.app.state.tasuki.database.write() as c:
            return users.create(c, Admin("cli:test", now()), email=email, name="田中 舞", role=role)

    return run


def go(client: TestClient, address: str, **given: Any) -> httpx.Response:
    return client.get(address, follow_redirects=False, **given)


def at_provider(address: str, login: str) -> str:
    """What a person does there; the address that the provider sends back to."""
    with httpx.Client() as browser:
        answer = browser.get(address)
        while not answer.headers.get("location", "").startswith("https://tasuki."):
            if answer.is_redirect:
                answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
                continue
            action = re.search(r'action="([^"]+)"', answer.text)
            assert action, answer.text
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert prompt
            form = {"prompt": prompt[1], "login": login, "password": "any"}
            answer = browser.post(urljoin(str(answer.url), action[1]), data=form)
        return answer.headers["location"]


def sign_in(client: TestClient, login: str = "mai@example.jp", page: str = "/") -> httpx.Response:
    begun = go(client, "/sign-in/provider", params={"next": page})
    assert begun.status_code == 303
    return go(client, at_provider(begun.headers["location"], login))


def test_whom_the_provider_vouches_for_comes_in_where_they_wanted_to(served, invite) -> None:
    invite()
    begun = go(served, "/sign-in/provider", params={"next": "/kpi?window=30"})
    flags = begun.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "secure", "samesite=lax", "path=/", "max-age=600"))
    answer = go(served, at_provider(begun.headers["location"], "mai@example.jp"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/kpi?window=30")
    assert ERRAND not in served.cookies
    assert served.get("/account").status_code == 200
    assert "田中 舞" in served.get("/").text


@once
def test_the_sign_in_page_offers_it(served) -> None:
    page = served.get("/sign-in?next=/kpi").text
    assert "社内アカウントでサインイン" in page
    assert 'href="/sign-in/provider?next=%2Fkpi"' in page


def test_without_a_provider_there_is_none(client) -> None:
    assert client.get("/sign-in/provider").status_code == 404
    assert client.get("/sign-in/provider/return?code=x&state=y").status_code == 404


@once
def test_the_account_stays_the_users_when_its_address_changes(served, invite) -> None:
    user = invite()
    sign_in(served, "mai@example.jp")
    served.cookies.clear()
    with served.app.state.tasuki.database.write() as c:
        found = users.read(c, user.id)
        assert (found.ready, found.account) == (True, f"{served.app.state.tasuki.settings.oidc_issuer} mai@example.jp")
        assert "user.account_linked" in set(c.scalars(select(AuditEntry.action)))
    answer = sign_in(served, "somebody-else=mai@example.jp")
    assert answer.status_code == 403
    assert "別のアカウント" in answer.text
    with served.app.state.tasuki.database.write() as c:
        users.unlink(c, Admin("cli:test", found.created_at), user.id)
    assert sign_in(served, "somebody-else=mai@example.jp").status_code == 303


@once
@pytest.mark.parametrize(
    ("login", "said"),
    [("stranger@example.jp", "招待されていません"), ("unconfirmed+mai@example.jp", "確認できていない")],
)
def test_strangers_stay_outside(served, invite, login, said) -> None:
    invite()
    invite("unconfirmed+mai@example.jp")
    answer = sign_in(served, login)
    assert answer.status_code == 403
    assert said in answer.text
    assert COOKIE not in served.cookies


@once
def test_who_is_disabled_stays_outside(served, invite, now) -> None:
    user = invite()
    sign_in(served)
    with served.app.state.tasuki.database.write() as c:
        users.disable(c, Admin("cli:test", now()), user.id)
    served.cookies.clear()
    assert sign_in(served).status_code == 403


@once
def test_an_errand_is_of_one_browser_and_of_ten_minutes(served, invite, now) -> None:
    invite()
    begun = go(served, "/sign-in/provider")
    back = at_provider(begun.headers["location"], "mai@example.jp")
    errand = served.cookies[ERRAND]
    served.cookies.clear()
    assert go(served, back).status_code == 400
    served.cookies.set(ERRAND, errand)
    assert go(served, back.replace("state=", "state=x")).status_code == 400
    now.now += timedelta(minutes=11)
    answer = go(served, back)
    assert (answer.status_code, COOKIE in served.cookies) == (400, False)
    assert "もう一度" in answer.text


@once
def test_a_code_works_once(served, invite) -> None:
    invite()
    begun = go(served, "/sign-in/provider")
    back, errand = at_provider(begun.headers["location"], "mai@example.jp"), served.cookies[ERRAND]
    assert go(served, back).status_code == 303
    served.cookies.clear()
    served.cookies.set(ERRAND, errand)
    assert go(served, back).status_code == 502


@once
def test_who_declines_comes_back_to_the_form(served, invite) -> None:
    invite()
    begun = go(served, "/sign-in/provider", params={"next": "/kpi"})
    state = dict(parse_qsl(urlsplit(begun.headers["location"]).query))["state"]
    answer = go(served, f"/sign-in/provider/return?error=access_denied&state={state}")
    assert answer.status_code == 401
    assert 'name="next" value="/kpi"' in answer.text


@once
def test_new_keys_of_the_provider_are_fetched(served, invite, issuer, now) -> None:
    invite()
    sign_in(served)
    issuer.stop()
    issuer.start()
    now.now += timedelta(minutes=2)
    served.cookies.clear()
    with served.app.state.tasuki.database.write() as c:
        sessions.revoke_all(c, 1, now())
    now.now -= timedelta(minutes=1)
    assert sign_in(served).status_code == 303


@once
def test_a_provider_that_is_away_is_said(served, issuer, caplog) -> None:
    issuer.stop()
    answer = go(served, "/sign-in/provider")
    assert answer.status_code == 502
    assert "社内アカウント" in answer.text
    (line,) = [record.getMessage() for record in caplog.records if record.name == "tasuki"]
    assert issuer.url in line


@once
def test_what_was_typed_outlives_a_session_that_a_provider_begins(served, invite) -> None:
    """The provider opens in a tab of its own; the form that came too late goes on in the first one."""
    invite()
    late = served.post(
        "/account", data={"name": "田中 まい", "locale": "ja"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert 'target="_blank"' in late.text
    kept = re.search(r'name="kept" value="([^"]+)"', late.text)
    assert kept
    sign_in(served)
    form = {"next": "/account", "kept": kept[1].replace("&amp;", "&"), "signed_in": "yes", "email": "", "password": ""}
    again = served.post("/sign-in", data=form, headers={"sec-fetch-site": "same-origin"})
    assert "田中 まい" in again.text
