"""Webhooks as HubSpot, Salesforce and a seminar tool send them: real shapes, really signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

ORGANIZATION, PORTAL = "00D5i000001Demo", 4_700_001


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request to /webhooks/…, ready to be posted at the moment it was signed for."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def hubspot_change(contact: int, name: str, value: str, at: datetime, number: int) -> dict[str, Any]:
    """One entry of a HubSpot notification: a contact's property got a value."""
    return {
        "eventId": number,
        "subscriptionId": 11,
        "portalId": PORTAL,
        "appId": 22,
        "occurredAt": milliseconds(at),
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": contact,
        "propertyName": name,
        "propertyValue": value,
        "changeSource": "CRM_UI",
    }


def hubspot(changes: Sequence[Mapping[str, Any]], secret: str, public_url: str, now: datetime) -> Webhook:
    """Signature v3: base64 HMAC-SHA256 over method, URL, body and time in milliseconds."""
    path, body, at = "/webhooks/hubspot", json.dumps(changes).encode(), str(milliseconds(now))
    signed = f"POST{public_url}{path}".encode() + body + at.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": at}
    return Webhook(path, headers | {"content-type": "application/json"}, body)


def salesforce(object_type: str, records: Sequence[Mapping[str, str]], number: int, secret: str) -> Webhook:
    """An Outbound Message; Salesforce does not sign, the secret is in the URL."""
    notifications = "".join(_notification(object_type, record, number + i) for i, record in enumerate(records))
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{ORGANIZATION}</OrganizationId><ActionId>04k5i0000000001</ActionId><SessionId>not-kept</SessionId>"
        "<EnterpriseUrl>https://example.my.salesforce.com/services/Soap/c/61.0</EnterpriseUrl>"
        "<PartnerUrl>https://example.my.salesforce.com/services/Soap/u/61.0</PartnerUrl>"
        f"{notifications}</notifications></soapenv:Body></soapenv:Envelope>"
    )
    return Webhook(f"/webhooks/salesforce?token={secret}", {"content-type": "text/xml"}, body.encode())


def _notification(object_type: str, record: Mapping[str, str], number: int) -> str:
    fields = "".join(f"<sf:{name}>{escape(value)}</sf:{name}>" for name, value in record.items())
    return (
        f"<Notification><Id>04l5i{number:010d}</Id>"
        f'<sObject xsi:type="sf:{object_type}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{fields}</sObject>'
        "</Notification>"
    )


def seminar(events: Sequence[Mapping[str, Any]], message_id: str, secret: str, now: datetime) -> Webhook:
    """Standard Webhooks: base64 HMAC-SHA256 over id, time in seconds and body."""
    body, at = json.dumps(events, ensure_ascii=False).encode(), str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
    return Webhook("/webhooks/seminar", headers | {"content-type": "application/json"}, body)


def zulu(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
