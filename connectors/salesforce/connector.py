"""Salesforce: outbound messages with a secret in the URL as the only proof, and the REST API for what they missed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import unquote

import httpx

from connectors.contract import Answer, AskFailed, Connector, ExternalId, Page, Parsed, Unverified, WebhookRequest
from connectors.salesforce import answers, messages, polling, soap
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.ids import same_record
from connectors.signatures import same, usable
from connectors.tool import Tool


class Salesforce(Tool[SalesforceConfig]):
    """Outbound messages are not signed: the URL holds the secret, the body names its organisation.

    The credential is JSON, as `access.WANTED` says.
    """

    kind = "salesforce"
    config_model = SalesforceConfig
    answer = Answer(status=200, content_type="text/xml", body=soap.ACK)
    brings_secret = False
    secret_in_url = True
    role = "sfa"

    def verify(
        self,
        request: WebhookRequest,
        secrets: Sequence[str],
        config: SalesforceConfig,
        now: datetime,
    ) -> None:
        """Unverified unless the secret is right; only then, and only if the config asks for it, is the XML read."""
        known = usable(secrets)
        given: list[str | bytes] = [*tokens(request.url), *password(request.headers.get("authorization", ""))]
        if not given:
            raise Unverified("the URL holds no ?token=… and there is no password")
        if not any(same(token, secret) for token in given for secret in known):
            raise Unverified("the token is not one of the source's secrets")
        check_sender(request.body, config)

    def to_store(self, body: bytes) -> bytes:
        return soap.without_session(body)

    def parse(self, request: WebhookRequest, config: SalesforceConfig) -> Parsed:
        if request.method == "POLL":
            return answers.read(request, config)
        return messages.read(request, config)

    def fetch(self, *_: object, **__: object) -> NoReturn:
        raise AskFailed("Salesforce is not asked back: everything must be in the outbound message")

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


def tokens(url: str) -> Iterator[str]:
    """The values of `token` in the query. A plus sign stays one: people paste the secret as it is."""
    query = url.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == "token":
            yield unquote(value)


def password(authorization: str) -> Iterator[bytes]:
    """The password of HTTP Basic, which Salesforce sends when the URL is https://user:password@…"""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        user_and_password = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return
    yield user_and_password.partition(b":")[2]


def check_sender(body: bytes, config: SalesforceConfig) -> None:
    """Unverified unless the body names the organisation and the action that the config allows.

    A body that cannot be read names nobody.
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
