"""HubSpot's CRM API, asked with the source's credential, at HubSpot's pace and within a time."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.asking import LATER, PATIENCE, Limiter, ask, body_of, wanted_scopes
from connectors.contract import AskFailed
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.contacts import MERGED_IDS, contact_properties
from connectors.hubspot.deals import PROPERTIES as DEAL_PROPERTIES

#: HubSpot allows a private app 100 requests in 10 seconds; this leaves some to the account's other tools.
LIMITER = Limiter(rate=8, burst=10)
#: Searches have a limit of their own: 5 a second, for all tools of an account together.
SEARCHES = Limiter(rate=4, burst=4)
#: HubSpot takes 100 ids in one question, but only 50 when histories are asked for.
BATCH = 50
#: Seconds that one answer may take.
ONE_ANSWER = 10.0
#: Engagements are read with the permission for contacts; HubSpot redacts an e-mail's subject without the second one.
SCOPES = {
    "contact": "crm.objects.contacts.read",
    "call": "crm.objects.contacts.read",
    "email": "crm.objects.contacts.read and sales-email-read",
    "meeting": "crm.objects.contacts.read",
    "deal": "crm.objects.deals.read",
}


class NotAllowed(AskFailed):
    """The app lacks a scope."""


@dataclass(frozen=True, slots=True)
class Api:
    """One account's API, for one call of the connector."""

    config: HubSpotConfig
    credential: str
    http: httpx.Client
    #: Seconds that all its questions together may take.
    patience: float = math.inf
    began: float = field(default_factory=time.monotonic)

    def record(self, kind: str, id_: str, **parameters: str) -> dict[str, Any] | None:
        """None: deleted meanwhile."""
        return self._answer(kind, "GET", f"v3/objects/{kind}s/{id_}", answers=(403, 404), params=parameters)

    def contacts(self, ids: Sequence[str], known_by: str = "") -> Iterator[dict[str, Any]]:
        """Raw answers with the contacts that still exist, and their histories. `known_by`: the property of the ids.

        An answer with problems of single contacts (207) still holds the others.
        """
        names = contact_properties(self.config)
        wanted = {"properties": [*names, MERGED_IDS], "propertiesWithHistory": names}
        return self._read("contact", ids, wanted | ({"idProperty": known_by} if known_by else {}))

    def deals(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Raw answers with the deals that still exist, and their stages."""
        return self._read("deal", ids, {"properties": [*DEAL_PROPERTIES], "propertiesWithHistory": ["dealstage"]})

    def _read(self, kind: str, ids: Sequence[str], wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for first in range(0, len(ids), BATCH):
            question = wanted | {"inputs": [{"id": known} for known in ids[first : first + BATCH]]}
            yield self._post(kind, f"v3/objects/{kind}s/batch/read", question)

    def search(self, kind: str, question: dict[str, Any]) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api/crm/search"""
        return self._post(kind, f"v3/objects/{kind}s/search", question, SEARCHES)

    def contacts_of(self, kind: str, ids: Sequence[str]) -> dict[str, Any]:
        """Which contacts these records belong to; at most 1,000 records.

        https://developers.hubspot.com/docs/api/crm/associations
        """
        question = {"inputs": [{"id": known} for known in ids]}
        return self._post(kind, f"v4/associations/{kind}s/contacts/batch/read", question)

    def _post(self, kind: str, path: str, question: dict[str, Any], limiter: Limiter = LIMITER) -> dict[str, Any]:
        return self._answer(kind, "POST", path, limiter, content=json.dumps(question).encode()) or {}

    def _answer(
        self,
        kind: str,
        method: str,
        path: str,
        limiter: Limiter = LIMITER,
        answers: Collection[int] = (403,),
        **rest: Any,
    ) -> dict[str, Any] | None:
        left = self.began + self.patience - time.monotonic()
        if left <= 0:
            raise AskFailed("HubSpot took too long to answer", retry_after=LATER)
        # as bytes: a credential with a stray character is then refused by HubSpot, not by the client
        headers = {b"Authorization": f"Bearer {self.credential.strip()}".encode(), b"Content-Type": b"application/json"}
        url, timeout = f"{self.config.api_base}/crm/{path}", min(ONE_ANSWER, left)
        request = self.http.build_request(method, url, headers=headers, timeout=timeout, **rest)
        response = ask(self.http, request, limiter=limiter, answers=answers, patience=min(PATIENCE, left))
        return json_of(response, kind)


def json_of(response: httpx.Response, kind: str) -> dict[str, Any] | None:
    """The answer; None: no such record."""
    if response.status_code == 403:
        scope = ", ".join(wanted_scopes(response)) or SCOPES[kind]
        raise NotAllowed(f"HubSpot does not let the app read a {kind} (403): grant it the scope {scope}")
    if response.status_code == 404:
        return None
    body = body_of(response)
    if not isinstance(body, dict):
        host = response.request.url.host
        raise AskFailed(f"{host} answered something else than JSON; check api_base", retry_after=LATER)
    return body
