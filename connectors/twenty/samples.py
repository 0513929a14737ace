"""What Twenty would send, with the source's own field names."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.signatures import as_bytes, hmac_sha256
from connectors.twenty.api import stamp
from connectors.twenty.config import TwentyConfig
from connectors.wire import milliseconds

STAMP, SIGNATURE = "X-Twenty-Webhook-Timestamp", "X-Twenty-Webhook-Signature"


def person_updated(config: TwentyConfig, url: str, now: datetime) -> dict[str, Any]:
    at, status = stamp(now), next(iter(config.statuses), "WORKING")
    own = {config.score_field: 86, config.status_field: status}
    person = {
        "id": "20202020-1c0e-494c-a1b6-85b1c6fefaa5",
        "name": {"firstName": "太郎", "lastName": "山田"},
        "emails": {"primaryEmail": "yamada@minato.example", "additionalEmails": []},
        "createdAt": at,
        "updatedAt": at,
    }
    return {
        "targetUrl": url,
        "eventName": "person.updated",
        "objectMetadata": {"id": "370985db-22d8-4463-8e5f-2271d30913bd", "nameSingular": "person"},
        "workspaceId": config.workspace_id or "872cfcf1-c79f-42bc-877d-5829f06eb3f9",
        "eventDate": at,
        "record": person | {name: value for name, value in own.items() if name},
        "updatedFields": ["name", "emails"],
    }


def proof_of(body: bytes, secret: str, now: datetime) -> dict[str, str]:
    at = str(milliseconds(now))
    signature = hmac_sha256(secret.strip(), as_bytes(f"{at}:") + body).hex()
    return {STAMP.lower(): at, SIGNATURE.lower(): signature, "content-type": "application/json"}
