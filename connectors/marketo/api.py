"""Marketo's REST API: an access token, limits, and errors that come with HTTP 200.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from connectors.api import Api, Grant, digest_of, parts_of
from connectors.asking import LATER, Again, Limiter, body_of
from connectors.contract import AskFailed
from connectors.marketo.config import ADDRESS, MarketoConfig
from connectors.wire import entries, mapping, plain

#: Marketo allows 100 requests in 20 seconds, for all programs of an instance together.
LIMITER = Limiter(rate=4, burst=10)
WANTED = 'the credential must be JSON: {"client_id": "…", "client_secret": "…"} of a LaunchPoint service'
#: Leads a question.
LEADS = 300
#: Code → seconds until another try makes sense: too many in 20 seconds, too many at once, busy, and the like.
LATER_BY_CODE = {"606": 20.0, "615": 2.0, "604": 5.0, "608": 10.0, "611": 10.0, "614": 60.0, "502": 10.0, "713": 10.0}
TOKEN_ENDED = ("601", "602")
QUOTA, DENIED = "607", "603"
#: Seconds after which the daily quota is looked at again; it ends at midnight, US Central.
QUOTA_PAUSE = 3600.0


class TokenEnded(AskFailed):
    """The access token is no longer good; a new one may be."""


class MarketoApi(Api):
    """Says "the token has ended" with HTTP 200."""

    def answer(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            return super().answer(method, path, **rest)
        except TokenEnded:
            self.renew()
            return super().answer(method, path, **rest)


def api(config: MarketoConfig, credential: str, http: httpx.Client, patience: float) -> Api:
    parts = parts_of(credential, [("client_id", "client_secret")], WANTED)
    if not config.base:
        raise AskFailed(f"base {ADDRESS}")
    form = {"grant_type": "client_credentials"} | parts
    digest = digest_of(credential)
    grant = Grant(f"{config.base}/identity/oauth/token", lambda: form, digest, http, LIMITER, by_query=True)
    return MarketoApi(config.base, http, LIMITER, digest, grant.proof, grant.renew, judge, patience)


def judge(response: httpx.Response) -> None:
    """Raise what an answer with `success: false` means. What it says may repeat what we sent, so only codes count."""
    body = mapping(body_of(response))
    if body.get("success") is not False:
        return
    codes = [plain(mapping(error).get("code"), 6) for error in entries(body.get("errors"))] or ["?"]
    code = next((known for known in codes if known in LATER_BY_CODE or known in TOKEN_ENDED), codes[0])
    if code in TOKEN_ENDED:
        raise TokenEnded(f"Marketo no longer accepts the access token ({code})", retry_after=LATER)
    if code in LATER_BY_CODE:
        raise Again(f"Marketo asks for patience ({code})", LATER_BY_CODE[code])
    if code == QUOTA:
        raise AskFailed("Marketo's daily quota of requests is used up (607)", retry_after=QUOTA_PAUSE)
    if code == DENIED:
        raise AskFailed("Marketo does not let the API user read this (603): give its role Read-Only Lead and Activity")
    raise AskFailed(f"Marketo refused the question ({code if code.isalnum() else '?'})")


def leads(api: Api, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Any]:
    """Those that still exist. As a form: a long list of ids fits into no address."""
    asked = {"filterType": "id", "filterValues": ",".join(ids), "fields": ",".join(fields)}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    content = str(httpx.QueryParams(asked)).encode()
    response = api.answer("POST", "/rest/v1/leads.json", params={"_method": "GET"}, content=content, headers=headers)
    return mapping(body_of(response))
