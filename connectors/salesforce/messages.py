"""Reads an outbound message: up to 100 records, each as it was when the message was sent."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Parsed, Problem, WebhookRequest
from connectors.salesforce import soap
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.facts import FACTS, problem, read_facts
from connectors.salesforce.ids import NotAnId, normal_id
from connectors.salesforce.snapshot import NotUnderstood, Snapshot


def read(request: WebhookRequest, config: SalesforceConfig) -> Parsed:
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
