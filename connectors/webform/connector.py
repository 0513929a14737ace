"""Whatever can post a form, JSON of the customer's making, a CSV file, or ids alone: SATORI, BowNow and others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import httpx

from connectors.contract import Checked, Connector, Lookup, Parsed, Problem, Shown, WebhookRequest
from connectors.records import Record
from connectors.rounds import GONE, answers_in, kept
from connectors.signatures import required
from connectors.tool import POLL, Tool, check_basic, check_header_token, check_url_token, query_values, with_token
from connectors.webform import thin
from connectors.webform.config import Thin, WebFormConfig
from connectors.webform.facts import message
from connectors.webform.messages import messages_in
from connectors.wire import mapping, moment, plain

NOTHING_HAPPENS = "no message says that something happened: name a field as fields.event and its words in events"
NOWHERE = "the answer holds nobody with this id; say in thin.record where the person stands, and in fields.id its id"
#: Answers that a tool may give about an id that does not exist.
NO_SUCH = (400, 404, 410, 422)


class WebForm(Tool[WebFormConfig]):
    """The secret is a token; the credential is for thin messages only."""

    kind = "webform"
    config_model = WebFormConfig
    role = "ma"
    secret_in_url = True
    facts, fields = {"message": message}, {"message": {}}

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: WebFormConfig, now: datetime) -> None:
        """The secret in the URL, in a header, or as the password of Basic: whichever place holds something, in this
        order, must hold the secret."""
        if [*query_values(request.url, "token")]:
            check_url_token(request, secrets)
        elif request.headers.get(config.token_header.lower(), "").strip():
            check_header_token(request, secrets, config.token_header)
        elif required(request.headers, "Authorization").lower().startswith("basic"):
            check_basic(request, secrets)
        else:
            check_header_token(request, secrets, "Authorization")

    def records(self, request: WebhookRequest, config: WebFormConfig) -> Iterator[Record | Lookup | Problem]:
        if request.method == POLL:
            for name, answer in answers_in(request.body):
                told = mapping(answer) if name != GONE else {}
                if nowhere := plain(told.get("nowhere")):
                    yield Problem(f"id {nowhere}", NOWHERE)
                if fields := mapping(told.get("fields")):
                    received_at = moment(told.get("received")) or request.received_at
                    yield self.record(plain(fields.get(config.fields.id)), fields, received_at, config)
            return
        for place, fields in messages_in(request, config.encoding, config.items):
            seen = self.record(place or "body", fields, request.received_at, config)
            if config.thin.url:
                yield from thin.questions(seen, config)
            else:
                yield seen

    def record(self, place: str, fields: Mapping[str, Any], received_at: datetime, config: WebFormConfig) -> Record:
        return Record("message", place, fields, None, received_at, config, self.system(config))

    def shown(self, request: WebhookRequest, config: WebFormConfig) -> Iterator[Shown]:
        """Of thin messages, too, what they hold themselves."""
        whole = config.model_copy(update={"thin": Thin()})
        with suppress(ValueError):
            yield from super().shown(request, whole)

    # --- asking back

    def fetch(self, lookups: Sequence[Lookup], config: WebFormConfig, credential: str, http: httpx.Client) -> Parsed:
        api = thin.api(config.thin, credential, http)
        body = kept(list(thin.answers(api, lookups, config)))
        return self.parse(WebhookRequest(POLL, api.base, {}, body, datetime.now(UTC)), config)

    def check(self, config: WebFormConfig, credential: str, http: httpx.Client) -> Checked:
        """Asks for an id that hardly exists: whether the credential is taken shows all the same."""
        api = thin.api(config.thin, credential, http)
        api.get(thin.path_of(config.thin, ["0"], api.base), gone=NO_SUCH)
        silent = not config.events and config.otherwise == "lead"
        return Checked(urlsplit(api.base).hostname or "", (Problem("events", NOTHING_HAPPENS),) if silent else ())

    # --- setting it up

    def sample(self, config: WebFormConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        """A form with the source's own names: somebody downloads something, or whatever its first word means."""
        names = config.fields
        family, given = [*names.name, "", ""][:2]
        at = f"{now.astimezone(ZoneInfo(config.zone)):%Y-%m-%d %H:%M:%S}"
        told = {family: "山田", given: "太郎"} if given else {family: "山田 太郎"}
        told |= {names.id: "1024", names.email: "yamada@minato.example", names.company: "株式会社みなと精機"}
        told |= {names.event: next(iter(config.events), ""), names.asset: "導入事例集", names.score: "86"}
        told |= {names.at: at, names.key: "message-1"} | dict.fromkeys(config.attributes, "製造")
        told |= {config.thin.ids: "1024"} if config.thin.url else {}
        encoding = config.encoding or "utf-8"
        body = urlencode({name: value for name, value in told.items() if name}, encoding=encoding).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return WebhookRequest("POST", with_token(url, secret), headers, body, now)

    def own_fields(self, config: WebFormConfig) -> Mapping[str, Mapping[str, str]]:
        ids = {config.thin.ids: "id"} if config.thin.url else {}
        return {"message": config.fields.named() | ids | config.attributes}


CONNECTOR: Connector[WebFormConfig] = WebForm()
