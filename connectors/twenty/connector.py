"""Twenty: signed webhooks, and the REST API for what they leave open and for those that got lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.api import Api
from connectors.contract import (
    Checked,
    Connector,
    ExternalId,
    Lookup,
    Page,
    Parsed,
    Problem,
    Unverified,
    WebhookRequest,
)
from connectors.records import Finding, Record
from connectors.rounds import Answered, Place, answers_in, gone, kept
from connectors.signatures import as_bytes, check_age, hmac_sha256, required, same, usable
from connectors.tool import POLL, PolledTool
from connectors.twenty import api as rest
from connectors.twenty.config import TwentyConfig
from connectors.twenty.facts import FACTS, FIELDS
from connectors.twenty.notices import TIES, records_in, untied, whose
from connectors.twenty.samples import SIGNATURE, STAMP, person_updated, proof_of
from connectors.wire import at_path, compact, entries, mapping, moment, plain, read_json

#: Seconds that a question about one lead may take.
PATIENCE = 5.0
NO_CHANNELS = "no task and no note counts as a follow-up yet: say in channels what calls, mails and meetings are called"


class Twenty(PolledTool[TwentyConfig]):
    """The secret is the webhook's, the credential an API key."""

    kind = "twenty"
    config_model = TwentyConfig
    role = "sfa"
    facts, fields, activities = FACTS, FIELDS, ("task", "note")
    objects = rest.OBJECTS

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: TwentyConfig, now: datetime) -> None:
        """HMAC-SHA256 in hex over `timestamp:body`, the timestamp in milliseconds (call-webhook.job.ts)."""
        keys, stamp = usable(secrets), required(request.headers, STAMP)
        sent_at = moment(stamp) if re.fullmatch(r"\d{1,15}", stamp, re.ASCII) else None
        if sent_at is None:
            raise Unverified(f"{STAMP} must be milliseconds since 1970")
        check_age(sent_at, now)
        given, signed = required(request.headers, SIGNATURE), as_bytes(f"{stamp}:") + request.body
        if not any(same(given, hmac_sha256(key, signed).hex()) for key in keys):
            raise Unverified(f"{SIGNATURE} does not match: wrong secret or changed body")
        if config.workspace_id and workspace_of(request.body) != config.workspace_id:
            raise Unverified("the webhook comes from another workspace than workspace_id")

    def records(self, request: WebhookRequest, config: TwentyConfig) -> Iterator[Record | Lookup | Problem]:
        def record(name: str, fields: Mapping[str, Any]) -> Record:
            at = rest.later(fields.get("updatedAt"), fields.get("restoredAt"))
            id_, system = plain(fields.get("id"), 100), self.system(config)
            return Record(name, id_, fields, at, request.received_at, config, system)

        if request.method != POLL:
            yield from records_in(mapping(read_json(request.body)), record, config)
            return
        for _, answer in answers_in(request.body):
            told = mapping(answer)
            companies = {plain(mapping(one).get("id")): {"company": one} for one in entries(told.get("companies"))}
            for plural, singular in rest.SINGULAR.items():
                for fields in map(mapping, entries(told.get(plural))):
                    yield record(singular, fields | companies.get(plain(fields.get("companyId")), {}))

    def gone(self, seen: Record, config: TwentyConfig) -> Iterable[Finding]:
        if seen.type not in TIES:
            return super().gone(seen, config)
        person = seen.person(whose(seen.fields))
        return untied(seen).taken_back([person], "no longer about this person") if config.channels else ()

    # --- the API

    def api(self, config: TwentyConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        return rest.api(config, credential, http, patience)

    def page(self, api: Api, place: Place, config: TwentyConfig) -> Answered:
        return rest.page(api, place, config)

    def fetch(self, lookups: Sequence[Lookup], config: TwentyConfig, credential: str, http: httpx.Client) -> Parsed:
        api, parts = self.api(config, credential, http), []
        for plural, singular in rest.SINGULAR.items():
            asked = {one.object_id: dict(one.context) for one in lookups if one.object_type == singular}
            found = rest.by_ids(api, plural, asked)
            dated = [one | {"restoredAt": asked.get(plain(one.get("id")), {}).get("restored")} for one in found]
            parts.append((plural, rest.completed(api, plural, dated)))
        return self.parse(WebhookRequest(POLL, api.base, {}, kept(parts), datetime.now(UTC)), config)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: TwentyConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        """The lead's record, tasks, notes and opportunities; at most five questions."""
        api = self.api(config, credential, http, PATIENCE)
        return Page(f"{api.base}/people?about=one", kept(rest.about(api, lead, self.system(config))), {}, since)

    def ask_again(
        self, records: Sequence[str], config: TwentyConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        """Lists leave deleted records out: those that are asked for by their ids and not in the answer are gone."""
        api, there = self.api(config, credential, http), set()
        for name in self.activities:
            ids = [known.removeprefix(f"{name}:") for known in records if known.startswith(f"{name}:")]
            there |= {f"{name}:{plain(one.get('id'))}" for one in rest.by_ids(api, f"{name}s", ids)}
        missing = [known for known in records if known not in there]
        return Page(f"{api.base}/tasks?again={len(records)}", kept([gone(missing, now)]), {}, now)

    def check(self, config: TwentyConfig, credential: str, http: httpx.Client) -> Checked:
        found = super().check(config, credential, http)
        silent = () if config.channels else (Problem("channels", NO_CHANNELS),)
        return replace(found, problems=(*found.problems, *silent))

    def account(self, api: Api, config: TwentyConfig) -> str:
        api.get("/people", {"limit": 1, "depth": 0})
        return super().account(api, config)

    def statuses(self, api: Api, config: TwentyConfig) -> Sequence[str]:
        return rest.choices(api, config.status_field)

    # --- setting it up

    def sample(self, config: TwentyConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        body = compact(person_updated(config, url, now))
        return WebhookRequest("POST", url, proof_of(body, secret, now), body, now)

    def own_fields(self, config: TwentyConfig) -> Mapping[str, Mapping[str, str]]:
        owner = f"{config.owner_field}Id" if config.owner_field else ""
        person = {config.score_field: "score", config.status_field: "status", owner: "owner", **config.attributes}
        kind = {config.type_field: "channel"} if config.type_field else {"title": "channel and subject"}
        return {"person": {field: word for field, word in person.items() if field}, "task": kind, "note": kind}


def workspace_of(body: bytes) -> str:
    """Empty: the body does not say."""
    try:
        return plain(at_path(read_json(body), "workspaceId"))
    except ValueError:
        return ""


CONNECTOR: Connector[TwentyConfig] = Twenty()
