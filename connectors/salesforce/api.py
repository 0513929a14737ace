"""Salesforce's REST API, asked with the source's credential."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from connectors.api import TOKENS, as_bytes, life_of
from connectors.asking import LATER, ask, body_of
from connectors.contract import AskFailed
from connectors.salesforce import access
from connectors.salesforce.access import LIMITER, Credential
from connectors.salesforce.refusals import Refusal, no_token, refusal, refusal_in

#: Any organisation understands every version from its newest back for years.
VERSION = "v64.0"
DATA = f"/services/data/{VERSION}"
#: Where the rest of an answer may be: on the same host, nowhere else, because the token goes there.
LOCATOR = re.compile(r"/services/data/v\d{1,3}\.0/query(All)?/[\w-]{1,120}", re.ASCII)
REFUSED = (400, 401, 403, 404)
#: Seconds that one answer to a poll may take; a page of 2,000 records needs some.
PAGE_PATIENCE = 20.0


class Refused(Exception):
    """Salesforce answered, but not with records. The caller knows whether that can be lived with."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


@dataclass(slots=True)
class Api:
    """One organisation's API, for one call of the connector."""

    credential: Credential
    http: httpx.Client
    #: The most seconds that all requests together may take; None: each has PAGE_PATIENCE, and is tried again.
    patience: float | None = None
    began: float = field(default_factory=time.monotonic)

    def get(self, path: str) -> httpx.Response:
        """Raises Refused and AskFailed."""
        return self._answered("GET", path)

    def records(self, soql: str, verb: str = "queryAll") -> list[Any]:
        """At most one page of them, 2,000."""
        found: list[Any] = records_in(self.get(query_path(soql, verb)))["records"]
        return found

    def post(self, path: str, content: dict[str, Any]) -> httpx.Response:
        return self._answered("POST", path, json.dumps(content).encode())

    def _answered(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        token = self._token()
        response = self._sent(method, path, content, token)
        if response.status_code == 401 and self.credential.access_token is None:
            TOKENS.forget(self.credential.digest, token)
            response = self._sent(method, path, content, self._token())
        if not response.is_success:
            raise Refused(refusal(response))
        return response

    def _sent(self, method: str, path: str, content: bytes | None, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return self._ask(method, self.credential.instance_url + path, content, headers)

    def _ask(self, method: str, url: str, content: bytes | None, headers: dict[str, str]) -> httpx.Response:
        timeout, attempts = PAGE_PATIENCE, 3
        if self.patience is not None:
            left = self.began + self.patience - time.monotonic()
            if left <= 0:
                raise AskFailed("Salesforce took too long to answer", LATER)
            timeout, attempts = left / 2, 1  # to connect, and to answer
        request = self.http.build_request(method, url, content=content, headers=as_bytes(headers), timeout=timeout)
        account = self.credential.digest
        return ask(self.http, request, limiter=LIMITER, attempts=attempts, answers=REFUSED, account=account)

    def _token(self) -> str:
        known = self.credential.access_token or TOKENS.get(self.credential.digest)
        return known or self._new_token()

    def _new_token(self) -> str:
        form = urlencode(access.form(self.credential, time.time())).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        response = self._ask("POST", access.token_url(self.credential), form, headers)
        body = body_of(response)
        token = body.get("access_token") if isinstance(body, dict) else None
        if not response.is_success or not isinstance(token, str) or not token:
            raise no_token(response)
        TOKENS.keep(self.credential.digest, token, life_of(body))
        return token


def query_path(soql: str, verb: str = "queryAll") -> str:
    """queryAll also answers with records that are deleted or archived."""
    return f"{DATA}/{verb}?q={quote(soql)}"


def batch_of(questions: Sequence[str]) -> dict[str, Any]:
    """Several questions as one request; at most 25."""
    asked = [{"method": "GET", "url": f"{VERSION}/queryAll?q={quote(soql)}"} for soql in questions]
    return {"haltOnError": False, "batchRequests": asked}


def records_in(response: httpx.Response) -> dict[str, Any]:
    """A query's answer; AskFailed when it is none, e.g. the page of a proxy."""
    body = body_of(response)
    if not isinstance(body, dict) or not isinstance(body.get("records"), list):
        raise AskFailed("Salesforce answered something else than records; check instance_url of the credential", LATER)
    return body


def results_in(response: httpx.Response, number: int) -> list[Refusal | None]:
    """For each question of a batch: how it was refused, or None."""
    body = body_of(response)
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list) or len(results) != number or not all(isinstance(one, dict) for one in results):
        raise AskFailed("Salesforce answered something else than results; check instance_url of the credential", LATER)
    return [None if one.get("statusCode") == 200 else refusal_in(status_of(one), one.get("result")) for one in results]


def status_of(result: dict[str, Any]) -> int:
    status = result.get("statusCode")
    return status if isinstance(status, int) else 500


def rest_of(answer: dict[str, Any]) -> str | None:
    """Where the next records are; None: there are none. AskFailed for an address that is not Salesforce's own."""
    path = answer.get("nextRecordsUrl")
    if answer.get("done") is not False or path is None:
        return None
    if not isinstance(path, str) or not LOCATOR.fullmatch(path):
        raise AskFailed("Salesforce named a place for the next records that is not on its own host", LATER)
    return path
