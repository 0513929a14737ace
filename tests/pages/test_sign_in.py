"""Signing in as a browser does it: cookies, where it leads, forms of other sites, forms that came too late."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from starlette.testclient import TestClient

from app.flows import links, passwords, users
from app.flows.administer import Admin
from app.models import User
from app.pages import session
from tests.pages.test_pages import Outline, text_of

H = timedelta(hours=1)
PASSWORD = "correct horse battery"
OURS = {"sec-fetch-site": "same-origin"}
COOKIE = "__Host-tasuki"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def somebody(state: Any, clock: Any) -> Callable[..., int]:
    def make(role: str = "rep", email: str = "mai@example.jp") -> int:
        by = Admin("cli:test", clock())
        with state.database.write() as c:
            made = users.create(c, by, email=email, name="田中 舞", role=role)
            users.set_password(c, by, made.id, passwords.hashed(PASSWORD))
        return made.id

    return make


def enter(client: TestClient, password: str = PASSWORD, email: str = "mai@example.jp", **fields: str) -> Any:
    data = {"email": email, "password": password} | fields
    return client.post("/sign-in", data=data, headers=OURS, follow_redirects=False)


def hidden(page: str) -> dict[str, str]:
    return {
        str(given["name"]): str(given.get("value") or "")
        for given in Outline(page).all("input")
        if given.get("type") == "hidden"
    }


# --- in and out


def test_a_stranger_returns_to_the_page_that_was_asked_for(somebody, client) -> None:
    somebody()
    asked = client.get("/?owner=none&lang=en", follow_redirects=False).headers["location"]
    assert asked.startswith("/sign-in?")
    page = client.get(asked).text
    answer = enter(client, next=unescape(hidden(page)["next"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/?owner=none&lang=en")
    assert client.get("/", follow_redirects=False).status_code == 200


def test_the_cookie_is_for_this_host_and_no_script(somebody, client) -> None:
    somebody()
    kept = enter(client).headers["set-cookie"]
    assert kept.startswith(f"{COOKIE}=")
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= set(kept.lower().replace(" ", "").split(";"))
    assert "domain" not in kept.lower()


def test_without_https_the_cookie_has_another_name(somebody, state, client) -> None:
    somebody()
    state.settings = state.settings.model_copy(update={"public_url": "http://127.0.0.1:8000"})
    kept = enter(client).headers["set-cookie"]
    assert kept.startswith("tasuki=")
    assert "secure" not in kept.lower()


def test_a_wrong_login_and_an_unknown_one_look_the_same(somebody, client) -> None:
    somebody()
    wrong, unknown = (
        enter(client, password="wrong password", email=who, next="/handoffs/7")
        for who in ("mai@example.jp", "mia@example.jp")
    )
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("mai@", "mia@") == unknown.text
    assert "メールアドレスまたはパスワードが違います" in wrong.text
    assert 'value="/handoffs/7"' in wrong.text, "one more try still leads where the alert pointed"
    assert 'value="mai@example.jp"' in wrong.text
    assert "wrong password" not in wrong.text
    assert "set-cookie" not in wrong.headers


def test_after_five_failures_one_waits(somebody, client, clock) -> None:
    somebody()
    for _ in range(5):
        assert enter(client, "wrong").status_code == 401
    answer = enter(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert "15分後にもう一度お試しください" in answer.text
    clock.advance(timedelta(minutes=15))
    assert enter(client).status_code == 303


def test_signing_in_makes_a_new_session_and_ends_the_one_before(somebody, client) -> None:
    """Nobody can plant a session, and nobody keeps an older one by a copied cookie."""
    somebody()
    client.cookies.set(COOKIE, "planted")
    first = enter(client).cookies[COOKIE]
    second = enter(client).cookies[COOKIE]
    assert len({"planted", first, second}) == 3
    client.cookies.clear()
    client.cookies.set(COOKIE, first)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_signing_out_ends_the_session_itself(somebody, client) -> None:
    somebody()
    token = enter(client).cookies[COOKIE]
    answer = client.post("/sign-out", headers=OURS, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    client.cookies.set(COOKIE, token)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_a_session_ends_after_twelve_idle_hours_and_use_keeps_it(somebody, client, clock) -> None:
    somebody()
    enter(client)
    for _ in range(3):
        clock.advance(11 * H)
        assert client.get("/", follow_redirects=False).status_code == 200
    clock.advance(12 * H)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_whoever_is_signed_in_needs_no_form(somebody, client) -> None:
    somebody()
    enter(client)
    assert client.get("/sign-in?next=/account", follow_redirects=False).headers["location"] == "/account"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", "/"),
        ("", "/"),
        ("/handoffs/12", "/handoffs/12"),
        ("/handoffs/12?x=1&y=%E5%96%B6", "/handoffs/12?x=1&y=%E5%96%B6"),
        ("/?owner=none", "/?owner=none"),
        ("/kpi/mql_to_sql?by=team", "/kpi/mql_to_sql?by=team"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/handoffs//evil.example", "/"),
        ("/handoffs\\evil", "/"),
        ("https://evil.example/", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        (" /handoffs/12", "/"),
        ("/handoffs/12\n", "/"),
        ("/handoffs/12\r\nSet-Cookie: a=b", "/"),
        ("/?a=b\r\nx", "/"),
        ("/\t/evil.example", "/"),
        ("/?x=<script>", "/"),
        ("/@evil.example", "/"),
        ("/handoffs/12#top", "/"),
        ("/sign-out", "/"),
        ("/sign-in?next=/", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_signing_in_leads_to_pages_of_ours_only(somebody, client, path, own) -> None:
    assert session.own_page(path) == own
    somebody()
    location = enter(client, next=path).headers["location"]
    assert location == own


# --- forms of other sites


@pytest.mark.parametrize("cookie", [True, False])
@pytest.mark.parametrize(
    ("headers", "with_cookie", "without"),
    [
        ({"sec-fetch-site": "same-origin"}, True, True),
        ({"sec-fetch-site": "none"}, True, True),
        ({"sec-fetch-site": "same-site"}, False, False),
        ({"sec-fetch-site": "cross-site"}, False, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://tasuki.example.com"}, False, False),
        ({"origin": "https://tasuki.example.com"}, True, True),
        ({"origin": "http://tasuki.example.com"}, False, False),
        ({"origin": "https://evil.example"}, False, False),
        ({"origin": "https://tasuki.example.com.evil.example"}, False, False),
        ({"origin": "null"}, False, False),
        ({"origin": ""}, False, False),
        ({"origin": "https://inside", "host": "inside"}, True, True),
        ({}, False, True),
    ],
)
def test_changes_come_from_our_own_pages(somebody, client, headers, with_cookie, without, cookie) -> None:
    number = somebody()
    if cookie:
        enter(client)
    answer = client.post("/account", data={"name": "改名", "locale": ""}, headers=headers, follow_redirects=False)
    wanted = (303 if with_cookie else 403) if cookie else (401 if without else 403)
    assert answer.status_code == wanted
    with client.app.state.tasuki.database.read() as c:  # type: ignore[attr-defined]
        name = c.scalar(select(User.name).where(User.id == number))
    assert name == ("改名" if cookie and with_cookie else "田中 舞")


@pytest.mark.parametrize(
    ("headers", "status"), [(OURS, 200), ({}, 403), ({"sec-fetch-site": "cross-site"}, 403), ({"origin": "null"}, 403)]
)
def test_the_api_takes_changes_by_cookie_from_our_own_pages_alone(somebody, client, headers, status) -> None:
    somebody("admin")
    enter(client)
    answer = client.put("/v1/channels/expo", json={"channel": "exhibition"}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"].endswith("/problems/from_elsewhere")


def test_a_token_needs_no_origin_and_opens_no_page(client, token) -> None:
    headers = token("admin")
    assert client.put("/v1/channels/expo", json={"channel": "exhibition"}, headers=headers).status_code == 200
    assert client.get("/", headers=headers, follow_redirects=False).status_code == 303
    client.cookies.set(COOKIE, headers["Authorization"].removeprefix("Bearer "))
    assert client.get("/", follow_redirects=False).status_code == 303
    assert client.get("/v1/leads").status_code == 401


# --- forms that came too late


def late(client: TestClient, clock: Any, data: dict[str, str], path: str = "/account") -> Any:
    enter(client)
    clock.advance(13 * H)
    return client.post(path, data=data, headers=OURS, follow_redirects=False)


def test_a_form_that_came_too_late_is_sent_again_after_signing_in(somebody, client, clock) -> None:
    somebody()
    page = late(client, clock, {"name": "田中 <舞>", "locale": "ja", "empty": ""})
    assert page.status_code == 401
    assert "入力した内容は保持しています" in page.text
    wrong = enter(client, "wrong password", **hidden(page.text))
    again = enter(client, **hidden(wrong.text))
    assert again.status_code == 200
    assert "もう一度送信してください" in again.text
    assert hidden(again.text) == {"name": "田中 <舞>", "locale": "ja", "empty": ""}
    assert '<form method="post" action="/account">' in again.text
    assert client.post("/account", data=hidden(again.text), headers=OURS).status_code == 200
    assert "田中 &lt;舞&gt;" in client.get("/account").text


def test_passwords_are_never_carried(somebody, client, clock) -> None:
    somebody()
    sent = {"present_password": PASSWORD, "password": "new secret words", "password_again": "new secret words"}
    page = late(client, clock, sent, "/account/password").text
    assert PASSWORD not in unescape(page)
    assert "secret" not in page


def test_what_is_too_large_is_not_carried(somebody, client, clock) -> None:
    somebody()
    page = late(client, clock, {"name": "x" * 70_000})
    assert page.status_code == 401
    assert "kept" not in hidden(page.text)
    assert len(page.text) < 20_000


def test_what_is_no_form_is_not_carried(somebody, client, clock) -> None:
    somebody()
    enter(client)
    clock.advance(13 * H)
    for given in ({"json": {"a": 1}}, {"files": {"file": ("a.csv", b"1,2")}}, {"content": b"\xff" * 100}):
        page = client.post("/account", headers=OURS, **given)  # type: ignore[arg-type]
        assert page.status_code == 401
        assert "kept" not in hidden(page.text)


def test_a_form_larger_than_ours_is_refused(somebody, client) -> None:
    assert enter(client, next="x" * 300_000).status_code == 413


# --- one-time links


@pytest.fixture
def link(state: Any, clock: Any) -> str:
    by = Admin("cli:test", clock())
    with state.database.write() as c:
        made = users.create(c, by, email="mai@example.jp", name="田中 舞", role="rep")
        return links.give(c, by, made.id).address("")


def choose(client: TestClient, path: str, password: str = PASSWORD, again: str | None = None) -> Any:
    data = {"password": password, "password_again": password if again is None else again}
    return client.post(path, data=data, headers=OURS, follow_redirects=False)


def test_a_link_lets_one_choose_a_password_once(client, link) -> None:
    for _ in range(2):
        assert "mai@example.jp" in client.get(link).text
    short = choose(client, link, "short")
    assert short.status_code == 422
    assert "12" in text_of(short.text)
    assert choose(client, link, PASSWORD, PASSWORD + "!").status_code == 422
    answer = choose(client, link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/", follow_redirects=False).status_code == 200
    assert client.get(link).status_code == 404
    assert choose(client, link, "something else here").status_code == 404
    client.cookies.clear()
    assert enter(client).status_code == 303


def test_expired_and_wrong_links_open_nothing(client, link, clock) -> None:
    clock.advance(timedelta(days=7))
    for path in (link, "/welcome/wrong", "/welcome/" + "x" * 500):
        assert client.get(path).status_code == 404
        assert choose(client, path).status_code == 404
    assert "このリンクは使えません" in client.get(link).text


# --- the account


def test_the_account_holds_name_language_and_sessions(somebody, client) -> None:
    somebody()
    enter(client)
    client.cookies.clear()
    enter(client)
    page = client.get("/account").text
    assert page.count("testclient") == 2
    (other,) = re.findall(r'action="(/account/sessions/\d+/end)"', page)
    assert "サインアウトさせました" in client.post(other, headers=OURS).text
    assert client.post(other, headers=OURS).status_code == 404
    saved = client.post("/account", data={"name": "伊藤 凛", "locale": "en"}, headers=OURS).text
    assert '<html lang="en">' in saved
    assert "伊藤 凛" in saved
    refused = client.post("/account", data={"name": "", "locale": "de"}, headers=OURS)
    assert refused.status_code == 422
    assert 'id="locale-wrong"' in refused.text


def test_a_changed_password_ends_all_other_sessions(somebody, client) -> None:
    somebody()
    stolen = enter(client).cookies[COOKIE]
    client.cookies.clear()
    before = enter(client).cookies[COOKIE]
    new = {"password": "another long password", "password_again": "another long password"}
    wrong = client.post("/account/password", data=new | {"present_password": "no"}, headers=OURS)
    assert wrong.status_code == 422
    assert 'id="present_password-wrong"' in wrong.text
    done = client.post("/account/password", data=new | {"present_password": PASSWORD}, headers=OURS)
    assert "パスワードを変更し" in done.text
    for token in (stolen, before):
        client.cookies.clear()
        client.cookies.set(COOKIE, token)
        assert client.get("/", follow_redirects=False).status_code == 303
    assert enter(client, "another long password").status_code == 303


def test_guessing_the_present_password_is_throttled(somebody, client) -> None:
    somebody()
    enter(client)
    new = {"password": "another long password", "password_again": "another long password"}
    for _ in range(5):
        client.post("/account/password", data=new | {"present_password": "no"}, headers=OURS)
    last = client.post("/account/password", data=new | {"present_password": PASSWORD}, headers=OURS)
    assert last.status_code == 422
    assert "試行回数が上限に達しました" in last.text


# --- administering


def test_an_admin_invites_changes_and_disables(sign_in_as, client, state) -> None:
    sign_in_as("admin")
    wanted = {"email": "Rin@Example.jp", "name": "伊藤 凛", "role": "rep", "team": "東日本"}
    made = client.post("/users", data=wanted)
    assert made.status_code == 201
    (address,) = re.findall(r"https://tasuki\.example\.com(/welcome/[\w-]+)", made.text)
    assert address not in client.get("/users").text
    taken = client.post("/users", data=wanted)
    assert taken.status_code == 422
    assert 'value="伊藤 凛"' in taken.text
    assert 'id="email-wrong"' in taken.text
    number = re.findall(r'href="/users/(\d+)">伊藤', client.get("/users").text)[0]
    saved = client.post(f"/users/{number}", data={"role": "manager", "team": "西日本"})
    assert "保存しました" in saved.text
    assert 'value="manager" selected' in saved.text
    assert client.post(f"/users/{number}/link").status_code == 201
    assert client.get(address).status_code == 404
    assert "有効にする" in client.post(f"/users/{number}/disable").text
    assert client.post(f"/users/{number}/link").status_code == 201
    assert client.post(f"/users/{number}/enable").status_code == 200
    assert client.post(f"/users/{number}/sessions/end").status_code == 200


def test_the_last_admin_stays(sign_in_as, client) -> None:
    sign_in_as("admin")
    number = re.findall(r'href="/users/(\d+)">', client.get("/users").text)[0]
    for path, data in ((f"/users/{number}", {"role": "rep", "team": ""}), (f"/users/{number}/disable", {})):
        answer = client.post(path, data=data)
        assert answer.status_code == 422
        assert "Tasukiの管理者がいなくなります" in answer.text


def test_open_pages_have_a_visitor_without_an_account(state, client) -> None:
    state.settings = state.settings.model_copy(update={"open_pages": True})
    assert client.get("/users").status_code == 200
    assert client.get("/account").status_code == 404
    assert client.post("/account", data={"name": "x"}, headers=OURS).status_code == 404
    assert client.post("/users", data={}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get("/v1/leads").status_code == 401


# --- everybody can read them


def test_the_pages_can_be_heard(sign_in_as, somebody, client, link) -> None:
    pages = [client.get(path).text for path in ("/sign-in", link, "/welcome/none")]
    pages += [enter(client, "wrong").text, choose(client, link, "short").text]
    pages += [client.post("/account", headers={"sec-fetch-site": "cross-site"}).text]
    sign_in_as("admin")
    pages += [client.get(path).text for path in ("/account", "/users", "/users/1", "/?lang=en")]
    pages += [client.post("/users", data={}).text, client.post("/users/1/link").text]
    sign_in_as("executive")
    pages += [client.get(path).text for path in ("/", "/users")]
    for page in map(Outline, pages):
        assert page.headings.count(1) == 1
        assert [len(page.all(landmark)) for landmark in ("header", "main")] == [1, 1]
        assert len(page.ids) == len(set(page.ids))
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(section.get("aria-labelledby") in page.ids for section in page.all("section"))
        fields = [f for f in page.all("input") if f.get("type") != "hidden"] + page.all("select")
        assert {f.get("id") for f in fields} == {label.get("for") for label in page.all("label")}
        assert not page.all("script")
        assert not [given for _, given in page.tags if any(n == "style" or n.startswith("on") for n in given)]
