"""How kintone's REST API is asked: by queries over one app, with a token of that app.

https://cybozu.dev/ja/kintone/docs/overview/query
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import httpx

from connectors.api import Api, digest_of
from connectors.asking import LATER, Limiter, body_of, complaint, refuse
from connectors.contract import AskFailed
from connectors.kintone.config import WANTED, App, KintoneConfig
from connectors.wire import compact, mapping, plain

#: kintone allows 100 questions at once for all of a domain and 10,000 a day for an app: polls need some hundreds.
LIMITER = Limiter(rate=5, burst=10)
#: Records a question, and values in one list of a query.
LIMIT, LISTED = 500, 100
#: kintone's code → what mends it. A wrong token is 400, or 520 from older servers.
REFUSALS = {
    "GAIA_IA02": "kintone knows no such API token: copy it again; then press Update App (アプリを更新)",
    "GAIA_AP15": "no API token of the credential belongs to app {app}: generate one there and add it behind a comma",
    "GAIA_NO01": "the API token of app {app} may not read: tick View records (レコード閲覧) for it and update the app",
    "GAIA_AP01": "there is no app {app}: check its number in the source's settings",
}


def api(config: KintoneConfig, credential: str, http: httpx.Client, patience: float) -> Api:
    """Questions go as POST with a body, so that addresses and long lists stand in no URL:
    https://cybozu.dev/ja/kintone/tips/best-practices/data-acquisition-operation/rest-api-get-3-ways
    """
    tokens = tokens_of(credential)
    if not config.base or not tokens:
        raise AskFailed(f"base {WANTED}" if not config.base else "the credential must be the apps' API tokens")
    proof = {"X-Cybozu-API-Token": ",".join(tokens), "X-HTTP-Method-Override": "GET"}
    space = f"guest/{config.guest_space}/" if config.guest_space else ""
    return Api(f"{config.base}/k/{space}v1", http, LIMITER, digest_of(credential), lambda: proof, patience=patience)


def tokens_of(credential: str) -> list[str]:
    return [token.strip() for token in credential.split(",") if token.strip()]


def asked(api: Api, path: str, app: App, **said: Any) -> dict[str, Any]:
    content = compact({"app": app.app} | said)
    response = api.answer("POST", path, content=content, answers=(400, 403, 404, 520))
    body = mapping(body_of(response))
    if response.is_success:
        return body
    if known := REFUSALS.get(plain(body.get("code"))):
        raise AskFailed(known.format(app=app.app))
    if response.status_code == 520:
        raise AskFailed(f"kintone could not answer (520){without(api, complaint(response))}", LATER)
    try:
        refuse(response)
    except AskFailed as failed:
        raise AskFailed(f"app {app.app}: {without(api, str(failed))}", failed.retry_after) from None


def without(api: Api, said: str) -> str:
    for token in tokens_of(api.proof()["X-Cybozu-API-Token"]):
        said = said.replace(token, "…")
    return said


def records(api: Api, app: App, query: str, **more: Any) -> list[Mapping[str, Any]]:
    found = asked(api, "/records.json", app, query=query, **more).get("records")
    if not isinstance(found, list):
        raise AskFailed("kintone answered without records; check base in the source's settings", LATER)
    return [mapping(record) for record in found]


# Queries


def at_minute(at: datetime) -> str:
    """kintone stamps minutes."""
    return f'"{at:%Y-%m-%dT%H:%M:00Z}"'


def one_of(field: str, values: Iterable[str]) -> str:
    return f"{field} in ({', '.join(map(quoted, values))})"


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
