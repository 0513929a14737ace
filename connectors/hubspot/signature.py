"""HubSpot's three request signatures, all made with the app's client secret.

https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from connectors.contract import Unverified, WebhookRequest
from connectors.signatures import as_bytes, check_age, hmac_sha256, required, same, usable
from connectors.wire import milliseconds, moment

V3 = "X-HubSpot-Signature-v3"
TIMESTAMP = "X-HubSpot-Request-Timestamp"
OLDER = "X-HubSpot-Signature"
VERSION = "X-HubSpot-Signature-Version"

#: The only escapes that HubSpot decodes before it signs; every other one is signed as it was sent.
DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
ESCAPE = re.compile("|".join(DECODED))


def verify(request: WebhookRequest, secrets: Sequence[str], allow_older: bool, now: datetime) -> None:
    """A v3 signature must be right wherever there is one; without it, an older one counts only if allowed."""
    if allow_older and V3.lower() not in request.headers:
        verify_older(request, usable(secrets))
    else:
        verify_v3(request, usable(secrets), now)


def verify_v3(request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
    given, timestamp = required(request.headers, V3), required(request.headers, TIMESTAMP)
    sent_at = moment(int(timestamp)) if re.fullmatch(r"\d{1,15}", timestamp, re.ASCII) else None
    if sent_at is None:
        raise Unverified(f"{TIMESTAMP} must be milliseconds since 1970")
    check_age(sent_at, now)
    demand(any(same(made(request, secret, timestamp), given) for secret in secrets), V3)


def made(request: WebhookRequest, secret: str, timestamp: str) -> bytes:
    """The v3 signature; `timestamp`: milliseconds since 1970."""
    message = as_bytes(request.method + decoded(request.url)) + request.body + as_bytes(timestamp)
    return base64.b64encode(hmac_sha256(secret, message))


def signed(request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
    """The request as HubSpot sends it."""
    timestamp = str(milliseconds(now))
    proof = {V3.lower(): made(request, secret.strip(), timestamp).decode(), TIMESTAMP.lower(): timestamp}
    return replace(request, headers={**request.headers, **proof})


def verify_older(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """v1 signs the body alone, v2 also method and address. Both hash the secret in front, and neither signs a time."""
    given, version = required(request.headers, OLDER), required(request.headers, VERSION)
    if version not in ("v1", "v2"):
        raise Unverified(f"{VERSION} must be v1 or v2")
    target = b"" if version == "v1" else as_bytes(request.method + request.url)
    digests = (hashlib.sha256(as_bytes(secret) + target + request.body).hexdigest() for secret in secrets)
    demand(any(same(digest, given) for digest in digests), OLDER)


def decoded(url: str) -> str:
    return ESCAPE.sub(lambda escape: DECODED[escape.group()], url)


def demand(right: bool, header: str) -> None:
    if not right:
        raise Unverified(f"{header} does not fit: check the client secret and that the address is the public one")
