"""Pipedrive: webhooks v2 with a password, and the REST API v2 for what they missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.api import Api, digest_of
from connectors.asking import Limiter
from connectors.contract import EMAIL, Connector, ExternalId, Page, Unverified, WebhookRequest
from connectors.pipedrive.config import PipedriveConfig
from connectors.pipedrive.facts import FACTS, FIELDS, OWNER, flat
from connectors.records import Record
from connectors.rounds import Answered, Place, answers_in, gone, kept
from connectors.tool import POLL, PolledTool, basic, check_basic
from connectors.wire import at_path, compact, entries, mapping, moment, plain, read_json

#: Pipedrive counts in windows of two seconds, 20 to 100 by plan; the day's budget is larger than a poll needs.
LIMITER = Limiter(rate=5, burst=10)
LIMIT = 500
#: Objects of the API → what one of them is called in webhooks.
ENTITIES = {"persons": "person", "activities": "activity", "deals": "deal"}
#: People of one lead, and seconds, that a question about a lead may take.
MOST, PATIENCE = 3, 5.0


class Pipedrive(PolledTool[PipedriveConfig]):
    """The secret is the HTTP Basic password of the webhook, the credential an API token."""

    kind = "pipedrive"
    config_model = PipedriveConfig
    role = "sfa"
    facts, fields, activities = FACTS, FIELDS, ("activity",)
    objects = tuple(ENTITIES)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: PipedriveConfig, now: datetime) -> None:
        check_basic(request, secrets)
        if config.company_id and company_of(request.body) != config.company_id:
            raise Unverified("the webhook comes from another company than company_id")

    def records(self, request: WebhookRequest, config: PipedriveConfig) -> Iterator[Record]:
        if request.method == POLL:
            for name, answer in answers_in(request.body):
                for data in entries(mapping(answer).get("data")):
                    yield self.record(ENTITIES.get(name, ""), mapping(data), request, config)
            return
        notice = mapping(read_json(request.body))
        meta, data, former = (mapping(notice.get(name)) for name in ("meta", "data", "previous"))
        entity, deleted = plain(meta.get("entity")), meta.get("action") == "delete"
        gone = former | {"id": meta.get("entity_id"), "update_time": meta.get("timestamp")}
        yield self.record(entity, gone if deleted else data, request, config, deleted=deleted)

    def record(
        self,
        entity: str,
        data: Mapping[str, Any],
        request: WebhookRequest,
        config: PipedriveConfig,
        *,
        deleted: bool = False,
    ) -> Record:
        id_, changed_at = plain(data.get("id")), moment(data.get("update_time"))
        return Record(entity, id_, flat(data), changed_at, request.received_at, config, self.system(config), deleted)

    # --- the API

    def api(self, config: PipedriveConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        token = {"x-api-token": credential.strip()}
        return Api(f"{config.api_base}/api", http, LIMITER, digest_of(credential), lambda: token, patience=patience)

    def page(self, api: Api, place: Place, config: PipedriveConfig) -> Answered:
        """https://developers.pipedrive.com/docs/api/v1/Persons (v2): by cursor, oldest change first."""
        asked = changed(place.reach) | {"updated_until": stamp(place.until), "sort_by": "update_time"}
        answer = api.get(f"/v2/{place.object}", asked | ({"cursor": place.page} if place.page else {}))
        following = plain(at_path(answer, "additional_data.next_cursor"))
        return Answered(f"{api.base}/v2/{place.object}", answer, following or None)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: PipedriveConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        """The lead's activities and deals; two requests for each person that the lead is."""
        api = self.api(config, credential, http, PATIENCE)
        known = [one.value for one in lead if one.system == self.system(config)]
        people = (known or found_by_address(api, [one.value for one in lead if one.system == EMAIL]))[:MOST]
        parts = [
            (name, api.get(f"/v2/{name}", changed(since) | {"person_id": person}))
            for person in people
            for name in ("activities", "deals")
        ]
        return Page(f"{api.base}/v2/persons?about={','.join(people)}", kept(parts), {}, since)

    def ask_again(
        self, records: Sequence[str], config: PipedriveConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        """Lists leave deleted activities out: those that are asked for by their ids and not in the answer are gone."""
        api = self.api(config, credential, http)
        ids = ",".join(name.removeprefix("activity:") for name in records)
        answer = api.get("/v2/activities", {"ids": ids, "limit": LIMIT})
        there = {f"activity:{plain(mapping(known).get('id'))}" for known in entries(mapping(answer).get("data"))}
        missing = [name for name in records if name not in there]
        return Page(f"{api.base}/v2/activities?ids={ids}", kept([gone(missing, now)]), {}, now)

    def account(self, api: Api, config: PipedriveConfig) -> str:
        return plain(at_path(api.get("/v1/users/me"), "data.company_name"))

    def statuses(self, api: Api, config: PipedriveConfig) -> Iterator[str]:
        """The choices of the status field, by their numbers: records name them so."""
        answer = api.get(f"/v1/personFields/{config.status_field}") if config.status_field else None
        for option in entries(at_path(answer, "data.options")):
            yield plain(mapping(option).get("id"))

    # --- setting it up

    def sample(self, config: PipedriveConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        at = stamp(now)
        call = {"id": 2, "type": "call", "done": True, "person_id": 10, "owner_id": 12, "subject": "初回のご連絡"}
        meta = {"action": "change", "entity": "activity", "entity_id": "2", "company_id": config.company_id or "1"}
        body = {"data": call | {"add_time": at, "update_time": at, "marked_as_done_time": at}, "meta": meta}
        return WebhookRequest("POST", url, {"authorization": basic(secret)}, compact(body), now)

    def own_fields(self, config: PipedriveConfig) -> Mapping[str, Mapping[str, str]]:
        named = {config.score_field: "score", config.status_field: "status", **config.attributes}
        person = {field: word for field, word in named.items() if field} | {config.owner_field: "owner"}
        return {"person": person} | ({"lead": {OWNER: "owner"}} if config.owner_field == OWNER else {})


def changed(since: datetime) -> dict[str, Any]:
    return {"updated_since": stamp(since), "limit": LIMIT}


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def company_of(body: bytes) -> str:
    """Empty: the body does not say."""
    try:
        return plain(at_path(read_json(body), "meta.company_id"))
    except ValueError:
        return ""


def found_by_address(api: Api, addresses: Sequence[str]) -> list[str]:
    """Only where no tool gave the lead an id of Pipedrive's."""
    found = []
    for address in addresses[:MOST]:
        answer = api.get("/v2/persons/search", {"term": address, "fields": "email", "exact_match": "true"})
        found += [plain(at_path(item, "item.id")) for item in entries(at_path(answer, "data.items"))]
    return [known for known in found if known]


CONNECTOR: Connector[PipedriveConfig] = Pipedrive()
