"""HubSpot: signed lists of thin notifications, and the CRM API for what they leave out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.contract import Answer, Connector, ExternalId, Lookup, Page, Parsed, WebhookRequest
from connectors.hubspot import answers, polling, questions, reading, signature
from connectors.hubspot import lookups as api
from connectors.hubspot.config import HubSpotConfig
from connectors.tool import Tool


class HubSpot(Tool[HubSpotConfig]):
    """The secrets are the app's client secrets, the credential is its access token."""

    kind = "hubspot"
    config_model = HubSpotConfig
    answer = Answer()
    brings_secret = True
    role = "both"

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: HubSpotConfig, now: datetime) -> None:
        signature.verify(request, secrets, config.allow_older_signatures, now)

    def to_store(self, body: bytes) -> bytes:
        """HubSpot puts no credential into its bodies."""
        return body

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
        """The lead's status, calls, e-mails and meetings, in at most 5 seconds."""
        return questions.ask_about(lead, since, config, credential, http)


CONNECTOR: Connector[HubSpotConfig] = HubSpot()
