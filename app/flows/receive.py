"""What becomes of one webhook request between the socket and the intake: whose it is, whether it is genuine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from app.flows.intake import Arrival
from app.flows.sources import OpenSource
from connectors.contract import WebhookRequest

#: Headers that never say anything about the event and may hold credentials.
NEVER_KEPT = frozenset({"authorization", "cookie", "proxy-authorization"})


def verified(source: OpenSource, request: WebhookRequest, now: datetime) -> Arrival:
    """The request as it will be stored. Raises connectors.contract.Unverified."""
    source.connector.verify(request, source.secrets, source.config, now)
    return Arrival(
        source_id=source.id,
        received_at=request.received_at,
        method=request.method,
        url=_without_credentials(request.url, source.secrets),
        headers=_harmless(request.headers, source.secrets),
        body=source.connector.to_store(request.body),
    )


def _without_credentials(url: str, secrets: tuple[str, ...]) -> str:
    """Path and query; a query in which some tools have to carry the secret is dropped."""
    parts = urlsplit(url)
    secret_inside = any(word in parts.query for word in ("token", "secret", "code", *secrets))
    return parts.path if secret_inside or not parts.query else f"{parts.path}?{parts.query}"


def _harmless(headers: Mapping[str, str], secrets: tuple[str, ...]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name not in NEVER_KEPT and not any(secret in value for secret in secrets)
    }
