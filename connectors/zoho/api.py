"""Zoho CRM's REST API v7, asked with a refresh token.

https://www.zoho.com/crm/developer/docs/api/v7/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.api import Api, Grant, digest_of, host_address, parts_of
from connectors.asking import LATER, Limiter, body_of
from connectors.contract import AskFailed
from connectors.wire import mapping
from connectors.zoho.config import ZohoConfig

#: Zoho counts credits a day and requests at a time (10 to 25 by edition); each question here costs one credit.
LIMITER = Limiter(rate=5, burst=10)
WANTED = (
    "the credential must be JSON with client_id, client_secret and refresh_token, and accounts_url if it is not the"
    " one of the API's data centre"
)
HOST = "the address of Zoho must be https:// and a host, like https://www.zohoapis.jp"


class NotAllowed(AskFailed):
    """The refresh token lacks a scope."""


class ZohoApi(Api):
    """Zoho says 401 for a missing scope as well, which no new access token mends."""

    def _sent(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        answers: Collection[int],
    ) -> httpx.Response:
        response = super()._sent(method, path, params, content, headers, answers)
        if response.status_code == 401 and mapping(body_of(response)).get("code") == "OAUTH_SCOPE_MISMATCH":
            about = "make a new refresh token with all the scopes that the connector's page lists"
            raise NotAllowed(f"the credential lacks the scope for {path} (OAUTH_SCOPE_MISMATCH): {about}")
        return response


def api(config: ZohoConfig, credential: str, http: httpx.Client, patience: float) -> ZohoApi:
    needed = ("client_id", "client_secret", "refresh_token")
    parts, base = parts_of(credential, [needed, (*needed, "accounts_url")], WANTED), host_address(config.api_base, HOST)
    accounts = host_address(parts.pop("accounts_url", "") or accounts_of(base), WANTED)
    form = parts | {"grant_type": "refresh_token"}
    account = digest_of(credential)
    grant = Grant(f"{accounts}/oauth/v2/token", lambda: form, account, http, LIMITER, scheme="Zoho-oauthtoken")
    return ZohoApi(f"{base}/crm/v7", http, LIMITER, account, grant.proof, grant.renew, patience=patience)


def accounts_of(base: str) -> str:
    """https://www.zohoapis.jp → https://accounts.zoho.jp; Canada is called otherwise."""
    host = urlsplit(base).hostname or ""
    zone = host.removeprefix("www.zohoapis.")
    return "https://accounts.zohocloud.ca" if zone == "ca" else f"https://accounts.zoho.{zone}"


def asked(
    asking: Api, path: str, params: Mapping[str, Any], since: datetime | None = None, *, answers: Collection[int] = ()
) -> dict[str, Any]:
    """The answer; empty where there is nothing: 204, and 304 (nothing changed since then)."""
    header = {"If-Modified-Since": stamp(since)} if since else {}
    response = asking.answer("GET", path, params=params, headers=header, answers=(304, *answers))
    if response.status_code in (204, 304):
        return {}
    body = body_of(response)
    if not isinstance(body, dict):
        raise AskFailed(f"{response.request.url.host} answered something else than JSON; check api_base", LATER)
    return body if response.is_success else {"refused": response.status_code}


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}+00:00"
