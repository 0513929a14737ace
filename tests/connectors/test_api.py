"""A tool's API on behalf of one account: tokens that end, foreign addresses, answers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from connectors import api
from connectors.api import SPARE, Api, Grant, Tokens, digest_of, host_address, parts_of
from connectors.asking import Limiter
from connectors.contract import AskFailed

BASE, LOGIN = "https://api.example.jp", "https://login.example.jp/token"
SECRET = "client-secret-never-shown"
LIMITER = Limiter(1000, 1000)


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(api, "TOKENS", Tokens(made))
    return made


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def asked(clock: Clock, wire: respx.MockRouter) -> Api:
    http = httpx.Client()
    grant = Grant(LOGIN, lambda: {"client_secret": SECRET}, digest_of(SECRET), http, LIMITER)
    return Api(BASE, http, LIMITER, digest_of(SECRET), grant.proof, grant.renew)


def token(name: str, life: object = 3600) -> httpx.Response:
    return httpx.Response(200, json={"access_token": name, "expires_in": life})


def test_a_token_is_fetched_once_and_renewed_before_it_ends(asked: Api, wire: respx.MockRouter, clock: Clock) -> None:
    login = wire.post(LOGIN).mock(side_effect=[token("one"), token("two")])
    things = wire.get(f"{BASE}/things").mock(return_value=httpx.Response(200, json={}))
    for at in (0, 3600 - SPARE - 1, 3600 - SPARE + 1):
        clock.at = at
        asked.get("/things")
    assert [call.request.headers["authorization"] for call in things.calls] == [
        "Bearer one",
        "Bearer one",
        "Bearer two",
    ]
    assert parse_qs(login.calls[0].request.content.decode()) == {"client_secret": [SECRET]}


def test_a_token_that_ended_early_is_fetched_anew_once(asked: Api, wire: respx.MockRouter) -> None:
    wire.post(LOGIN).mock(side_effect=[token("one"), token("two")])
    wire.get(f"{BASE}/things").mock(side_effect=[httpx.Response(401), httpx.Response(200, json={"n": 1})])
    assert asked.get("/things") == {"n": 1}


def test_a_wrong_credential_is_one_sentence_without_it(asked: Api, wire: respx.MockRouter) -> None:
    wire.post(LOGIN).mock(return_value=httpx.Response(400, json={"error": "invalid_client", "said": SECRET}))
    with pytest.raises(AskFailed, match="invalid_client") as failed:
        asked.get("/things")
    assert SECRET not in str(failed.value)
    wire.post(LOGIN).mock(return_value=token("one"))
    wire.get(f"{BASE}/things").mock(return_value=httpx.Response(401))
    with pytest.raises(AskFailed, match="no longer accepts"):
        asked.get("/things")


@pytest.mark.parametrize("following", ["https://evil.example/things", "http://api.example.jp/things"])
def test_the_token_goes_to_no_other_host(asked: Api, following: str) -> None:
    with pytest.raises(AskFailed, match="not its own"):
        asked.get(following)


@pytest.mark.parametrize(("answer", "found"), [(httpx.Response(404), None), (httpx.Response(204), None)])
def test_nothing_is_none(asked: Api, wire: respx.MockRouter, answer: httpx.Response, found: Any) -> None:
    wire.post(LOGIN).mock(return_value=token("one"))
    wire.get(f"{BASE}/things/1").mock(return_value=answer)
    assert asked.get("/things/1") is found


def test_the_page_of_a_proxy_is_no_answer(asked: Api, wire: respx.MockRouter) -> None:
    wire.post(LOGIN).mock(return_value=token("one"))
    wire.get(f"{BASE}/things").mock(return_value=httpx.Response(200, text="<html>sign in</html>"))
    with pytest.raises(AskFailed, match="something else than JSON"):
        asked.get("/things")


FORMS = (("host", "key"), ("host", "user", "password"))


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ('{"host": "h", "key": " k "}', {"host": "h", "key": "k"}),
        ('{"host": "h", "user": "u", "password": "p"}', {"host": "h", "user": "u", "password": "p"}),
    ],
)
def test_parts(given: str, parts: dict[str, str]) -> None:
    assert parts_of(given, FORMS, "write it so") == parts


@pytest.mark.parametrize(
    "given", ["", "k", "[]", '{"host": "h"}', '{"host": 1, "key": "k"}', '{"host": "h", "kee": "k"}']
)
def test_a_credential_of_another_form_is_refused_without_a_word_of_it(given: str) -> None:
    with pytest.raises(AskFailed, match="write it so"):
        parts_of(given, FORMS, "write it so")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://Acme.example.jp/", "https://acme.example.jp"),
        ("https://acme.example.jp:8443", "https://acme.example.jp:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://acme.example.jp", None),
        ("https://acme.example.jp/path", None),
        ("https://user@acme.example.jp", None),
        ("acme.example.jp", None),
        ("", None),
        ("https://acme.example:abc", None),
        ("https://[x", None),
    ],
)
def test_host_address(given: str, address: str | None) -> None:
    if address:
        assert host_address(given, "write it so") == address
        return
    with pytest.raises(AskFailed, match="write it so"):
        host_address(given, "write it so")
