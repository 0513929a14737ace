"""No connector says a secret, whatever its tool answers: refusals that echo what was sent, nonsense, nothing at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors import asking, registry
from connectors.asking import Limiter
from connectors.contract import (
    AskFailed,
    AsksAboutLead,
    AsksAgain,
    ExternalId,
    Lookup,
    Polls,
    Subscribes,
    Unverified,
    WebhookRequest,
)

#: Stands in every secret here.
MARK = "never-shown-4711"
NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
KEY = rsa.generate_private_key(65537, 2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
SECRETS = (MARK, KEY.decode().splitlines()[1])
HOST = "https://api.tool.example"

#: Kind → what a source of it needs to be asked; None: it has no API.
ASKED: dict[str, tuple[dict[str, Any], object] | None] = {
    "standard": None,
    "cloudevents": None,
    "hubspot": ({}, f"pat-{MARK}"),
    "pipedrive": ({}, f"token-{MARK}"),
    "kintone": (
        {"base": HOST, "lead": {"app": 1}, "activity": {"app": 2, "lead": "顧客"}, "deal": {"app": 3}},
        f"one-{MARK},two-{MARK}",
    ),
    "zoho": ({}, {"client_id": "id", "client_secret": f"secret-{MARK}", "refresh_token": f"refresh-{MARK}"}),
    "twenty": ({}, f"key-{MARK}"),
    "dynamics": ({"api_base": HOST}, {"tenant_id": "t", "client_id": "id", "client_secret": f"secret-{MARK}"}),
    "pardot": (
        {"business_unit_id": "0Uv0B0000004C92"},
        {"instance_url": HOST, "client_id": "id", "client_secret": f"secret-{MARK}"},
    ),
    "espocrm": ({"base": HOST}, f"key-{MARK}"),
    "webform": ({"thin": {"url": f"{HOST}/leads/{{id}}"}}, f"key-{MARK}"),
    "mautic": ({"base": HOST}, {"user": "tasuki", "password": f"secret-{MARK}"}),
    "marketo": ({"base": HOST}, {"client_id": "id", "client_secret": f"secret-{MARK}"}),
    "salesforce": (
        {},
        {"instance_url": HOST, "client_id": "id", "username": "api@example.jp", "private_key": KEY.decode()},
    ),
}


def echo(request: httpx.Request) -> str:
    return json.dumps(
        {"message": f"{request.headers} {request.url} {request.content!r}", "error": str(request.headers)}
    )


ANSWERS: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "401": lambda request: httpx.Response(401, text=echo(request)),
    "403": lambda request: httpx.Response(403, text=echo(request)),
    "400": lambda request: httpx.Response(400, text=echo(request)),
    "429": lambda request: httpx.Response(429, text=echo(request), headers={"Retry-After": "60"}),
    "500": lambda request: httpx.Response(500, text=echo(request)),
    "200": lambda request: httpx.Response(200, text=echo(request)),
    "nonsense": lambda _: httpx.Response(200, text="<html>"),
    "list": lambda _: httpx.Response(200, json=[]),
    "null": lambda _: httpx.Response(200, json=None),
    "text": lambda _: httpx.Response(200, json="x"),
    "a token, then nothing": lambda request: httpx.Response(200, json={"access_token": MARK, "expires_in": 1}),
}


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"{request.headers}", request=request)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limiter, "take", lambda *_: 0.0)
    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.0)


@pytest.fixture(params=[*ANSWERS, "lost"])
def wire(request: pytest.FixtureRequest) -> Iterator[None]:
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=ANSWERS.get(request.param, lost))
        yield


def test_every_kind_is_looked_at() -> None:
    assert ASKED.keys() == registry.BUILT_IN.keys()


@pytest.mark.parametrize("kind", sorted(kind for kind, needed in ASKED.items() if needed))
@pytest.mark.usefixtures("wire")
def test_whatever_the_tool_answers_no_secret_is_said(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """And nothing but AskFailed is raised."""
    needed = ASKED[kind]
    assert needed
    connector, (entries, given) = registry.connector(kind), needed
    config = connector.config_model(**entries)
    credential = given if isinstance(given, str) else json.dumps(given)
    with caplog.at_level(logging.DEBUG, logger="tasuki"):
        said = [_said(question) for question in _questions(connector, config, credential)]
    assert not [secret for secret in SECRETS for words in [*said, caplog.text] if secret in words]


def _questions(connector: Any, config: Any, credential: str) -> Iterator[Callable[[], object]]:
    http, lead = httpx.Client(), [ExternalId(config.system or connector.kind, "1")]
    yield lambda: connector.check(config, credential, http)
    yield lambda: connector.fetch([Lookup("contact", "1")], config, credential, http)
    if isinstance(connector, Polls):
        yield lambda: connector.poll(connector.start(NOW), NOW + timedelta(hours=1), config, credential, http)
    if isinstance(connector, AsksAboutLead):
        yield lambda: connector.ask_about(lead, NOW, config, credential, http)
    if isinstance(connector, AsksAgain):
        yield lambda: connector.ask_again(["activity:1"], config, credential, http, NOW)
    if isinstance(connector, Subscribes):
        yield lambda: connector.subscribe(config, f"secret-{MARK}", f"{HOST}/hook", credential, http, NOW)


def _said(question: Callable[[], object]) -> str:
    try:
        found = question()
    except AskFailed as failed:
        return f"{failed} {failed.__cause__}"
    return "" if hasattr(found, "body") else repr(found)  # what a page holds is blanked where it is kept


@pytest.mark.parametrize("kind", sorted(ASKED))
@pytest.mark.parametrize("credential", ["", "x", MARK, "{}", f'["{MARK}"]', f'{{"host": "{MARK}"}}', "山田" + MARK])
def test_a_credential_of_no_form_is_refused_without_a_word_of_it(kind: str, credential: str) -> None:
    needed = ASKED[kind]
    connector = registry.connector(kind)
    config = connector.config_model(**(needed[0] if needed else {}))
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(return_value=httpx.Response(401))
        with pytest.raises(AskFailed) as failed:
            connector.check(config, credential, httpx.Client())
    assert str(failed.value)
    assert MARK not in str(failed.value)


@pytest.mark.parametrize("kind", sorted(ASKED))
def test_a_sample_is_believed_with_its_own_secret_and_no_other_and_says_something(kind: str) -> None:
    connector, needed = registry.connector(kind), ASKED[kind]
    config = connector.config_model(**(needed[0] if needed else {}))
    secret = "whsec_c2VjcmV0LW9mLWEtdG9vbC10aGF0LWlzLWxvbmc="
    request: WebhookRequest = connector.sample(config, secret, "https://tasuki.example.jp/webhooks/x", NOW)
    parsed = connector.parse(request, config)
    assert parsed.events or parsed.lookups
    assert parsed.problems == []
    assert parsed.lookups or list(connector.shown(request, config))
    if request.method == "POLL":
        return
    connector.verify(request, [secret], config, NOW)
    with pytest.raises(Unverified) as refused:
        connector.verify(request, [f"whsec_{MARK}"], config, NOW)
    assert MARK not in str(refused.value)
