"""kintone: webhooks with a secret in the URL, and the REST API for the many changes that kintone tells nobody of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.api import Api
from connectors.contract import Checked, Connector, ExternalId, Lookup, Page, Parsed, Problem, Shown, WebhookRequest
from connectors.kintone import api as rest
from connectors.kintone import checking, questions, samples
from connectors.kintone.api import at_minute, records
from connectors.kintone.config import KintoneConfig
from connectors.kintone.facts import DELETION, FACTS, FIELDS, TYPES, flat, instant, record_id, stamp
from connectors.records import Record
from connectors.rounds import GONE, Answered, Place, answers_in, gone, kept
from connectors.tool import POLL, PolledTool, check_url_token
from connectors.wire import at_path, entries, mapping, plain, read_json

#: Seconds that a question about one lead may take.
PATIENCE = 5.0
#: What a notice may be about; a comment says nothing.
CHANGES = ("ADD_RECORD", "UPDATE_RECORD", "UPDATE_STATUS")
COMMENT, DELETED = "ADD_RECORD_COMMENT", "DELETE_RECORD"


class Kintone(PolledTool[KintoneConfig]):
    """The secret is the `token` of the webhooks' URL, the credential the API tokens of the apps, behind commas."""

    kind = "kintone"
    config_model = KintoneConfig
    role = "sfa"
    secret_in_url = True
    facts, fields, activities = FACTS, FIELDS, ("activity",)
    objects = tuple(FIELDS)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: KintoneConfig, now: datetime) -> None:
        check_url_token(request, secrets)

    def records(self, request: WebhookRequest, config: KintoneConfig) -> Iterator[Record | Lookup | Problem]:
        if request.method != POLL:
            yield from self.noticed(mapping(read_json(request.body)), request, config)
            return
        for name, answer in answers_in(request.body):
            if name != GONE:
                told = mapping(answer)
                yield from self.shown_as("lead", entries(told.get("leads")), request, config)
                yield from self.shown_as(name, entries(told.get("records")), request, config)

    def noticed(
        self, notice: Mapping[str, Any], request: WebhookRequest, config: KintoneConfig
    ) -> Iterator[Record | Lookup | Problem]:
        """https://cybozu.dev/ja/kintone/docs/overview/webhook"""
        number, type_ = plain(at_path(notice, "app.id")), plain(notice.get("type"))
        name = next((name for name, app in config.apps.items() if str(app.app) == number), None)
        if name is None:
            which = "lead.app, activity.app or deal.app"
            yield Problem("app", f"app {number or '?'} is not {which}; name it there or remove the app's webhook")
        elif type_ in CHANGES:
            for seen in self.shown_as(name, [notice.get("record")], request, config):
                yield from questions.left_open(seen, config) if isinstance(seen, Record) else ()
                yield seen
        elif type_ == DELETED:
            yield self.deleted(name, number, notice, request, config)
        elif type_ != COMMENT:
            yield Problem("type", f"{type_!r} is no kind of notification that Tasuki knows")

    def deleted(
        self, name: str, number: str, notice: Mapping[str, Any], request: WebhookRequest, config: KintoneConfig
    ) -> Record | Problem:
        id_, at = record_id(notice.get("recordId")), instant(notice.get("deletedAt"))
        if not id_ or at is None:
            return Problem(f"{name} {id_}".strip(), "the notification does not say which record was deleted, or when")
        known, system = f"{number}-{id_}", self.system(config)
        return Record(name, known, {}, at + DELETION, request.received_at, config, system, deleted=True)

    def shown_as(
        self, name: str, shown: Iterable[object], request: WebhookRequest, config: KintoneConfig
    ) -> Iterator[Record | Lookup | Problem]:
        """Records of one app, as a webhook or the API writes them."""
        app, polled = config.apps.get(name), request.method == POLL
        for one in shown:
            fields = flat(mapping(one))
            id_, at = record_id(fields.get("$id")), stamp(fields)
            if app is None or not id_:
                yield Problem(name or "record", "it is no record with an $id of an app of this source")
            elif at:
                known = f"{app.app}-{id_}"
                yield Record(name, known, fields, at, request.received_at, config, self.system(config))
            elif polled:
                yield Problem(f"{name} {id_}", "it has no 更新日時 (Updated datetime), so nobody knows how old it is")
            else:
                yield Lookup(name, id_, (("field", "$id"),))

    # --- the API

    def api(self, config: KintoneConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        return rest.api(config, credential, http, patience)

    def page(self, api: Api, place: Place, config: KintoneConfig) -> Answered:
        """By $id, so that a record that changes meanwhile pushes no other one out of sight."""
        app, last = config.apps.get(place.object), int(place.page or 0)
        if app is None:
            return Answered(f"{api.base}/records.json", {})
        changed = f"{app.updated} >= {at_minute(place.reach)} and {app.updated} <= {at_minute(place.until)}"
        query = f"{changed} and $id > {last} order by $id asc limit {rest.LIMIT}"
        found = records(api, app, query)
        answer = {"leads": questions.leads_of(api, place.object, found, config), "records": found}
        end = record_id(flat(found[-1]).get("$id")) if len(found) >= rest.LIMIT else ""
        return Answered(f"{api.base}/records.json?app={app.app}&query={query}", answer, end or None)

    def fetch(self, lookups: Sequence[Lookup], config: KintoneConfig, credential: str, http: httpx.Client) -> Parsed:
        api = self.api(config, credential, http)
        body = kept(questions.answers(api, lookups, config))
        return self.parse(WebhookRequest(POLL, api.base, {}, body, datetime.now(UTC)), config)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: KintoneConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        """The lead's record, activities and deals; three questions."""
        api = self.api(config, credential, http, PATIENCE)
        parts = questions.about(api, lead, since, config, self.system(config))
        return Page(f"{api.base}/records.json?app={config.lead.app}&about=one", kept(parts), {}, since)

    def ask_again(
        self, records: Sequence[str], config: KintoneConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        """Polls do not show deletions: activities that are asked for by $id and not in the answer are gone."""
        api = self.api(config, credential, http)
        missing = questions.missing(api, records, config)
        return Page(f"{api.base}/records.json?app={config.activity.app}", kept([gone(missing, now)]), {}, now)

    def check(self, config: KintoneConfig, credential: str, http: httpx.Client) -> Checked:
        api, now = self.api(config, credential, http), datetime.now(UTC)
        return checking.check(api, config, lambda name: self.page(api, Place(now, now, name), config))

    # --- setting it up

    def sample(self, config: KintoneConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        return samples.sample(config, secret, url, now)

    def shown(self, request: WebhookRequest, config: KintoneConfig) -> Iterator[Shown]:
        for one in super().shown(request, config):
            yield Shown(one.object, {code: value for code, value in one.fields.items() if code != TYPES})

    def own_fields(self, config: KintoneConfig) -> Mapping[str, Mapping[str, str]]:
        own = {name: app.codes() for name, app in config.apps.items()}
        return own | {"lead": config.attributes | own.get("lead", {})}


CONNECTOR: Connector[KintoneConfig] = Kintone()
