"""OpenID Connect: people sign in with their company's accounts. Authorization code flow with PKCE, state and nonce.

Facts: OpenID Connect Core 1.0 section 3.1, OpenID Connect Discovery 1.0 section 4, RFC 6749, RFC 7636, RFC 9207.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.flows.accounts import Identity
from app.settings import Settings, is_private_to_this_machine

#: The provider's document and keys are read again after it.
KEPT = timedelta(hours=1)
#: A key that is not known yet has them read again, once in this time.
LOOK_AGAIN = timedelta(minutes=1)
#: Signatures that only the provider can make.
ALGORITHMS = ("RS256", "PS256", "ES256")
#: Seconds by which the provider's watch may differ from ours.
LEEWAY = 60
RETURN_PATH = "/sign-in/provider/return"


class Untrusted(Exception):
    """The provider does not answer, or not as the standard says; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What the browser keeps while its visitor is at the provider."""

    state: str
    nonce: str
    #: PKCE's code verifier.
    verifier: str

    @staticmethod
    def new() -> Errand:
        return Errand(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """RFC 7636 section 4.2, S256."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says about itself."""

    document: Mapping[str, Any]
    keys: KeySet
    read_at: datetime


class Provider:
    def __init__(self, settings: Settings, http: httpx.Client, clock: Callable[[], datetime]) -> None:
        self.issuer, self.client_id = settings.oidc_issuer, settings.oidc_client_id
        self.name = settings.oidc_name or httpx.URL(settings.oidc_issuer).host
        self._secret, self._return_to = settings.oidc_client_secret, settings.public_url + RETURN_PATH
        self._http, self._clock = http, clock
        self._known: _Known | None = None

    def address(self, errand: Errand) -> str:
        """Where the visitor signs in. Raises Untrusted."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self._return_to,
            "scope": "openid email",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": errand.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identity(self, code: str, errand: Errand) -> Identity:
        """Whom a code stands for; a code works once. Raises Untrusted."""
        answer = self._exchange(code, errand)
        claims = self._claims(str(answer.get("id_token", "")), errand.nonce)
        if "email" not in claims and self._about().document.get("userinfo_endpoint"):
            claims = self._user_info(str(answer.get("access_token", "")), claims["sub"])
        vouched = claims.get("email_verified") in (True, "true")
        email = claims.get("email")
        return Identity(self._issuer(), claims["sub"], email if vouched and isinstance(email, str) else "")

    # --- the code

    def _exchange(self, code: str, errand: Errand) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._return_to,
            "code_verifier": errand.verifier,
        }
        offered = self._about().document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        secret = self._secret.get_secret_value()
        if "client_secret_basic" in offered:
            basic = httpx.BasicAuth(quote_plus(self.client_id), quote_plus(secret))  # RFC 6749 section 2.3.1
            return self._ask("POST", self._endpoint("token_endpoint"), data=form, auth=basic)
        form |= {"client_id": self.client_id, "client_secret": secret}
        return self._ask("POST", self._endpoint("token_endpoint"), data=form)

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Of a token that is genuine, ours, new, and about this errand: Core section 3.1.3.7."""
        wanted = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._issuer()},
            sub={"essential": True},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
            azp={"value": self.client_id},
        )
        try:
            claims = self._decoded(id_token)
            wanted.validate(claims)
        except (JoseError, ValueError) as wrong:
            raise Untrusted(f"{self.issuer}: its ID token is not valid: {wrong}") from wrong
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims:
            raise Untrusted(f"{self.issuer}: its ID token is for several clients and does not say for which")
        return claims

    def _decoded(self, id_token: str) -> dict[str, Any]:
        """Raises JoseError, ValueError."""
        known = self._about()
        try:
            return jwt.decode(id_token, known.keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            if self._clock() - known.read_at < LOOK_AGAIN:
                raise
            self._known = None  # the provider may have changed its keys
            return jwt.decode(id_token, self._about().keys, algorithms=ALGORITHMS).claims

    def _user_info(self, access_token: str, subject: str) -> dict[str, Any]:
        """Core section 5.3: some providers tell the address only here."""
        endpoint, bearer = self._endpoint("userinfo_endpoint"), {"Authorization": f"Bearer {access_token}"}
        claims = self._ask("GET", endpoint, headers=bearer)
        if claims.get("sub") != subject:
            raise Untrusted(f"{self.issuer}: it tells about another account than it signed in")
        return claims

    # --- what the provider says about itself

    def _issuer(self) -> str:
        return str(self._about().document["issuer"])

    def _endpoint(self, name: str) -> str:
        return self._safe(self._about().document, name)

    def _safe(self, document: Mapping[str, Any], name: str) -> str:
        """An address in the provider's document. Raises Untrusted."""
        url = document.get(name)
        if not isinstance(url, str) or not (url.startswith("https://") or is_private_to_this_machine(url)):
            raise Untrusted(f"{self.issuer}: its {name} is missing or not https")
        return url

    def _about(self) -> _Known:
        now = self._clock()
        if self._known is None or now - self._known.read_at > KEPT:
            document = self._ask("GET", f"{self.issuer}/.well-known/openid-configuration")
            if str(document.get("issuer", "")).rstrip("/") != self.issuer:
                raise Untrusted(f"{self.issuer}: its document is of the issuer {document.get('issuer')!r}")
            self._known = _Known(document, self._keys(document), now)
        return self._known

    def _keys(self, document: Mapping[str, Any]) -> KeySet:
        """Those for signatures; others may be of kinds that we do not know."""
        given = self._ask("GET", self._safe(document, "jwks_uri")).get("keys")
        found = [key for key in given or () if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"]
        try:
            return KeySet.import_key_set({"keys": found})
        except (JoseError, ValueError, TypeError, KeyError) as wrong:
            raise Untrusted(f"{self.issuer}: its keys cannot be read: {wrong}") from wrong

    def _ask(self, method: str, url: str, **given: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(
                method, url, headers={"Accept": "application/json"} | given.pop("headers", {}), **given
            )
            content = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError, UnicodeDecodeError) as wrong:
            raise Untrusted(f"{url}: {type(wrong).__name__}: {wrong}") from wrong
        if answer.status_code != 200 or not isinstance(content, dict):
            said = content.get("error", "") if isinstance(content, dict) else ""
            raise Untrusted(f"{url}: answered {answer.status_code} {said}".rstrip())
        return content
