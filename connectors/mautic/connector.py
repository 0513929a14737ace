"""Mautic: webhooks signed over their exact bytes, and the REST API for what they missed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.api import Api, digest_of, parts_of
from connectors.asking import LATER, Limiter
from connectors.contract import AskFailed, Connector, Unverified, WebhookRequest
from connectors.mautic.config import ADDRESS, MauticConfig
from connectors.mautic.facts import EVENTS, FACTS, FIELDS, HISTORY, flat, happened, hit, submission
from connectors.records import Record
from connectors.rounds import Answered, Place, answers_in
from connectors.signatures import hmac_sha256, required, same, usable
from connectors.tool import POLL, PolledTool, basic
from connectors.wire import compact, entries, mapping, moment, number, plain, read_json

HEADER = "Webhook-Signature"
#: Mautic names no limit; it runs on the customer's own machine.
LIMITER = Limiter(rate=5, burst=10)
LIMIT = 100
WANTED = 'the credential must be JSON: {"user": "…", "password": "…"} of a user with access to the API (Basic auth)'


class Mautic(PolledTool[MauticConfig]):
    """The secret is the one that the webhook shows, the credential a user of the API."""

    kind = "mautic"
    config_model = MauticConfig
    role = "ma"
    facts, fields = FACTS, FIELDS
    objects = ("contacts", "history")

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: MauticConfig, now: datetime) -> None:
        """base64(HMAC-SHA256(body)); the sender re-serialises nothing, and neither may we. It signs no time.

        https://github.com/mautic/mautic/blob/5.x/app/bundles/WebhookBundle/Http/Client.php
        """
        given = required(request.headers, HEADER)
        if not any(same(given, signature(secret, request.body)) for secret in usable(secrets)):
            raise Unverified(f"the signature in {HEADER} is not one made with the source's secret over this body")

    def records(self, request: WebhookRequest, config: MauticConfig) -> Iterator[Record]:
        if request.method == POLL:
            for name, answer in answers_in(request.body):
                yield from self._asked(name, mapping(answer), request, config)
            return
        for event, told in mapping(read_json(request.body)).items():
            kind = EVENTS.get(event)
            # one event, or a list of them
            for entry in (told if isinstance(told, list) else [told]) if kind else ():
                yield self._sent(kind or "", mapping(entry), request, config)

    def _sent(self, kind: str, entry: Mapping[str, Any], request: WebhookRequest, config: MauticConfig) -> Record:
        queued = moment(entry.get("timestamp"))
        match kind:
            case "form":
                return self._act("form", submission(entry), request, config)
            case "hit":
                return self._act("hit", hit(entry), request, config)
            case "deleted":
                gone = {"id": entry.get("id") or mapping(entry.get("contact")).get("id")}
                return self._record("deleted", gone, queued, request, config)
            case _:
                contact = flat(mapping(entry.get("contact")))
                if (points := number(mapping(entry.get("points")).get("new_points"))) is not None:
                    contact["points"] = points
                return self._record("contact", contact, queued or changed_at(contact), request, config)

    def _asked(
        self, name: str, answer: Mapping[str, Any], request: WebhookRequest, config: MauticConfig
    ) -> Iterator[Record]:
        if name == "contacts":
            for contact in mapping(answer.get("contacts")).values():
                known = flat(mapping(contact))
                yield self._record("contact", known, changed_at(known), request, config)
        for event in entries(answer.get("events")) if name == "history" else ():
            if kind := HISTORY.get(plain(mapping(event).get("event"))):
                yield self._act(kind, happened(mapping(event)), request, config)

    def _act(self, kind: str, told: Mapping[str, Any], request: WebhookRequest, config: MauticConfig) -> Record:
        return self._record(kind, told, moment(told.get("at")), request, config)

    def _record(
        self, kind: str, told: Mapping[str, Any], at: datetime | None, request: WebhookRequest, config: MauticConfig
    ) -> Record:
        return Record(kind, plain(told.get("id")), told, at, request.received_at, config, self.system(config))

    # --- the API

    def api(self, config: MauticConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        parts = parts_of(credential, [("user", "password")], WANTED)
        if not config.base:
            raise AskFailed(f"base {ADDRESS}")
        proof = {"Authorization": basic(parts["password"], parts["user"])}
        return Api(f"{config.base}/api", http, LIMITER, digest_of(credential), lambda: proof, patience=patience)

    def page(self, api: Api, place: Place, config: MauticConfig) -> Answered:
        return contacts(api, place) if place.object == "contacts" else history(api, place, config)

    # --- setting it up

    def sample(self, config: MauticConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        told = {"firstname": "太郎", "lastname": "山田", "email": "yamada@example.jp", "company": "株式会社みなと精機"}
        core = {alias: {"alias": alias, "value": value} for alias, value in told.items()}
        fields = {"core": core, "social": [], "personal": [], "professional": []}
        named = {config.score_field: 82} if config.score_field else {}
        own = {alias: {"alias": alias, "value": value} for alias, value in named.items()}
        contact = {"id": 52, "points": 82, "fields": fields | {"core": core | own}}
        event = {"contact": contact, "points": {"old_points": 60, "new_points": 82}, "timestamp": now.isoformat()}
        body = compact({"mautic.lead_points_change": [event]})
        headers = {"content-type": "application/json", HEADER.lower(): signature(secret, body)}
        return WebhookRequest("POST", url, headers, body, now)

    def own_fields(self, config: MauticConfig) -> Mapping[str, Mapping[str, str]]:
        named = {config.score_field: "score", config.status_field: "status", **config.attributes}
        return {"contact": {alias: word for alias, word in named.items() if alias}}


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac_sha256(secret.strip(), body)).decode()


def changed_at(contact: Mapping[str, Any]) -> datetime | None:
    """Points that a visit earned move `lastActive` alone."""
    stamps = (moment(contact.get(name)) for name in ("dateModified", "lastActive", "dateAdded"))
    return max((at for at in stamps if at), default=None)


# The API. Times are UTC there.


def contacts(api: Api, place: Place) -> Answered:
    """By id, so that what changes while pages are read pushes nobody out of sight.

    https://devdocs.mautic.org/en/5.x/rest_api/contacts.html
    """
    since, after = stamp(place.reach), plain(place.page) or "0"
    changed = {
        f"where[1][val][{n}][{part}]": value
        for n, name in enumerate(("date_modified", "last_active", "date_added"))
        for part, value in (("col", name), ("expr", "gte"), ("val", since))
    }
    beyond = {"where[0][col]": "id", "where[0][expr]": "gt", "where[0][val]": after, "where[1][expr]": "orX"}
    order = {"orderBy": "id", "orderByDir": "ASC", "limit": LIMIT, "start": 0}
    answer = listing(api, "/contacts", order | beyond | changed, "contacts")
    found = [plain(mapping(contact).get("id")) for contact in mapping(answer.get("contacts")).values()]
    last = max((int(known) for known in found if known.isdecimal()), default=None)
    return Answered(
        f"{api.base}/contacts?changed={since}&after={after}",
        answer,
        last if len(found) == LIMIT and last and last > int(after) else None,
    )


def history(api: Api, place: Place, config: MauticConfig) -> Answered:
    page = number(place.page) or 1
    types = [type_ for type_, kind in HISTORY.items() if config.visits or kind != "hit"]
    wanted = {f"filters[includeEvents][{n}]": type_ for n, type_ in enumerate(types)}
    span = {"filters[dateFrom]": stamp(place.reach), "filters[dateTo]": stamp(place.until)}
    order = {"order[0]": "timestamp", "order[1]": "ASC", "page": page, "limit": LIMIT}
    answer = listing(api, "/contacts/activity", wanted | span | order, "events")
    more = page < (number(answer.get("maxPages")) or 1)
    return Answered(f"{api.base}/contacts/activity?page={page}", answer, page + 1 if more else None)


def listing(api: Api, path: str, asked: Mapping[str, Any], name: str) -> dict[str, Any]:
    """AskFailed when it is none, e.g. the page of a proxy: that nothing was found is something else."""
    answer = mapping(api.get(path, asked, gone=()))
    if name not in answer:
        raise AskFailed(f"{urlsplit(api.base).hostname} answered without {name}; check base", LATER)
    return answer


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


CONNECTOR: Connector[MauticConfig] = Mautic()
