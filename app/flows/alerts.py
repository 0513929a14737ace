"""Pay what the outbox owes: claim on a lease, commit, look again whether it is still true, send, write down.

A process that dies between sending and writing down sends again after its lease: once too often is better than never.
An e-mail then carries the same Message-ID. Many messages for one recipient become one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import OperationalError

from app.db import Database
from app.domain.alerting import (
    DIGEST,
    IN_HAND,
    STORM_WITHIN,
    calm_again,
    held_until,
    reason_of,
    still_true,
)
from app.domain.clock import Verdict
from app.domain.episode import episode_from_json
from app.domain.policy import AlertReason, Policies
from app.flows import absences, bursts, feeds, letters, messages, outcome_digests
from app.flows import policies as versions
from app.models import Alert, Handoff
from app.notify.contract import Channel, Message, TryLater, Undeliverable
from app.settings import Settings

#: Alerts looked at in one go, and sent singly in one turn.
SIGHT, BATCH = 100, 5
#: A sender that died gives its alerts back after this; longer than the slowest channel needs for a batch.
LEASE = timedelta(seconds=60)
#: Waits between tries: doubled from the first to the longest, for as long as the alert is still true.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
#: No longer true, or about a breach that nobody was told of.
DROPPED: dict[str, Any] = {"state": "dropped", "last_error": None}
#: A file is told line by line, people are not.
FILES = frozenset({"log"})

#: What became of an alert: columns to write.
Outcome = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Office:
    """What sending needs."""

    database: Database
    cache: versions.Cache
    channels: Mapping[str, Channel]
    settings: Settings
    now: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """An alert that is this sender's for the time of the lease, and where it goes; None: nobody knows where."""

    id: int
    channel: str
    address: str | None
    #: Another sender had it in hand and died: perhaps it was told.
    perhaps_told: bool
    #: What is about a feed or a burst is said in full, never in a digest.
    of_handoff: bool
    #: It corrects what was told before, and so is never put off.
    corrects: bool


def send_owed(
    database: Database, cache: versions.Cache, channels: Mapping[str, Channel], settings: Settings, now: datetime
) -> int:
    """Send what is due; returns how many alerts were taken up."""
    office = Office(database, cache, channels, settings, now)
    claimed, together = _claim(office)
    if together and _send_together(office, claimed):
        return len(claimed)
    for one in claimed:
        _write(office, {one.id: _somehow(office, one)})
    return len(claimed)


# Whose turn it is


def _claim(office: Office) -> tuple[list[Claimed], bool]:
    """A few alerts, or all that are due for one recipient who would otherwise get many, to be told together."""
    due = _due(office.now)
    with office.database.read() as c:
        if c.execute(due.limit(1)).first() is None:
            return [], False
    with office.database.write() as c:
        ids = c.execute(due.limit(SIGHT).with_for_update(skip_locked=True)).scalars().all()
        mine, together = _chosen(_calm(c, _seen(c, ids, office), office.now))
        held = update(Alert).where(Alert.id.in_([one.id for one in mine]))
        c.execute(held.values(not_before=office.now + LEASE, last_error=IN_HAND))
        return mine, together


def _due(now: datetime) -> Any:
    return select(Alert.id).where(Alert.state == "owed", Alert.not_before <= now).order_by(Alert.not_before, Alert.id)


def _seen(c: Connection, ids: Sequence[int], office: Office) -> list[Claimed]:
    policies = office.cache.read(c)
    rows = {row.alert_id: row for row in c.execute(_with_handoff(Alert.id.in_(ids)))}
    return [
        Claimed(
            row.alert_id,
            row.channel,
            _address_somehow(c, row, policies, office.now),
            row.last_error == IN_HAND,
            row.handoff_id is not None,
            row.reason == AlertReason.WITHDRAWN,
        )
        for row in (rows[alert_id] for alert_id in ids)
    ]


def _chosen(calm: Sequence[Claimed]) -> tuple[list[Claimed], bool]:
    """All of the first recipient's, if they are many; else the first few."""
    if not calm or not calm[0].of_handoff or not _is_person(calm[0]):
        return list(calm[:BATCH]), False
    key = (calm[0].channel, calm[0].address)
    theirs = [one for one in calm if (one.channel, one.address) == key and one.of_handoff]
    return (theirs, True) if len(theirs) > DIGEST else (list(calm[:BATCH]), False)


def _calm(c: Connection, seen: Sequence[Claimed], now: datetime) -> list[Claimed]:
    """Those whose recipient did not hear too much lately; the others are put off, and so come together."""
    waits: dict[tuple[str, str | None], datetime | None] = {}
    for one in seen:
        key = (one.channel, one.address)
        if key not in waits:
            waits[key] = calm_again(_lately(c, one, now), now) if _is_person(one) else None
    for key, until in waits.items():
        if until is not None:
            theirs = [one.id for one in seen if (one.channel, one.address) == key and not one.corrects]
            c.execute(update(Alert).where(Alert.id.in_(theirs)).values(not_before=until))
    return [one for one in seen if one.corrects or waits[(one.channel, one.address)] is None]


