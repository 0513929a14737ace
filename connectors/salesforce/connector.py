"""Salesforce: outbound messages and relayed events with a secret as the only proof, and the REST API for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.contract import (
    Answer,
    Checked,
    Connector,
    ExternalId,
    Lookup,
    Page,
    Parsed,
    Shown,
    Unverified,
    WebhookRequest,
)
from connectors.salesforce import answers, checks, events, messages, polling, relay, rereading, showing, soap
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.ids import same_record
from connectors.tool import POLL, Tool, check_basic, check_header_token, check_url_token


class Salesforce(Tool[SalesforceConfig]):
    """Outbound messages are not signed: the URL holds the secret, the body names its organisation.

    The credential is JSON, as `access.WANTED` says.
    """

    kind = "salesforce"
    config_model = SalesforceConfig
    answer = Answer(status=200, content_type="text/xml", body=soap.ACK)
    secret_in_url = True
    role = "sfa"
    fields = showing.FIELDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: SalesforceConfig, now: datetime) -> None:
        """Unverified unless the secret is right; only then, and only if the config asks for it, is the XML read."""
        check_secret(request, secrets)
        if not events.is_relayed(request.body):
            check_sender(request.body, config)

    def to_store(self, body: bytes) -> bytes:
        return soap.without_session(body)

    def parse(self, request: WebhookRequest, config: SalesforceConfig) -> Parsed:
        if request.method == POLL:
            return answers.read(request, config)
        read = relay.read if events.is_relayed(request.body) else messages.read
        return read(request, config)

    def fetch(self, lookups: Sequence[Lookup], config: SalesforceConfig, credential: str, http: httpx.Client) -> Parsed:
        return rereading.fetch(lookups, config, credential, http)

    def start(self, since: datetime) -> dict[str, Any]:
        return polling.start(since)

    def poll(
        self, cursor: dict[str, Any], until: datetime, config: SalesforceConfig, credential: str, http: httpx.Client
    ) -> Page:
        """At most 2,000 records of one object."""
        return polling.poll(cursor, until, config, credential, http)

    def ask_about(
        self,
        lead: Sequence[ExternalId],
        since: datetime,
        config: SalesforceConfig,
        credential: str,
        http: httpx.Client,
    ) -> Page:
        """The lead's status, tasks, events and opportunities, in one request of at most 5 seconds."""
        return polling.ask_about(lead, since, config, credential, http)

    def ask_again(
        self, records: Sequence[str], config: SalesforceConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        return rereading.ask_again(records, config, credential, http, now)

    def check(self, config: SalesforceConfig, credential: str, http: httpx.Client) -> Checked:
        return checks.check(config, credential, http)

    def sample(self, config: SalesforceConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        return showing.sample(config, secret, url, now)

    def shown(self, request: WebhookRequest, config: SalesforceConfig) -> Iterator[Shown]:
        return showing.shown(request, config)

    def own_fields(self, config: SalesforceConfig) -> Mapping[str, Mapping[str, str]]:
        return showing.own_fields(config)


def check_secret(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """`?token=…`, or the password that Salesforce sends when the URL is https://user:password@…; a relay may send the
    secret as a Bearer token."""
    try:
        check_url_token(request, secrets)
    except Unverified:
        scheme = request.headers.get("authorization", "").strip().partition(" ")[0].lower()
        if scheme == "basic":
            check_basic(request, secrets)
        elif scheme == "bearer" and events.is_relayed(request.body):
            check_header_token(request, secrets, "Authorization")
        else:
            raise


def check_sender(body: bytes, config: SalesforceConfig) -> None:
    """Unverified unless the body names the organisation and the action that the config allows.

    A body that cannot be read names nobody. A relay's events name none either: who knows the secret is the customer.
    """
    if config.organization_id is None and not config.action_ids:
        return
    try:
        message = soap.read(body)
    except soap.Unreadable:
        raise Unverified("the body cannot be read, so it does not prove which organisation sent it") from None
    if config.organization_id and not same_record(message.organization_id, config.organization_id):
        raise Unverified("the message comes from another organisation")
    if config.action_ids and not any(same_record(message.action_id, allowed) for allowed in config.action_ids):
        raise Unverified("the message comes from an action that is not in action_ids")


CONNECTOR: Connector[SalesforceConfig] = Salesforce()
