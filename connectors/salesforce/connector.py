"""Salesforce outbound messages: a secret in the URL as the only proof, a SOAP envelope, up to 100 records."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NoReturn
from urllib.parse import unquote

from connectors.contract import Answer, AskFailed, Connector, Parsed, Problem, Unverified, WebhookRequest
from connectors.salesforce import soap
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.facts import FACTS
from connectors.salesforce.ids import NotAnId, normal_id, same_record
from connectors.salesforce.snapshot import NotUnderstood, Snapshot
from connectors.signatures import same, usable


class Salesforce:
    """Outbound messages are not signed: the URL holds the secret, the body names its organisation."""

    kind = "salesforce"
    config_model = SalesforceConfig
    answer = Answer(status=200, content_type="text/xml", body=soap.ACK)
    brings_secret = False
    role = "sfa"

    def verify(
        self,
        request: WebhookRequest,
        secrets: Sequence[str],
        config: SalesforceConfig,
        now: datetime,  # noqa: ARG002 - an outbound message does not say when it was sent
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
        try:
            message = soap.read(request.body)
        except soap.Unreadable as error:
            return Parsed(problems=[Problem("body", str(error))])
        if not message.notifications:
            return Parsed(problems=[Problem("notifications", "there is no Notification in the message")])
        parsed = Parsed()
        for position, notification in enumerate(message.notifications):
            place = f"Notification[{position}].sObject"
            try:
                seen = snapshot_of(notification, message.enterprise_url, request.received_at, config)
            except NotUnderstood as error:
                parsed.problems.append(problem(place, error))
            else:
                read_facts(seen, place, parsed)
        return parsed

    def fetch(self, *_: object, **__: object) -> NoReturn:
        raise AskFailed("Salesforce is not asked back: everything must be in the outbound message")


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


def snapshot_of(
    notification: soap.Notification, enterprise_url: str, received_at: datetime, config: SalesforceConfig
) -> Snapshot:
    """The record that the notification is about; NotUnderstood when it is none that Tasuki reads."""
    record = notification.record
    record_id = record.fields.get("Id")
    if not record_id:
        raise NotUnderstood("Id", "the record has no Id: it was deleted before the message was sent")
    if record.type not in FACTS:
        unknown = record.type[:40] or "records without xsi:type"
        raise NotUnderstood("", f"Tasuki reads {', '.join(FACTS)}, not {unknown}")
    try:
        record_id = normal_id(record_id)
    except NotAnId as error:
        raise NotUnderstood("Id", str(error)) from None
    return Snapshot(record, record_id, notification.id, enterprise_url, received_at, config)


def read_facts(seen: Snapshot, place: str, parsed: Parsed) -> None:
    """Add the record's facts; one that cannot be read becomes a problem and spares the others."""
    problems: list[Problem] = []
    for read in FACTS[seen.record.type]:
        try:
            if event := read(seen):
                parsed.events.append(event)
        except NotUnderstood as error:
            problems.append(problem(place, error))
    parsed.problems += dict.fromkeys(problems)


def problem(place: str, error: NotUnderstood) -> Problem:
    return Problem(f"{place}.{error.field}" if error.field else place, str(error))


CONNECTOR: Connector[SalesforceConfig] = Salesforce()