def _is_person(one: Claimed) -> bool:
    return one.channel not in FILES and one.address is not None


def _lately(c: Connection, one: Claimed, now: datetime) -> list[datetime]:
    """When single messages went to that address."""
    theirs = (Alert.channel == one.channel, Alert.sent_to == one.address, Alert.sent_at > now - STORM_WITHIN)
    moments = c.execute(select(Alert.sent_at).where(*theirs, Alert.told_in.is_(None))).scalars()
    return [at for at in moments if at is not None]


def _address_somehow(c: Connection, row: Any, policies: Policies, now: datetime) -> str | None:
    """A handoff that cannot be read must not stop the others; sending it says what is wrong with it."""
    try:
        return _address(c, row, policies, now)
    except ValueError:
        return None


def _address(c: Connection, row: Any, policies: Policies, now: datetime) -> str | None:
    """Where it goes: the owner, who stands in for them, or whoever takes leads that nobody owns."""
    if row.recipient != "owner" or row.channel in FILES:
        return str(row.recipient)
    episode, policy = episode_from_json(row.episode), policies.by_id[row.policy_id].policy
    away = absences.covering(c, episode.owner, now) if episode.owner else None
    if away is not None:
        return away.delegate or policy.intake_email or None
    return episode.owner_email or policy.intake_email or None


# One alert


def _somehow(office: Office, one: Claimed) -> Outcome:
    """One that cannot be put into words must not hold up the others."""
    try:
        return _try_to_send(office, one)
    except OperationalError:
        raise
    except Exception as broken:
        return {"state": "undeliverable", "last_error": f"{type(broken).__name__}: {broken}"[:500]}


def _try_to_send(office: Office, one: Claimed) -> Outcome:
    """The alert's new state. No transaction is open while the channel works."""
    with office.database.read() as c:
        alert = c.execute(_with_handoff(Alert.id == one.id)).one()
        if (outcome := _not_now(c, alert, one, office)) is not None:
            return outcome
        message = _message(c, alert, office)
    return _deliver(office, alert, one, message)


def _not_now(c: Connection, alert: Any, one: Claimed, office: Office) -> Outcome | None:
    """Why it is not sent: not true any more, or somebody is on it. None: it is."""
    if alert.handoff_id is None:
        return None if _still_news(c, alert, office) else DROPPED
    reason, now = reason_of(alert.reason), office.now
    if not still_true(reason, Verdict(alert.verdict)) or _turned_off(office.cache.read(c), alert, now):
        told = one.perhaps_told and reason is AlertReason.BREACHED
        return {"state": "sent", "sent_at": now, "last_error": None} if told else DROPPED
    if until := held_until(reason, episode_from_json(alert.episode), now):
        return {"not_before": until, "last_error": None}
    if reason is AlertReason.WITHDRAWN and (breach := _breach_alert(c, alert, Alert.state)) != "sent":
        return {"not_before": now + FIRST_WAIT, "last_error": None} if breach == "owed" else DROPPED
    return None


def _still_news(c: Connection, alert: Any, office: Office) -> bool:
    match alert.subject.partition(":")[0]:
        case "silence":
            return feeds.still_true(c, alert)
        case "meeting":
            return letters.still_news(c, alert)
        case outcome_digests.SUBJECT:
            return bool(outcome_digests.news(c, office.cache.read(c), alert, office.now))
        case _:
            return True


def _turned_off(policies: Policies, alert: Any, now: datetime) -> bool:
    """The SLA is switched off: nobody hears of it any more."""
    return policies.is_off(policies.by_id[alert.policy_id].policy.key, now)


def _message(c: Connection, alert: Any, office: Office) -> Message:
    if alert.handoff_id is None:
        return _message_of_many(c, alert, office)
    version = office.cache.read(c).by_id[alert.policy_id]
    answers = None
    if alert.reason == AlertReason.WITHDRAWN and (told := _breach_alert(c, alert, Alert.id)):
        answers = f"alert-{told}"
    return messages.compose(c, alert, version, office.settings, office.now, answers=answers)


def _message_of_many(c: Connection, alert: Any, office: Office) -> Message:
    match alert.subject.partition(":")[0]:
        case "burst":
            return bursts.message(c, alert, office.settings, office.now)
        case "meeting":
            return letters.message(c, alert, office.settings, office.now)
        case outcome_digests.SUBJECT:
            return outcome_digests.message(c, office.cache.read(c), alert, office.settings, office.now)
        case _:
            return feeds.message(c, alert, office.settings, office.now)


def _with_handoff(which: Any) -> Any:
    """Alerts with their handoffs' columns; those without a handoff have none."""
    handoff = [column for column in Handoff.__table__.columns if column.name != "id"]
    return (
        select(
            Alert.id.label("alert_id"),
            Alert.subject,
            Alert.handoff_id,
            Alert.reason,
            Alert.channel,
            Alert.recipient,
            Alert.attempts,
            Alert.last_error,
            Handoff.id,
            *handoff,
        )
        .outerjoin(Handoff, Handoff.id == Alert.handoff_id)
        .where(which)
    )


