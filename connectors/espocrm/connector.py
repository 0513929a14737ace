"""EspoCRM: signed webhooks that name records, and the REST API for what the records say."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.api import Api
from connectors.contract import Connector, ExternalId, Lookup, Page, Parsed, Problem, Unverified, WebhookRequest
from connectors.espocrm import api as rest
from connectors.espocrm.config import EspoConfig
from connectors.espocrm.facts import ACTIVITIES, FACTS, FIELDS, excluded
from connectors.records import Finding, Record
from connectors.rounds import GONE, Answered, Place, answers_in, gone, kept
from connectors.signatures import hmac_sha256, required, same, usable
from connectors.tool import POLL, PolledTool, query_values
from connectors.wire import compact, entries, mapping, milliseconds, moment, plain, read_json

SIGNATURE, LEGACY = "Signature", "X-Signature"
#: Seconds that a question about one lead may take.
PATIENCE = 5.0
NO_EVENT = "the webhook's address must end with its event, like ?event=Lead.update: what EspoCRM sends does not name it"


class Espo(PolledTool[EspoConfig]):
    """The secret holds the keys of all webhooks, with commas between them; the credential is an API key."""

    kind = "espocrm"
    config_model = EspoConfig
    role = "sfa"
    brings_secret = True
    facts, fields, activities = FACTS, FIELDS, ACTIVITIES
    objects = tuple(FIELDS)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: EspoConfig, now: datetime) -> None:
        """base64(`id of the webhook:` + hex HMAC-SHA256(body)); up to version 8 the digest itself. It signs no time.

        https://github.com/espocrm/espocrm/blob/9.1.0/application/Espo/Core/Webhook/Sender.php
        """
        keys = usable([key for given in usable(secrets) for key in given.split(",")])
        newer = SIGNATURE.lower() in request.headers
        webhook, digest = parted(required(request.headers, SIGNATURE if newer else LEGACY))
        if config.webhooks and webhook not in config.webhooks:
            raise Unverified("the webhook is not one of those in webhooks")
        made = (hmac_sha256(key, request.body) for key in keys)
        if not any(same(digest, one.hex() if newer else one) for one in made):
            raise Unverified("the signature is not one made with a key of the source over this body")

    def records(self, request: WebhookRequest, config: EspoConfig) -> Iterator[Record | Lookup | Problem]:
        if request.method != POLL:
            yield from named(request)
            return

        def record(name: str, id_: str, fields: Mapping[str, Any], at: datetime | None, *, deleted: bool) -> Record:
            return Record(name, id_, fields, at, request.received_at, config, self.system(config), deleted)

        for name, answer in answers_in(request.body):
            told = mapping(answer) if name != GONE else {}
            for fields in map(mapping, entries(told.get("list"))):
                at = moment(fields.get("modifiedAt")) or moment(fields.get("createdAt"))
                yield record(name, plain(fields.get("id")), fields, at, deleted=False)
            for lost in map(mapping, entries(told.get(rest.MISSING))):
                yield record(name, plain(lost.get("id")), {}, moment(lost.get("at")), deleted=True)

    def gone(self, seen: Record, config: EspoConfig) -> Iterable[Finding]:
        return excluded(seen) if seen.type == "Lead" else super().gone(seen, config)

    # --- the API

    def api(self, config: EspoConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        return rest.api(config, credential, http, patience)

    def page(self, api: Api, place: Place, config: EspoConfig) -> Answered:
        return rest.page(api, place)

    def fetch(self, lookups: Sequence[Lookup], config: EspoConfig, credential: str, http: httpx.Client) -> Parsed:
        api = self.api(config, credential, http)
        body = kept(list(rest.answers(api, lookups)))
        return self.parse(WebhookRequest(POLL, api.base, {}, body, datetime.now(UTC)), config)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: EspoConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        api = self.api(config, credential, http, PATIENCE)
        return Page(
            f"{api.base}/Lead?about=one", kept(list(rest.about(api, lead, self.system(config), since))), {}, since
        )

    def ask_again(
        self, records: Sequence[str], config: EspoConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        """Lists leave deleted records out: those that are asked for by their ids and not in the answer are gone."""
        api, still = self.api(config, credential, http), set()
        for name in self.activities:
            ids = [known.removeprefix(f"{name}:") for known in records if known.startswith(f"{name}:")]
            still |= {f"{name}:{plain(one.get('id'))}" for one in rest.by_ids(api, name, ids)}
        missing = [known for known in records if known not in still]
        return Page(f"{api.base}/Call?again={len(records)}", kept([gone(missing, now)]), {}, now)

    def account(self, api: Api, config: EspoConfig) -> str:
        return f"{rest.user(api)} ({super().account(api, config)})"

    def statuses(self, api: Api, config: EspoConfig) -> Sequence[str]:
        return rest.statuses(api, config.status_field)

    # --- setting it up

    def sample(self, config: EspoConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        changed = {"id": "65f1a2b3c4d5e6f71", config.status_field: "In Process", "modifiedById": "65f1a2b3c4d5e6f72"}
        body = compact([changed])
        key = secret.partition(",")[0]
        proof = f"{(config.webhooks or ['65f1a2b3c4d5e6f70'])[0]}:{hmac_sha256(key, body).hex()}"
        headers = {"content-type": "application/json", SIGNATURE.lower(): base64.b64encode(proof.encode()).decode()}
        address = url if "event=" in url else f"{url}{'&' if '?' in url else '?'}event=Lead.update"
        return WebhookRequest("POST", address, headers, body, now)

    def own_fields(self, config: EspoConfig) -> Mapping[str, Mapping[str, str]]:
        named = {config.score_field: "score", config.status_field: "status", **config.attributes}
        owner = {f"{config.owner_field}Id": "owner"}
        return {"Lead": {field: word for field, word in named.items() if field} | owner, "Contact": owner}


def parted(signature: str) -> tuple[str, bytes]:
    """The webhook's id, and what it proves. A raw digest may hold a colon, too."""
    try:
        webhook, colon, digest = base64.b64decode(signature, validate=True).partition(b":")
        if colon:
            return webhook.decode("ascii"), digest
    except (binascii.Error, ValueError):
        pass
    raise Unverified("the signature is not base64 of a webhook's id, a colon and a digest")


def named(request: WebhookRequest) -> Iterator[Lookup | Problem]:
    """Which records changed. What the body says of them is the state of some moment: they are asked for."""
    event = next(iter(query_values(request.url, "event")), "")
    entity, _, action = event.partition(".")
    if not action:
        yield Problem("address", NO_EVENT)
    elif entity not in FIELDS:
        yield Problem("address", f"of {entity} nothing is read; make webhooks of {', '.join(FIELDS)}")
    else:
        deleted = (("deleted", str(milliseconds(request.received_at))),) if action == "delete" else ()
        yield from asked_for(entity, read_json(request.body), deleted)


def asked_for(entity: str, said: object, context: tuple[tuple[str, str], ...]) -> Iterator[Lookup | Problem]:
    if not isinstance(said, list):
        yield Problem("body", "the body is not a list of records, as EspoCRM sends it")
    for place, entry in enumerate(entries(said)):
        known = plain(mapping(entry).get("id"), 50)
        if known.isalnum() and known.isascii():
            yield Lookup(entity, known, context)
        else:
            yield Problem(f"[{place}].id", "the record has no id; make the webhook anew")


CONNECTOR: Connector[EspoConfig] = Espo()
