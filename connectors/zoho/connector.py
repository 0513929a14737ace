"""Zoho CRM: notifications that name records by their ids, and the REST API v7 for everything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.api import Api
from connectors.contract import (
    EMAIL,
    AskFailed,
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
from connectors.rounds import GONE, Answered, Place, answers_in, kept
from connectors.signatures import same, usable
from connectors.tool import POLL, PolledTool
from connectors.wire import at_path, compact, entries, mapping, milliseconds, moment, plain, read_json
from connectors.zoho import api as rest
from connectors.zoho import channel, lists, questions
from connectors.zoho.config import ZohoConfig
from connectors.zoho.facts import FACTS, FIELDS, PEOPLE, excluded, flat, own_fields

#: People of one lead, and seconds, that a question about a lead may take.
MOST, PATIENCE = 3, 5.0
TOKEN = re.compile(rb'("token"\s*:\s*)"(?:[^"\\]|\\.)*"')
CHANGED, REMOVED = ("insert", "update"), "delete"


class Zoho(PolledTool[ZohoConfig]):
    """The secret is the token of the notification channel, the credential a refresh token with its client."""

    kind = "zoho"
    config_model = ZohoConfig
    role = "sfa"
    facts, fields, activities = FACTS, FIELDS, ("Calls", "Events", "Tasks")
    objects = tuple(FACTS)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: ZohoConfig, now: datetime) -> None:
        """Zoho does not sign: it repeats the token that the channel was made with."""
        known, notice = usable(secrets), notice_in(request.body)
        given = plain(notice.get("token"))
        if not given:
            raise Unverified("the notification holds no token")
        if not any(same(given, secret) for secret in known):
            raise Unverified("the token is not one of the source's secrets")
        if config.channel_id and plain(notice.get("channel_id")) != config.channel_id:
            raise Unverified("the notification comes from another channel than channel_id")

    def to_store(self, body: bytes) -> bytes:
        return TOKEN.sub(rb'\1"-"', body)

    def records(self, request: WebhookRequest, config: ZohoConfig) -> Iterator[Record | Lookup | Problem]:
        if request.method != POLL:
            yield from noticed(mapping(read_json(request.body)), request, self, config)
            return
        for name, answer in answers_in(request.body):
            told = mapping(answer) if name != GONE else {}
            for data in entries(told.get("data")):
                yield self.record(name, mapping(data), request, config)
            for data in map(mapping, entries(told.get("deleted"))):
                yield from self.removed(name, data.get("id"), moment(data.get("deleted_time")), request, config)
            for data in map(mapping, entries(told.get("missing"))):
                yield self.deleted(name, plain(data.get("id")), moment(data.get("at")), request, config)

    def record(self, module: str, data: Mapping[str, Any], request: WebhookRequest, config: ZohoConfig) -> Record:
        changed_at, system = moment(data.get("Modified_Time")), self.system(config)
        return Record(
            module, plain(data.get("id")), flat(data, config), changed_at, request.received_at, config, system
        )

    def deleted(
        self, module: str, id_: str, at: datetime | None, request: WebhookRequest, config: ZohoConfig
    ) -> Record:
        return Record(module, id_, {}, at, request.received_at, config, self.system(config), deleted=True)

    def removed(
        self, module: str, id_: object, at: datetime | None, request: WebhookRequest, config: ZohoConfig
    ) -> Iterator[Record | Lookup]:
        """Whether a lead is gone or was converted is asked: Zoho takes both out of its lists."""
        known = plain(id_)
        if module in PEOPLE and known:
            yield Lookup(module, known, (("deleted", str(milliseconds(at or request.received_at))),))
        elif known:
            yield self.deleted(module, known, at, request, config)

    def gone(self, seen: Record, config: ZohoConfig) -> Iterator[Finding]:
        if seen.type in PEOPLE:
            yield from excluded(seen)
        yield from super().gone(seen, config)

    # --- the API

    def api(self, config: ZohoConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        return rest.api(config, credential, http, patience)

    def page(self, api: Api, place: Place, config: ZohoConfig) -> Answered:
        return lists.page(api, place, config)

    def fetch(self, lookups: Sequence[Lookup], config: ZohoConfig, credential: str, http: httpx.Client) -> Parsed:
        api = self.api(config, credential, http)
        body = kept(list(questions.answers(api, lookups, config)))
        return self.parse(WebhookRequest(POLL, api.base, {}, body, datetime.now(UTC)), config)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: ZohoConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        """The lead's status and what was done about it: four questions, and one more for each kind that was found."""
        api = self.api(config, credential, http, PATIENCE)
        people = [one.value for one in lead if one.system == self.system(config) and one.value.isalnum()]
        if not people:
            addresses = [one.value for one in lead if one.system == EMAIL][:MOST]
            people = [known for address in addresses for known in questions.of_address(api, address)]
        some, parts = people[:MOST], list[tuple[str, Any]]()
        if some:
            parts += [*questions.by_ids(api, "Leads", some, config), *questions.done_about(api, some, since, config)]
        return Page(f"{api.base}/Leads?about={','.join(some)}", kept(parts), {}, since)

    def subscribe(
        self, config: ZohoConfig, secret: str, url: str, credential: str, http: httpx.Client, now: datetime
    ) -> datetime:
        return channel.subscribe(self.api(config, credential, http), config, secret, url, now)

    def check(self, config: ZohoConfig, credential: str, http: httpx.Client) -> Checked:
        """Also the choices of stages, and whether the credential may open a notification channel."""
        checked, api = super().check(config, credential, http), self.api(config, credential, http)
        problems, statuses = list(checked.problems), tuple[str, ...]()
        try:
            statuses = tuple(choices(api, "Leads", config.status_field))
            for stage in choices(api, "Deals", "Stage"):
                if config.state(stage) is None:
                    reason = f"nobody said what {stage!r} is; add it to deal_stages as open, won or lost"
                    problems.append(Problem("Deals Stage", reason))
        except AskFailed as failed:
            problems.append(Problem("settings", str(failed)))
        try:
            rest.asked(api, "/actions/watch", {"page": 1, "per_page": 1})
        except AskFailed as failed:
            problems.append(Problem("notifications", str(failed)))
        return replace(checked, problems=tuple(problems), statuses=statuses)

    def account(self, api: Api, config: ZohoConfig) -> str:
        """Raises AskFailed when Zoho gives no access token at all."""
        try:
            organisation = entries(rest.asked(api, "/org", {}).get("org"))
        except rest.NotAllowed:
            organisation = []
        return plain(at_path(organisation[0], "company_name")) if organisation else super().account(api, config)

    # --- setting it up

    def sample(self, config: ZohoConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        notice = {
            "server_time": milliseconds(now),
            "query_params": {},
            "module": "Leads",
            "resource_uri": f"{config.api_base}/crm/v7/Leads",
            "ids": ["5725767000003000064"],
            "affected_fields": [{"5725767000003000064": [config.status_field]}],
            "operation": "update",
            "channel_id": channel.channel_of(config, url),
            "token": secret,
        }
        return WebhookRequest("POST", url, {"content-type": "application/json"}, compact(notice), now)

    def own_fields(self, config: ZohoConfig) -> Mapping[str, Mapping[str, str]]:
        return {module: own_fields(module, config) for module in PEOPLE}


def notice_in(body: bytes) -> dict[str, Any]:
    try:
        return mapping(read_json(body))
    except ValueError:
        return {}


def noticed(
    notice: Mapping[str, Any], request: WebhookRequest, zoho: Zoho, config: ZohoConfig
) -> Iterator[Record | Lookup | Problem]:
    """Ids alone: what changed is asked for. `module` is right where `resource_uri` names another one."""
    module, operation = plain(notice.get("module")), plain(notice.get("operation"))
    ids = list(dict.fromkeys(known for one in entries(notice.get("ids")) if (known := plain(one)).isalnum()))
    if not module or not ids:
        yield Problem("ids", "the notification does not say which records changed; make the channel anew")
    elif operation not in (*CHANGED, REMOVED):
        yield Problem("operation", f"{operation!r} is no operation that Tasuki knows")
    elif module in FACTS:
        for known in ids:
            if operation in CHANGED:
                yield Lookup(module, known)
            else:
                yield from zoho.removed(module, known, moment(notice.get("server_time")), request, config)


def choices(api: Api, module: str, field: str) -> Iterator[str]:
    """https://www.zoho.com/crm/developer/docs/api/v7/field-meta.html"""
    for known in map(mapping, entries(rest.asked(api, "/settings/fields", {"module": module}).get("fields"))):
        if known.get("api_name") == field:
            words = (plain(mapping(one).get("actual_value")) for one in entries(known.get("pick_list_values")))
            yield from (word for word in words if word and word != "-None-")


CONNECTOR: Connector[ZohoConfig] = Zoho()