def _breach_alert(c: Connection, alert: Any, what: Any) -> Any:
    """The message that is to be withdrawn; owed: another sender may have it in hand just now."""
    return c.scalar(
        select(what).where(
            Alert.handoff_id == alert.id,
            Alert.channel == alert.channel,
            Alert.recipient == alert.recipient,
            Alert.reason == AlertReason.BREACHED.value,
        )
    )


def _deliver(office: Office, alert: Any, one: Claimed, message: Message) -> Outcome:
    """The alert's new state after one try."""
    attempts = alert.attempts + 1
    try:
        _channel(office.channels, one.channel).deliver(message, _somewhere(one))
    except TryLater as later:
        wait = max(_wait(attempts), timedelta(seconds=later.after or 0))
        return {"attempts": attempts, "last_error": str(later), "not_before": office.now + wait}
    except Undeliverable as never:
        return {"attempts": attempts, "last_error": str(never), "state": "undeliverable"}
    except Exception as broken:  # a mistake in a channel must not lose the alert
        unexpected = f"{type(broken).__name__}: {broken}"[:500]
        return {"attempts": attempts, "last_error": unexpected, "not_before": office.now + _wait(attempts)}
    sent = {"state": "sent", "sent_at": office.now, "sent_to": one.address}
    return sent | {"attempts": attempts, "last_error": None}


def _take_back(c: Connection, alert_id: int) -> None:
    """The breach that a sent withdrawal was about is told no more: if it comes again, so does its message."""
    told = select(Alert.handoff_id, Alert.channel, Alert.recipient)
    about = c.execute(told.where(Alert.id == alert_id, Alert.reason == AlertReason.WITHDRAWN.value)).first()
    if about is not None:
        same = (Alert.handoff_id == about.handoff_id, Alert.channel == about.channel)
        breach = (Alert.recipient == about.recipient, Alert.reason == AlertReason.BREACHED.value)
        c.execute(update(Alert).where(*same, *breach, Alert.state == "sent").values(state="withdrawn"))


def _somewhere(one: Claimed) -> str:
    if one.address is None:
        raise Undeliverable(
            "the handoff has no owner with an e-mail address; assign one in the SFA, add `owner_emails` to the source"
            " or `intake_email` to the policy"
        )
    return one.address


def _wait(attempts: int) -> timedelta:
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 10)
    return min(doubled, LONGEST_WAIT)


def _channel(channels: Mapping[str, Channel], name: str) -> Channel:
    if name not in channels:
        setting = {"slack": "TASUKI_SLACK_WEBHOOKS", "email": "TASUKI_SMTP_HOST"}.get(name, name)
        raise Undeliverable(f"the channel {name} is not set up; set {setting}, then `tasuki alerts retry`")
    return channels[name]


def _write(office: Office, outcomes: Mapping[int, Outcome]) -> None:
    with office.database.write() as c:
        for alert_id, outcome in outcomes.items():
            c.execute(update(Alert).where(Alert.id == alert_id, Alert.state == "owed").values(outcome))
            if outcome.get("state") == "sent":
                _take_back(c, alert_id)


# Many for one recipient become one


def _send_together(office: Office, claimed: Sequence[Claimed]) -> bool:
    """A digest, without what is not true any more. False: one of them cannot be put into words; each goes alone."""
    try:
        outcomes = _told_together(office, claimed)
    except OperationalError:
        raise
    except Exception:
        return False
    _write(office, outcomes)
    return True


def _told_together(office: Office, claimed: Sequence[Claimed]) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    told: list[tuple[Claimed, Any]] = []
    with office.database.read() as c:
        rows = {row.alert_id: row for row in c.execute(_with_handoff(Alert.id.in_([one.id for one in claimed])))}
        for one in claimed:
            if (outcome := _not_now(c, rows[one.id], one, office)) is not None:
                outcomes[one.id] = outcome
            else:
                told.append((one, rows[one.id]))
        message = messages.digest(c, [row for _, row in told], office.settings) if told else None
    if message is not None:
        outcomes |= _all_alike(told, _deliver(office, told[0][1], told[0][0], message))
    return outcomes


def _all_alike(told: Sequence[tuple[Claimed, Any]], outcome: Outcome) -> dict[int, Outcome]:
    """What became of the one message became of all of them."""
    first = told[0][0].id
    carried = {"told_in": first} if outcome.get("state") == "sent" else {}
    return {one.id: outcome | (carried if one.id != first else {}) for one, _ in told}


def retry(c: Connection, alert_ids: Sequence[int] | None, now: datetime) -> int:
    """Owe undeliverable alerts again, all or these; they are sent if they are still true."""
    again = update(Alert).where(Alert.state == "undeliverable")
    if alert_ids is not None:
        again = again.where(Alert.id.in_(alert_ids))
    return c.execute(again.values(state="owed", not_before=now, attempts=0)).rowcount
