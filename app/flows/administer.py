"""What people change about Tasuki itself. Each change and its entry in the audit log are one transaction; no secret
gets into an entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from app.domain.series import Series
from app.flows import alerts, audit, booking, deliveries, lists, meetings, reconcile, sources, tokens
from app.flows.meetings import NoSuchSeries
from app.flows.sources import NoSuchSource, OpenSource, Vault
from app.models import ApiToken, Source


@dataclass(frozen=True, slots=True)
class Admin:
    """Who changes something, and when."""

    #: The token's name, or `cli:<user>`.
    by: str
    now: datetime

    def did(self, c: Connection, action: str, subject: str, before: Any = None, after: Any = None) -> None:
        audit.write(c, self.now, by=self.by, action=action, subject=subject, before=before, after=after)


# --- sources


def add_source(c: Connection, vault: Vault, admin: Admin, *, name: str, kind: str, **given: Any) -> None:
    """`given`: as `sources.add` takes it. Raises Refused."""
    sources.add(c, vault, name=name, kind=kind, now=admin.now, **given)
    after = {"kind": kind, "config": _source(c, name).config, "credential": bool(given.get("credential"))}
    admin.did(c, "source.added", f"source:{name}", after=after)


def configure_source(
    c: Connection, admin: Admin, name: str, config: dict[str, Any], based_on: str | None = None
) -> None:
    """`based_on`: as `sources.configure` takes it. Raises NoSuchSource, Refused, Overtaken."""
    before = _source(c, name).config
    sources.configure(c, name, config, based_on)
    after = _source(c, name).config
    admin.did(c, "source.configured", f"source:{name}", {"config": before}, {"config": after})


def rotate_source(c: Connection, vault: Vault, admin: Admin, name: str, secret: str) -> None:
    """Raises NoSuchSource."""
    sources.rotate(c, vault, name, secret, admin.now)
    admin.did(c, "source.rotated", f"source:{name}")


def set_credential(c: Connection, vault: Vault, admin: Admin, name: str, credential: str) -> None:
    """Raises NoSuchSource."""
    sources.set_credential(c, vault, name, credential)
    admin.did(c, "source.credential_set", f"source:{name}")


def disable_source(c: Connection, admin: Admin, name: str) -> None:
    """Raises NoSuchSource."""
    _switch(c, admin, name, disabled=True)


def enable_source(c: Connection, admin: Admin, name: str) -> None:
    """Raises NoSuchSource."""
    _switch(c, admin, name, disabled=False)


def _switch(c: Connection, admin: Admin, name: str, *, disabled: bool) -> None:
    before = _source(c, name).disabled_at is not None
    sources.disable(c, name, admin.now if disabled else None)
    action = "source.disabled" if disabled else "source.enabled"
    admin.did(c, action, f"source:{name}", {"disabled": before}, {"disabled": disabled})


def poll_source(c: Connection, admin: Admin, source: OpenSource) -> None:
    """Its next poll is due at once."""
    reconcile.poll_now(c, source, admin.now)
    admin.did(c, "source.polled", f"source:{source.name}")


def _source(c: Connection, name: str) -> Any:
    row = c.execute(select(Source.config, Source.disabled_at).where(Source.name == name)).first()
    if row is None:
        raise NoSuchSource(name)
    return row


# --- tokens


def create_token(c: Connection, admin: Admin, name: str, scopes: Iterable[str]) -> str:
    """The token, shown this once. Raises Refused."""
    secret = tokens.create(c, name, scopes, admin.now)
    made = tokens.find(c, secret)
    assert made is not None
    admin.did(c, "token.created", f"token:{made.id}", after=_token(c, made.id))
    return secret


def revoke_token(c: Connection, admin: Admin, token_id: int) -> None:
    """Raises NoSuchToken."""
    tokens.revoke(c, token_id, admin.now)
    admin.did(c, "token.revoked", f"token:{token_id}", before=_token(c, token_id))


def _token(c: Connection, token_id: int) -> dict[str, Any]:
    row = c.execute(select(ApiToken.name, ApiToken.scopes).where(ApiToken.id == token_id)).one()
    return {"name": row.name, "scopes": row.scopes}


# --- meetings


def set_series(c: Connection, admin: Admin, key: str, series: Series, calendar_key: str) -> None:
    """Raises NoSuchCalendar, Refused."""
    booking.check(c, key, series, calendar_key, admin.now)
    before = _series(c, key)
    meetings.set_series(c, key, series, calendar_key, admin.now)
    admin.did(c, "meeting_series.set", f"meeting_series:{key}", before, _series(c, key))


def remove_series(c: Connection, admin: Admin, key: str) -> None:
    """Raises NoSuchSeries."""
    before = _series(c, key)
    meetings.remove_series(c, key)
    admin.did(c, "meeting_series.removed", f"meeting_series:{key}", before)


def new_feed(c: Connection, admin: Admin, key: str) -> str:
    """The secret of the series' feed, shown this once. Raises NoSuchSeries."""
    secret = meetings.new_feed_secret(c, key)
    admin.did(c, "meeting_series.feed_made", f"meeting_series:{key}")
    return secret


def revoke_feed(c: Connection, admin: Admin, key: str) -> None:
    """Raises NoSuchSeries."""
    meetings.revoke_feed(c, key)
    admin.did(c, "meeting_series.feed_revoked", f"meeting_series:{key}")


def _series(c: Connection, key: str) -> dict[str, Any] | None:
    try:
        stored = meetings.read_series(c, key)
    except NoSuchSeries:
        return None
    return {"series": stored.series.model_dump(mode="json"), "calendar": stored.calendar_key}


# --- deliveries and alerts


def replay(c: Connection, admin: Admin, delivery_id: int) -> None:
    """Raises NoSuchDelivery."""
    before = lists.delivery(c, delivery_id).state
    deliveries.replay(c, delivery_id, admin.now)
    admin.did(c, "delivery.replayed", f"delivery:{delivery_id}", {"state": before}, {"state": "waiting"})


def replay_quarantined(c: Connection, admin: Admin, source: str | None = None) -> int:
    """How many: all, or those of one source. Raises NoSuchSource."""
    count = deliveries.replay_quarantined(c, admin.now, source)
    if count:
        subject = "deliveries" if source is None else f"source:{source}"
        admin.did(c, "deliveries.replayed", subject, {"quarantined": count}, {"quarantined": 0})
    return count


def retry_alerts(c: Connection, admin: Admin, alert_ids: Sequence[int] | None = None) -> int:
    """How many undeliverable ones are owed again: all, or of these."""
    count = alerts.retry(c, alert_ids, admin.now)
    if count:
        one = alert_ids[0] if alert_ids and len(alert_ids) == 1 else None
        after: dict[str, Any] = {"owed": count} | ({"alerts": list(alert_ids)} if alert_ids and one is None else {})
        admin.did(c, "alerts.retried", f"alert:{one}" if one else "alerts", {"undeliverable": count}, after)
    return count
