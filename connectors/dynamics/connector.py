"""Dynamics 365 Sales on Dataverse: webhooks with the execution context, and the Web API for everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from connectors import rounds
from connectors.api import Api
from connectors.contract import (
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
from connectors.dynamics import api as rest
from connectors.dynamics import tracking
from connectors.dynamics.config import DynamicsConfig
from connectors.dynamics.facts import FACTS, FIELDS, PEOPLE, STATES, excluded, own_fields
from connectors.dynamics.shapes import from_odata, guid, image, time
from connectors.records import Finding, Record
from connectors.rounds import GONE, Answered, Place, answers_in, gone, kept
from connectors.signatures import same, usable
from connectors.tool import POLL, PolledTool, query_values
from connectors.wire import at_path, compact, entries, mapping, milliseconds, plain, read_json

#: Ids of one lead, and seconds, that a question about a lead may take.
MOST, PATIENCE = 3, 5.0
#: The query parameter of a WebhookKey; the name is Dataverse's.
CODE = "code"


class Dynamics(PolledTool[DynamicsConfig]):
    """The secret is the key of the webhook, the credential an application's client secret with its tenant."""

    kind = "dynamics"
    config_model = DynamicsConfig
    role = "sfa"
    facts, fields, activities = FACTS, FIELDS, rest.DONE
    objects = tuple(FACTS)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: DynamicsConfig, now: datetime) -> None:
        """https://learn.microsoft.com/power-apps/developer/data-platform/register-web-hook: a key, no signature."""
        known, name = usable(secrets), config.key_name or CODE
        given = [*query_values(request.url, name), request.headers.get(name.lower(), "").strip()]
        if not any(given):
            raise Unverified(f"neither the URL nor the headers hold the key {name}")
        if not any(same(key, secret) for key in given for secret in known):
            raise Unverified(f"the key {name} is not one of the source's secrets")
        if config.organization_id and organization_of(request.body) != config.organization_id.lower():
            raise Unverified("the webhook comes from another organization than organization_id")

    def records(self, request: WebhookRequest, config: DynamicsConfig) -> Iterator[Record | Lookup | Problem]:
        if request.method != POLL:
            yield from self.noticed(mapping(read_json(request.body)), request, config)
            return
        for table, answer in answers_in(request.body):
            told = mapping(answer) if table in rest.SETS and table != GONE else {}
            for data in map(mapping, entries(told.get("value"))):
                yield self.record(table, data.get(rest.SETS[table][1]), from_odata(data), request, config)
            for known in filter(None, map(guid, entries(told.get("deleted")))):
                yield self.deleted(table, known, None, request, config)  # a delta link names no time

    def noticed(
        self, context: Mapping[str, Any], request: WebhookRequest, config: DynamicsConfig
    ) -> Iterator[Record | Lookup | Problem]:
        """The row as the post-image shows it; without one it is read: an update shows only what changed, and a message
        of more than 256 KB nothing at all."""
        table, id_ = plain(context.get("PrimaryEntityName")), guid(context.get("PrimaryEntityId"))
        if not table or not id_:
            yield Problem("PrimaryEntityId", "the message names no row; register the step on a table, asynchronously")
        elif table not in FACTS:
            return
        elif context.get("MessageName") == "Delete":
            yield self.deleted(table, id_, time(context.get("OperationCreatedOn")), request, config)
        elif (fields := image(context)) is not None:
            empty = dict.fromkeys((*FIELDS[table], *own_fields(table, config)))  # images leave them out
            yield self.record(table, id_, empty | fields, request, config)
        else:
            yield Lookup(table, id_)

    def record(
        self, table: str, id_: object, fields: Mapping[str, Any], request: WebhookRequest, config: DynamicsConfig
    ) -> Record:
        changed_at, system = time(fields.get("modifiedon")), self.system(config)
        return Record(table, guid(id_), fields, changed_at, request.received_at, config, system)

    def deleted(
        self, table: str, id_: str, at: datetime | None, request: WebhookRequest, config: DynamicsConfig
    ) -> Record:
        return Record(table, id_, {}, at, request.received_at, config, self.system(config), deleted=True)

    def gone(self, seen: Record, config: DynamicsConfig) -> Iterator[Finding]:
        if seen.type in PEOPLE:
            yield from excluded(seen)
        yield from super().gone(seen, config)

    # --- the API

    def api(self, config: DynamicsConfig, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        return rest.api(config, credential, http, patience)

    def page(self, api: Api, place: Place, config: DynamicsConfig) -> Answered:
        answered = rest.page(api, place, config)
        tracked = answered.page is None and place.object in config.change_tracking
        return answered._replace(page=tracking.BEGIN) if tracked else answered

    def poll(
        self, cursor: dict[str, Any], until: datetime, config: DynamicsConfig, credential: str, http: httpx.Client
    ) -> Page:
        """The cursor also holds the delta links of the tables whose deletions are tracked."""
        api, links = self.api(config, credential, http), dict(mapping(cursor.get("links")))

        def ask(place: Place) -> Answered:
            is_tracked = "tracked" in mapping(place.page)
            return tracking.page(api, place, links) if is_tracked else self.page(api, place, config)

        page = rounds.poll(self.objects, cursor, until, ask, longest=self.round)
        return replace(page, cursor=page.cursor | ({"links": links} if links else {}))

    def fetch(self, lookups: Sequence[Lookup], config: DynamicsConfig, credential: str, http: httpx.Client) -> Parsed:
        """One question for each table and fifty rows."""
        api = self.api(config, credential, http)
        body = kept(list(rest.looked_up(api, lookups, config)))
        return self.parse(WebhookRequest(POLL, api.base, {}, body, datetime.now(UTC)), config)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: DynamicsConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        api = self.api(config, credential, http, PATIENCE)
        parts = list(rest.about(api, lead, since, config, self.system(config), MOST))
        return Page(f"{api.base}/leads?about=one", kept(parts), {}, since)

    def ask_again(
        self, records: Sequence[str], config: DynamicsConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        api = self.api(config, credential, http)
        return Page(f"{api.base}/activitypointers", kept([gone(rest.missing(api, records), now)]), {}, now)

    def check(self, config: DynamicsConfig, credential: str, http: httpx.Client) -> Checked:
        checked, api = super().check(config, credential, http), self.api(config, credential, http)
        untracked = list[Problem]()
        for table in config.change_tracking:
            try:
                tracking.opened(api, table, {})
            except AskFailed as failed:
                untracked.append(Problem(table, str(failed)))
        checked = replace(checked, problems=(*checked.problems, *untracked))
        try:
            return replace(checked, statuses=tuple(open_statuses(api, config)))
        except AskFailed as failed:
            return replace(checked, problems=(*checked.problems, Problem(config.status_field, str(failed))))

    def account(self, api: Api, config: DynamicsConfig) -> str:
        """The host and the number that goes into organization_id. Raises AskFailed when the login fails."""
        known = guid(rest.asked(api, "/WhoAmI").get("OrganizationId"))
        return f"{urlsplit(api.base).hostname} {known}".strip()

    # --- setting it up

    def sample(self, config: DynamicsConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        """A lead was edited; the step has a post-image with all columns."""
        own = dict.fromkeys(config.attributes, "製造") | ({config.score_field: 86} if config.score_field else {})
        status = next(iter(config.statuses), "2")
        known = {
            "fullname": "山田 太郎",
            "companyname": "株式会社みなと精機",
            "emailaddress1": "yamada@minato.example",
            "ownerid": {"Id": "75c2dd85-e89e-e711-8122-000d3aa2331c", "LogicalName": "systemuser", "Name": None},
            "statecode": {"Value": 0},
            config.status_field: {"Value": int(status) if status.isdecimal() else status},
            "createdon": f"/Date({milliseconds(now)})/",
            "modifiedon": f"/Date({milliseconds(now)})/",
        }
        attributes = [{"key": name, "value": value} for name, value in (own | known).items()]
        context = {
            "MessageName": "Update",
            "Mode": 1,
            "OperationCreatedOn": f"/Date({milliseconds(now)}+0900)/",
            "OrganizationId": config.organization_id or "4ef5b371-e89e-e711-8122-000d3aa2331c",
            "PostEntityImages": [{"key": "row", "value": {"Attributes": attributes, "LogicalName": "lead"}}],
            "PrimaryEntityId": "6d81597f-0f9f-e711-8122-000d3aa2331c",
            "PrimaryEntityName": "lead",
        }
        headers = {"content-type": "application/json", "x-ms-dynamics-entity-name": "lead"}
        proof = f"{url}{'&' if '?' in url else '?'}{config.key_name or CODE}={quote(secret, safe='')}"
        return WebhookRequest("POST", proof, headers, compact(context), now)

    def own_fields(self, config: DynamicsConfig) -> Mapping[str, Mapping[str, str]]:
        return {table: own_fields(table, config) for table in PEOPLE}


def organization_of(body: bytes) -> str:
    """Empty: the body does not say."""
    try:
        return plain(mapping(read_json(body)).get("OrganizationId")).lower()
    except ValueError:
        return ""


def open_statuses(api: Api, config: DynamicsConfig) -> Iterator[str]:
    """The numbers that a lead's status may have; those within Qualified and Disqualified explain themselves.

    https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query-metadata-web-api
    """
    kind = "Status" if config.status_field == "statuscode" else "Picklist"
    column = f"/EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='{config.status_field}')"
    path = f"{column}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
    answer = rest.asked(api, path, {"$select": "LogicalName", "$expand": "OptionSet"})
    for option in map(mapping, entries(at_path(answer, "OptionSet.Options"))):
        if plain(option.get("State")) not in STATES:
            yield plain(option.get("Value"))


CONNECTOR: Connector[DynamicsConfig] = Dynamics()
