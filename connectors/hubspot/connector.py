"""HubSpot: signed lists of thin notifications, and the CRM API for what they leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.contract import Checked, Connector, ExternalId, Lookup, Page, Parsed, Shown, WebhookRequest
from connectors.hubspot import answers, checks, polling, questions, reading, showing, signature
from connectors.hubspot import lookups as api
from connectors.hubspot.config import HubSpotConfig
from connectors.tool import Tool


class HubSpot(Tool[HubSpotConfig]):
    """The secrets are the app's client secrets, the credential is its access token."""

    kind = "hubspot"
    config_model = HubSpotConfig
    brings_secret = True
    role = "both"
    fields = showing.FIELDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: HubSpotConfig, now: datetime) -> None:
        signature.verify(request, secrets, config.allow_older_signatures, now)

    def parse(self, request: WebhookRequest, config: HubSpotConfig) -> Parsed:
        read = answers.read if request.method == "POLL" else reading.read
        return read(request.body, config)

    def fetch(self, lookups: Sequence[Lookup], config: HubSpotConfig, credential: str, http: httpx.Client) -> Parsed:
        return api.fetch(lookups, config, credential, http)

    def start(self, since: datetime) -> dict[str, Any]:
        return polling.start(since)

    def poll(
        self, cursor: dict[str, Any], until: datetime, config: HubSpotConfig, credential: str, http: httpx.Client
    ) -> Page:
        """At most 200 records of one object, in at most 30 seconds."""
        return polling.poll(cursor, until, config, credential, http)

    def ask_about(
        self, lead: Sequence[ExternalId], since: datetime, config: HubSpotConfig, credential: str, http: httpx.Client
    ) -> Page:
        """The lead's status, calls, e-mails, meetings and tasks, in at most 5 seconds."""
        return questions.ask_about(lead, since, config, credential, http)

    def ask_again(
        self, records: Sequence[str], config: HubSpotConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        """At most four requests of 30 seconds together."""
        return questions.ask_again(records, config, credential, http, now)

    def check(self, config: HubSpotConfig, credential: str, http: httpx.Client) -> Checked:
        return checks.check(config, credential, http)

    def sample(self, config: HubSpotConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        return showing.sample(config, secret, url, now)

    def shown(self, request: WebhookRequest, config: HubSpotConfig) -> Iterator[Shown]:
        return showing.shown(request, config)

    def own_fields(self, config: HubSpotConfig) -> Mapping[str, Mapping[str, str]]:
        return showing.own_fields(config)


CONNECTOR: Connector[HubSpotConfig] = HubSpot()
