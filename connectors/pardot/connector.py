"""Account Engagement (Pardot): it sends nothing, so its prospects and their activities are asked for.

https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.api import Api, Grant
from connectors.asking import Limiter, body_of
from connectors.contract import AskFailed, Connector, WebhookRequest
from connectors.pardot.config import UNIT, PardotConfig
from connectors.pardot.facts import BESIDE, FACTS, FIELDS, OBJECTS, changed_at, zone
from connectors.records import Record
from connectors.rounds import Answered, Place, answers_in, kept
from connectors.salesforce import access
from connectors.tool import POLL, PolledTool
from connectors.wire import entries, mapping, moment, number, plain

#: 25,000 to 100,000 requests a day by edition, five at once.
LIMITER = Limiter(rate=2, burst=5)
LIMIT = 1000
KINDS = {"prospects": "prospect", "visitor-activities": "activity"}
PROSPECT = ("id", "email", "firstName", "lastName", "company", "salesforceId", "updatedAt", "lastActivityAt")
ACTIVITY = ("id", "prospectId", "type", "typeName", "details", "createdAt", "updatedAt")
#: Code of an error → seconds until another try makes sense: too many at once, too many today.
LATER_BY_CODE = {66: 5.0, 122: 3600.0}


class Pardot(PolledTool[PardotConfig]):
    """The credential is the one of a Salesforce source, of a connected app with the scope pardot_api."""

    kind = "pardot"
    config_model = PardotConfig
    role = "ma"
    sends_webhooks = False
    facts, fields = FACTS, FIELDS
    objects = tuple(KINDS)

    def records(self, request: WebhookRequest, config: PardotConfig) -> Iterator[Record]:
        for name, answer in answers_in(request.body):
            for fields in map(mapping, entries(mapping(answer).get("values"))):
                kind = KINDS.get(name, "")
                at = changed_at(fields, config) if kind == "prospect" else moment(fields.get("updatedAt"), zone(config))
                id_, system = plain(fields.get("id")), self.system(config)
                yield Record(kind, id_, fields, at, request.received_at, config, system)

    # --- the API

    def api(self, config: PardotConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        known = access.read(credential)
        if not config.business_unit_id:
            raise AskFailed(UNIT)
        grant = Grant(
            access.token_url(known), lambda: access.form(known, time.time()), known.digest, http, access.LIMITER
        )
        unit, given = {"Pardot-Business-Unit-Id": config.business_unit_id}, known.access_token

        def proof() -> Mapping[str, str]:
            return unit | ({"Authorization": f"Bearer {given}"} if given else grant.proof())

        renew = (lambda: False) if given else grant.renew
        return PardotApi(
            f"{config.api_base}/api/v5/objects", http, LIMITER, known.digest, proof, renew, patience=patience
        )

    def page(self, api: Api, place: Place, config: PardotConfig) -> Answered:
        """By id within what changed: a page can be asked for again at any time, which Pardot's own token of four hours
        and 100,000 rows does not allow, and what changes meanwhile pushes nothing out of sight."""
        after = number(place.page) or 0
        span = {"updatedAtAfterOrEqualTo": stamp(place.reach), "updatedAtBefore": stamp(place.until)}
        order = {"orderBy": "id", "idGreaterThan": after, "limit": LIMIT}
        answer = mapping(api.get(f"/{place.object}", {"fields": wanted(place.object, config)} | span | order))
        found = entries(answer.get("values"))
        last = max((number(mapping(one).get("id")) or 0 for one in found), default=0)
        more = last > after and (len(found) >= LIMIT or bool(answer.get("nextPageToken")))
        url = f"{api.base}/{place.object}?updatedAt={stamp(place.reach)}&idGreaterThan={after}"
        return Answered(url, {"values": found}, last if more else None)

    def account(self, api: Api, config: PardotConfig) -> str:
        """Raises AskFailed when Salesforce gives no token at all."""
        api.proof()
        return config.business_unit_id

    # --- setting it up

    def sample(self, config: PardotConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        """An answer, as it sends nothing."""
        at = now.astimezone(zone(config)).isoformat(timespec="seconds")
        who = {"id": 565722, "email": "yamada@example.jp", "firstName": "太郎", "lastName": "山田"}
        said = {"company": "株式会社みなと精機", config.score_field: 82, "updatedAt": at, "lastActivityAt": at}
        file = {"fileId": 7, "file": {"name": "導入事例集.pdf"}}
        act = {"id": 901, "prospectId": 565722, "type": 2, "createdAt": at, **file}
        parts = [("prospects", {"values": [who | said]}), ("visitor-activities", {"values": [act | {"updatedAt": at}]})]
        return WebhookRequest(POLL, f"{config.api_base}/api/v5/objects/prospects", {}, kept(parts), now)

    def own_fields(self, config: PardotConfig) -> Mapping[str, Mapping[str, str]]:
        named = {config.score_field: "score", config.status_field: "status", **config.attributes}
        return {"prospect": {field: word for field, word in named.items() if field}}


class PardotApi(Api):
    """Says "too many" with a number of its own, whatever the status of the answer is."""

    def answer(self, method: str, path: str, **rest: Any) -> httpx.Response:
        response = super().answer(method, path, **{**rest, "answers": (400, 403)})
        if not response.is_success:
            raise refusal(response)
        return response


def refusal(response: httpx.Response) -> AskFailed:
    host, code = response.request.url.host, number(mapping(body_of(response)).get("code"))
    if code in LATER_BY_CODE:
        return AskFailed(f"{host} asks for fewer requests ({code})", LATER_BY_CODE[int(code)])
    what = f"{response.status_code}, {code}" if isinstance(code, int) else str(response.status_code)
    if response.status_code == 403:
        rights = "a role that sees prospects and visitors, and the connected app the scope pardot_api"
        return AskFailed(f"{host} does not let the credential read this ({what}): its user needs {rights}")
    return AskFailed(f"{host} refused the question ({what}): check business_unit_id and the names of the fields")


def wanted(name: str, config: PardotConfig) -> str:
    """Pardot answers with nothing that is not asked for by its name."""
    if name == "prospects":
        fields = [*PROSPECT, config.score_field, config.status_field, *config.attributes]
    else:
        about = [field for one in OBJECTS for field in (f"{one}Id", f"{one}.name")]
        fields = [*ACTIVITY, *about, *(f"prospect.{field}" for field in (*BESIDE, config.score_field) if field)]
    return ",".join(dict.fromkeys(field for field in fields if field))


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


CONNECTOR: Connector[PardotConfig] = Pardot()
