"""HubSpot's CRM API, asked with the source's credential, at HubSpot's pace and within a time."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import httpx

from connectors import api
from connectors.api import digest_of
from connectors.asking import LATER, Limiter, body_of, wanted_scopes
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
#: Engagements are read with the permission for contacts; HubSpot redacts an e-mail's subject without the second one.
SCOPES = {
    "contact": "crm.objects.contacts.read",
    "call": "crm.objects.contacts.read",
    "email": "crm.objects.contacts.read and sales-email-read",
    "meeting": "crm.objects.contacts.read",
    "task": "crm.objects.contacts.read",
    "deal": "crm.objects.deals.read",
}


class NotAllowed(AskFailed):
    """The app lacks a scope."""


class Api:
    """One account's API, for one call of the connector. `patience`: seconds for all its questions together."""

    def __init__(self, config: HubSpotConfig, credential: str, http: httpx.Client, patience: float = math.inf) -> None:
        self.config = config
        token = {"Authorization": f"Bearer {credential.strip()}"}
        account = digest_of(credential)
        self._usual = api.Api(config.api_base, http, LIMITER, account, lambda: token, patience=patience)
        self._searching = api.Api(config.api_base, http, SEARCHES, account, lambda: token, patience=patience)

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

    def there(self, kind: str, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Raw answers with those of the records that are not in the bin."""
        return self._read(kind, ids, {"properties": ["hs_object_id"]})

    def _read(self, kind: str, ids: Sequence[str], wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for first in range(0, len(ids), BATCH):
            question = wanted | {"inputs": [{"id": known} for known in ids[first : first + BATCH]]}
            yield self._post(kind, f"v3/objects/{kind}s/batch/read", question)

    def search(self, kind: str, question: dict[str, Any]) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api/crm/search"""
        content = json.dumps(question).encode()
        return self._answer(kind, "POST", f"v3/objects/{kind}s/search", self._searching, content=content) or {}

    def contacts_of(self, kind: str, ids: Sequence[str]) -> dict[str, Any]:
        """Which contacts these records belong to; at most 1,000 records.

        https://developers.hubspot.com/docs/api/crm/associations
        """
        question = {"inputs": [{"id": known} for known in ids]}
        return self._post(kind, f"v4/associations/{kind}s/contacts/batch/read", question)

    def contact_properties(self) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api/crm/properties"""
        return self._answer("contact", "GET", "v3/properties/contacts") or {}

    def account(self) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api-reference/account-account-info-v3; empty: the app may not know."""
        found = self._usual.get("/account-info/v3/details", gone=(403, 404))
        return found if isinstance(found, dict) else {}

    def _post(self, kind: str, path: str, question: dict[str, Any]) -> dict[str, Any]:
        return self._answer(kind, "POST", path, content=json.dumps(question).encode()) or {}

    def _answer(
        self,
        kind: str,
        method: str,
        path: str,
        asked: api.Api | None = None,
        answers: Collection[int] = (403,),
        **rest: Any,
    ) -> dict[str, Any] | None:
        return json_of((asked or self._usual).answer(method, f"/crm/{path}", answers=answers, **rest), kind)


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
