"""HubSpot: signed lists of thin notifications, and the CRM API for what they leave out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import httpx

from connectors.contract import Answer, Connector, Lookup, Parsed, WebhookRequest
from connectors.hubspot import lookups as api
from connectors.hubspot import reading, signature
from connectors.hubspot.config import HubSpotConfig


class HubSpot:
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
        return reading.read(request.body, config)

    def fetch(self, lookups: Sequence[Lookup], config: HubSpotConfig, credential: str, http: httpx.Client) -> Parsed:
        return api.fetch(lookups, config, credential, http)


CONNECTOR: Connector[HubSpotConfig] = HubSpot()
