"""Marketo Engage: webhooks whose template the customer fills in, and the REST API's log of activities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from connectors.api import Api
from connectors.contract import Answer, Checked, Connector, Problem, WebhookRequest
from connectors.marketo import api as rest
from connectors.marketo.config import ACTIVITIES, MarketoConfig
from connectors.marketo.facts import CHANGE_DATA_VALUE, CHANGE_SCORE, FACTS, FIELDS, MERGE_LEADS, flat, instant
from connectors.records import Record
from connectors.rounds import Answered, Place, answers_in
from connectors.tool import POLL, PolledTool, check_header_token
from connectors.wire import at_path, compact, entries, mapping, plain, read_json

#: The header that the customer sets at the webhook.
HEADER = "X-Tasuki-Token"
#: Lead fields that are read beside the configured ones.
LEAD = ("id", "email", "firstName", "lastName", "company", "updatedAt")


class Marketo(PolledTool[MarketoConfig]):
    """The secret stands in a header of the webhook, the credential is a LaunchPoint service's."""

    kind = "marketo"
    config_model = MarketoConfig
    role = "ma"
    #: Marketo writes an error into its log when an answer is empty.
    answer = Answer(status=200)
    facts, fields = FACTS, FIELDS
    objects = ("activities",)
    #: The log has a beginning and no end: a round of a week would read what follows it again each time.
    round = timedelta(days=3650)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: MarketoConfig, now: datetime) -> None:
        check_header_token(request, secrets, HEADER)

    def records(self, request: WebhookRequest, config: MarketoConfig) -> Iterator[Record]:
        if request.method != POLL:
            yield self.templated(mapping(read_json(request.body)), request, config)
            return
        for _, answer in answers_in(request.body):
            for entry in entries(at_path(answer, "leads.result")):
                yield self.record("lead", mapping(entry), ("id", "updatedAt"), request, config)
            for entry in entries(at_path(answer, "activities.result")):
                known = "marketoGUID" if plain(mapping(entry).get("marketoGUID")) else "id"
                yield self.record("activity", flat(mapping(entry)), (known, "activityDate"), request, config)

    def record(
        self,
        type_: str,
        fields: Mapping[str, Any],
        names: tuple[str, str],
        request: WebhookRequest,
        config: MarketoConfig,
    ) -> Record:
        id_, at = (fields.get(name) for name in names)
        return Record(type_, plain(id_), fields, instant(at), request.received_at, config, self.system(config))

    def templated(self, told: Mapping[str, Any], request: WebhookRequest, config: MarketoConfig) -> Record:
        """Without a time that can be read it happened when it arrived."""
        at = instant(told.get("sentAt"), ZoneInfo(config.time_zone))
        id_, system = plain(told.get("leadId")), self.system(config)
        return Record("webhook", id_, told, at, request.received_at, config, system)

    # --- the API

    def api(self, config: MarketoConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        return rest.api(config, credential, http, patience)

    def page(self, api: Api, place: Place, config: MarketoConfig) -> Answered:
        """A page of the log, and the leads in it. A page may be short, even empty, and still not the last one."""
        token = place.page or plain(mapping(api.get("/rest/v1/activities/pagingtoken.json", since(place))).get(TOKEN))
        types = {CHANGE_DATA_VALUE, CHANGE_SCORE, MERGE_LEADS, *ACTIVITIES, *config.activities}
        asked = {"activityTypeIds": ",".join(map(str, sorted(types))), TOKEN: token}
        found = mapping(api.get("/rest/v1/activities.json", asked))
        ids = dict.fromkeys(plain(mapping(entry).get("leadId")) for entry in entries(found.get("result")))
        answer = {"activities": found, "leads": rest.leads(api, list(ids), names(config)) if ids else {}}
        following = plain(found.get(TOKEN)) if found.get("moreResult") is True else ""
        return Answered(f"{api.base}/rest/v1/activities.json?{asked['activityTypeIds']}", answer, following or None)

    def check(self, config: MarketoConfig, credential: str, http: httpx.Client) -> Checked:
        api = self.api(config, credential, http)
        known = entries(mapping(api.get("/rest/v1/leads/describe.json")).get("result"))
        there = {plain(at_path(field, "rest.name")) for field in known}
        problems = [
            Problem(name, f"{field!r} is no lead field of this instance; name one by its REST API name")
            for name, field in (("score_field", config.score_field), ("status_field", config.status_field))
            if field and field not in there
        ]
        found = super().check(config, credential, http)
        return Checked(found.account, (*problems, *found.problems))

    # --- setting it up

    def sample(self, config: MarketoConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        at = f"{now.astimezone(ZoneInfo(config.time_zone)):%Y-%m-%d %H:%M:%S}"
        who = {"leadId": 51, "email": "yamada@example.jp", "firstName": "太郎", "lastName": "山田"}
        said = {
            "company": "株式会社みなと精機",
            "score": "82",
            "activity": "download",
            "asset": "導入事例集",
            "sentAt": at,
        }
        headers = {"content-type": "application/json", HEADER.lower(): secret}
        return WebhookRequest("POST", url, headers, compact(who | said), now)

    def own_fields(self, config: MarketoConfig) -> Mapping[str, Mapping[str, str]]:
        named = {config.score_field: "score", config.status_field: "status", **config.attributes}
        return {"lead": {field: word for field, word in named.items() if field}}


TOKEN = "nextPageToken"  # noqa: S105 - a name


def since(place: Place) -> dict[str, str]:
    return {"sinceDatetime": f"{place.reach:%Y-%m-%dT%H:%M:%SZ}"}


def names(config: MarketoConfig) -> list[str]:
    return [name for name in (*LEAD, config.score_field, config.status_field, *config.attributes) if name]


CONNECTOR: Connector[MarketoConfig] = Marketo()
