"""Pay what the outbox owes: claim on a lease, commit, look again whether it is still true, send, write down.

A process that dies between sending and writing down sends again after its lease: once too often is better than never.
An e-mail then carries the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import OperationalError

from app.db import Database
from app.domain.alerting import still_true
from app.domain.clock import Verdict
from app.domain.history import episode_from_json
from app.domain.policy import AlertReason
from app.flows import messages
from app.flows import policies as versions
from app.models import Alert, Handoff
from app.notify.contract import Channel, TryLater, Undeliverable
from app.settings import Settings

BATCH = 5
#: A sender that died gives its alerts back after this; longer than the slowest channel needs for a batch.
LEASE = timedelta(seconds=60)
#: Waits between tries: doubled from the first to the longest, for as long as the alert is still true.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
#: No longer true, or about a breach that nobody was told of.
DROPPED: dict[str, Any] = {"state": "dropped", "last_error": None}


def send_owed(
    database: Database, cache: versions.Cache, channels: Mapping[str, Channel], settings: Settings, now: datetime
) -> int:
    """Send what is due; returns how many alerts were taken up."""
    claimed = _claim(database, now)
    for alert_id in claimed:
        _send(database, cache, channels, settings, alert_id, now)
    return len(claimed)


def _claim(database: Database, now: datetime) -> Sequence[int]:
    due = (
        select(Alert.id)
        .where(Alert.state == "owed", Alert.not_before <= now)
        .order_by(Alert.not_before, Alert.id)
        .limit(BATCH)
    )
    with database.read() as c:
        if c.execute(due.limit(1)).first() is None:
            return ()
    with database.write() as c:
        ids = c.execute(due.with_for_update(skip_locked=True)).scalars().all()
        c.execute(update(Alert).where(Alert.id.in_(ids)).values(not_before=now + LEASE))
        return ids


def _send(
    database: Database,
    cache: versions.Cache,
    channels: Mapping[str, Channel],
    settings: Settings,
    alert_id: int,
    now: datetime,
) -> None:
    try:
        outcome = _try_to_send(database, cache, channels, settings, alert_id, now)
    except OperationalError:
        raise
    except Exception as broken:  # one that cannot be put into words must not hold up the others
        outcome = {"state": "undeliverable", "last_error": f"{type(broken).__name__}: {broken}"[:500]}
    with database.write() as c:
        c.execute(update(Alert).where(Alert.id == alert_id, Alert.state == "owed").values(outcome))


def _try_to_send(
    database: Database,
    cache: versions.Cache,
    channels: Mapping[str, Channel],
    settings: Settings,
    alert_id: int,
    now: datetime,
) -> dict[str, Any]:
    """The alert's new state. No transaction is open while the channel works."""
    with database.read() as c:
        alert = c.execute(_with_handoff(alert_id)).one()
        if not still_true(AlertReason(alert.reason), Verdict(alert.verdict)):
            return DROPPED
        if alert.reason == AlertReason.WITHDRAWN and (told := _breach_alert(c, alert)) != "sent":
            return {"not_before": now + FIRST_WAIT} if told == "owed" else DROPPED
        message = messages.compose(c, alert, cache.read(c).by_id[alert.policy_id], settings, now)
    return _deliver(channels, alert, message, now)


def _with_handoff(alert_id: int) -> Any:
    return (
        select(
            Alert.id.label("alert_id"),
            Alert.reason,
            Alert.channel,
            Alert.recipient,
            Alert.attempts,
            *(column for column in Handoff.__table__.columns),
        )
        .join(Handoff, Handoff.id == Alert.handoff_id)
        .where(Alert.id == alert_id)
    )


def _breach_alert(c: Connection, alert: Any) -> str | None:
    """What became of the message that is to be withdrawn; owed: another sender may have it in hand just now."""
    state: str | None = c.scalar(
        select(Alert.state).where(
            Alert.handoff_id == alert.id,
            Alert.channel == alert.channel,
            Alert.recipient == alert.recipient,
            Alert.reason == AlertReason.BREACHED.value,
        )
    )
    return state


def _deliver(channels: Mapping[str, Channel], alert: Any, message: Any, now: datetime) -> dict[str, Any]:
    """The alert's new state after one try."""
    attempts = alert.attempts + 1
    try:
        _channel(channels, alert.channel).deliver(message, _address(alert))
    except TryLater as later:
        wait = max(_wait(attempts), timedelta(seconds=later.after or 0))
        return {"attempts": attempts, "last_error": str(later), "not_before": now + wait}
    except Undeliverable as never:
        return {"attempts": attempts, "last_error": str(never), "state": "undeliverable"}
    except Exception as broken:  # a mistake in a channel must not lose the alert
        unexpected = f"{type(broken).__name__}: {broken}"[:500]
        return {"attempts": attempts, "last_error": unexpected, "not_before": now + _wait(attempts)}
    return {"attempts": attempts, "last_error": None, "state": "sent", "sent_at": now}


def _wait(attempts: int) -> timedelta:
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 10)
    return min(doubled, LONGEST_WAIT)


def _channel(channels: Mapping[str, Channel], name: str) -> Channel:
    if name not in channels:
        setting = {"slack": "TASUKI_SLACK_WEBHOOKS", "email": "TASUKI_SMTP_HOST"}.get(name, name)
        raise Undeliverable(f"the channel {name} is not set up; set {setting}, then `tasuki alerts retry`")
    return channels[name]


def _address(alert: Any) -> str:
    if alert.recipient != "owner" or alert.channel == "log":
        return str(alert.recipient)
    address = episode_from_json(alert.episode).owner_email
    if not address:
        raise Undeliverable(
            "the handoff has no owner with an e-mail address; assign one in the SFA or add `owner_emails` to the source"
        )
    return address


def retry(c: Connection, alert_ids: Sequence[int] | None, now: datetime) -> int:
    """Owe undeliverable alerts again, all or these; they are sent if they are still true."""
    again = update(Alert).where(Alert.state == "undeliverable")
    if alert_ids is not None:
        again = again.where(Alert.id.in_(alert_ids))
    return c.execute(again.values(state="owed", not_before=now, attempts=0)).rowcount
