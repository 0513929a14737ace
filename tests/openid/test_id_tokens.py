"""What is no ID token for us: OpenID Connect Core 1.0 section 3.1.3.7, item by item."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import SecretStr

from app.openid import Errand, Provider, Untrusted
from app.settings import BadSettings, Settings, read_settings
from tests.conftest import Clock

ISSUER = "https://login.example.jp"
KEY, OTHERS = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}), RSAKey.generate_key(2048, {"kid": "1"})
ERRAND = Errand("state", "nonce", "verifier")
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?tenant=1",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


@pytest.fixture
def settings() -> Settings:
    secret = SecretStr("s")
    return Settings(oidc_issuer=f"{ISSUER}/", oidc_client_id="tasuki", oidc_client_secret=secret, _env_file=None)


@pytest.fixture
def provider(settings, clock):
    with httpx.Client() as http:
        yield Provider(settings, http, clock)


@pytest.fixture
def wire():
    with respx.mock(assert_all_called=False) as mocked:
        mocked.get(f"{ISSUER}/.well-known/openid-configuration").respond(json=DOCUMENT)
        strange = {"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "9"}
        mocked.get(f"{ISSUER}/keys", name="keys").respond(json={"keys": [strange, KEY.as_dict(private=False)]})
        yield mocked


def claims(clock: Clock, **other: Any) -> dict[str, Any]:
    seconds = int(clock.now.timestamp())
    good = {"iss": ISSUER, "sub": "42", "aud": "tasuki", "iat": seconds, "exp": seconds + 300, "nonce": "nonce"}
    told = good | {"email": "mai@example.jp", "email_verified": True} | other
    return {name: value for name, value in told.items() if value is not None}


def told(wire: respx.MockRouter, content: dict[str, Any], key: Any = KEY, alg: str = "RS256") -> respx.Route:
    token = jwt.encode({"alg": alg, "kid": "1"}, content, key, algorithms=[alg])
    return wire.post(f"{ISSUER}/token").respond(json={"access_token": "a", "id_token": token})


def test_a_good_one_says_who_it_is(provider, wire, clock) -> None:
    asked = told(wire, claims(clock))
    found = provider.identity("code", ERRAND)
    assert (found.issuer, found.subject, found.email) == (ISSUER, "42", "mai@example.jp")
    assert b"code_verifier=verifier" in asked.calls.last.request.content
    assert asked.calls.last.request.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://login.example.com"},
        {"iss": None},
        {"sub": None},
        {"sub": 42},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": ["tasuki", "somebody-else"]},
        {"aud": ["tasuki", "somebody-else"], "azp": "somebody-else"},
        {"aud": None},
        {"nonce": "of another errand"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
    ],
    ids=repr,
)
def test_a_token_for_others_is_refused(provider, wire, clock, wrong) -> None:
    told(wire, claims(clock, **wrong))
    with pytest.raises(Untrusted):
        provider.identity("code", ERRAND)


def test_a_token_for_several_says_that_it_is_for_us(provider, wire, clock) -> None:
    told(wire, claims(clock, aud=["tasuki", "somebody-else"], azp="tasuki"))
    assert provider.identity("code", ERRAND).subject == "42"


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (OTHERS, "RS256"),
        (ECKey.generate_key("P-256"), "ES256"),
        (OctKey.import_key("s"), "HS256"),
        (KEY, "none"),
    ],
    ids=["another key", "another kind of key", "our secret", "none"],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(provider, wire, clock, key, alg) -> None:
    told(wire, claims(clock), key, alg)
    with pytest.raises(Untrusted, match="not valid"):
        provider.identity("code", ERRAND)


@pytest.mark.parametrize(
    ("verified", "email"), [(True, "mai@example.jp"), ("true", "mai@example.jp"), (False, ""), (None, "")]
)
def test_an_address_counts_when_it_is_confirmed(provider, wire, clock, verified, email) -> None:
    told(wire, claims(clock, email_verified=verified))
    assert provider.identity("code", ERRAND).email == email


def test_unknown_keys_are_looked_up_again_but_not_at_every_forged_token(provider, wire, clock) -> None:
    told(wire, claims(clock), OTHERS)
    for minutes, asked in ((0, 1), (0, 1), (2, 2), (0, 2)):
        clock.now += timedelta(minutes=minutes)
        told(wire, claims(clock), OTHERS)
        with pytest.raises(Untrusted):
            provider.identity("code", ERRAND)
        assert wire["keys"].call_count == asked


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://login.example.jp/token"},
        {"token_endpoint": None},
        {"jwks_uri": None},
    ],
    ids=repr,
)
def test_a_document_that_leads_elsewhere_is_not_followed(provider, wire, clock, change) -> None:
    wire.get(f"{ISSUER}/.well-known/openid-configuration").respond(json=DOCUMENT | change)
    told(wire, claims(clock))
    with pytest.raises(Untrusted):
        provider.identity("code", ERRAND)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(400, json={"error": "invalid_grant"}),
        httpx.Response(302, headers={"location": "https://evil.example/"}),
        httpx.ConnectTimeout("late"),
    ],
    ids=["no json", "no object", "refused", "elsewhere", "silent"],
)
def test_an_answer_that_is_none_is_said_with_its_address(provider, wire, answer) -> None:
    route = wire.post(f"{ISSUER}/token")
    if isinstance(answer, Exception):
        route.mock(side_effect=answer)
    else:
        route.mock(return_value=answer)
    with pytest.raises(Untrusted, match=f"{ISSUER}/token"):
        provider.identity("code", ERRAND)


def test_the_address_to_go_to_keeps_its_own_query(provider, wire) -> None:
    address = httpx.URL(provider.address(ERRAND))
    asked = address.params
    assert (asked["tenant"], asked["response_type"], asked["scope"]) == ("1", "code", "openid email")


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636 appendix B."""
    known = Errand("", "", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert known.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "http://login.example.jp", "oidc_client_id": "a", "oidc_client_secret": "b"},
        {"oidc_issuer": ISSUER, "oidc_client_id": "a"},
        {"oidc_issuer": ISSUER, "oidc_client_secret": "b"},
    ],
    ids=repr,
)
def test_settings_that_cannot_work_stop_the_start(given) -> None:
    with pytest.raises(BadSettings, match="OIDC"):
        read_settings(_env_file=None, **given)
