"""Re-evaluate handoffs under their row locks. Nothing else writes a handoff's state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from app.domain.alerting import routes_for, why_alert
from app.domain.clock import Status, Terms, Verdict, evaluate, terms
from app.domain.history import Episode, episode_as_json
from app.domain.policy import Policies
from app.models import Alert, Handoff, VerdictChange

#: Why a handoff is void whose lead, by what is known now, did not become MQL.
NOT_QUALIFIED = "not_qualified"
#: A handoff that could not be settled is looked at again after this.
AGAIN = timedelta(minutes=15)


@dataclass(slots=True)
class Batch:
    """What a transaction will write about handoffs; collected first, so that each table is written once."""

    #: Compute deadlines again even where nothing that they depend on has changed.
    deadlines_too: bool = False
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    #: (row of a new handoff or id of an old one, what to say about it)
    verdicts: list[tuple[dict[str, Any] | int, dict[str, Any]]] = field(default_factory=list)
    alerts: list[tuple[dict[str, Any] | int, dict[str, Any]]] = field(default_factory=list)


def settle(batch: Batch, row: Any | None, lead_id: int, episode: Episode, policies: Policies, now: datetime) -> None:
    """One handoff: `row` is its locked row, or None for a lead that just became MQL."""
    agreed = _terms(None if batch.deadlines_too else row, episode, policies)
    status = evaluate(episode, agreed, now)
    values = _values(episode, agreed, status, now)
    target: dict[str, Any] | int
    if row is None:
        target = values | {"lead_id": lead_id, "number": episode.number, "policy_id": episode.policy_id}
        batch.new.append(target)
    elif _same(row, values):
        return
    else:
        target = row.id
        batch.changed.append(values | {"row_id": row.id, "policy": episode.policy_id})
    _tell(batch, target, Verdict(row.verdict) if row else None, status, episode, policies, now)


def void_rest(batch: Batch, rows: Iterable[Any], now: datetime) -> None:
    """Handoffs of which the lead's history, as it is known now, says nothing."""
    for row in rows:
        if row.verdict != Verdict.VOIDED:
            episode = row.episode | {"void_reason": NOT_QUALIFIED}
            values = {name: getattr(row, name) for name in _COLUMNS if name not in ("episode", "verdict")}
            values |= {"episode": episode, "verdict": "voided", "verdict_at": now, "check_again_at": None}
            batch.changed.append(values | {"updated_at": now, "row_id": row.id, "policy": row.policy_id})
            batch.verdicts.append((row.id, _change(Verdict(row.verdict), Status(Verdict.VOIDED, now, None), now)))


def set_aside(c: Connection, handoff_id: int, _policies: Policies, now: datetime) -> None:
    """No verdict about a handoff that cannot be read: it shows as unknown until `tasuki rebuild` mends it."""
    chosen = Handoff.id == handoff_id
    previous = Verdict(c.execute(select(Handoff.verdict).where(chosen).with_for_update()).scalar_one())
    unknown = Status(Verdict.UNKNOWN, now, now + AGAIN)
    values = {"verdict": unknown.verdict, "verdict_at": unknown.at, "check_again_at": unknown.check_again_at}
    c.execute(update(Handoff).where(chosen).values(values | {"updated_at": now}))
    if previous is not Verdict.UNKNOWN:
        c.execute(insert(VerdictChange).values(_change(previous, unknown, now) | {"handoff_id": handoff_id}))


def _terms(row: Any | None, episode: Episode, policies: Policies) -> Terms:
    if row is not None and row.qualified_at == episode.qualified_at and row.policy_id == episode.policy_id:
        return Terms(row.due_at, row.warn_at)
    version = policies.by_id[episode.policy_id]
    return terms(episode.qualified_at, version.policy, version.calendar)


def _values(episode: Episode, agreed: Terms, status: Status, now: datetime) -> dict[str, Any]:
    return {
        "episode": episode_as_json(episode),
        "qualified_at": episode.qualified_at,
        "visible_at": episode.visible_at,
        "due_at": agreed.due_at,
        "warn_at": agreed.warn_at,
        "owner": episode.owner,
        "touched_at": episode.touch.at if episode.touch else None,
        "verdict": status.verdict.value,
        "verdict_at": status.at,
        "check_again_at": status.check_again_at,
        "updated_at": now,
    }


_COLUMNS = (
    "episode",
    "qualified_at",
    "visible_at",
    "due_at",
    "warn_at",
    "owner",
    "touched_at",
    "verdict",
    "verdict_at",
    "check_again_at",
)


def _same(row: Any, values: dict[str, Any]) -> bool:
    return all(getattr(row, name) == values[name] for name in _COLUMNS)


def _tell(
    batch: Batch,
    target: dict[str, Any] | int,
    previous: Verdict | None,
    status: Status,
    episode: Episode,
    policies: Policies,
    now: datetime,
) -> None:
    if previous is status.verdict:
        return
    batch.verdicts.append((target, _change(previous, status, now)))
    reason = why_alert(previous, status, now)
    if reason is None:
        return
    for route in routes_for(reason, policies.by_id[episode.policy_id].policy.alerts):
        owed = {"reason": reason.value, "channel": route.channel, "recipient": route.to, "state": "owed"}
        batch.alerts.append((target, owed | {"owed_at": now, "not_before": now, "attempts": 0}))


def _change(previous: Verdict | None, status: Status, now: datetime) -> dict[str, Any]:
    return {"previous": previous, "verdict": status.verdict, "true_at": status.at, "known_at": now}


def write(c: Connection, batch: Batch) -> None:
    """Handoffs, the history of their verdicts and the alerts they owe, in the caller's transaction."""
    ids = _insert_new(c, batch.new)
    if batch.changed:
        c.execute(_UPDATE, batch.changed)
    verdicts = [_with_id(target, values, ids) for target, values in batch.verdicts]
    if verdicts:
        c.execute(insert(VerdictChange), verdicts)
    alerts = [_with_subject(_with_id(target, values, ids)) for target, values in batch.alerts]
    if alerts:
        c.execute(_insert_alert(c), alerts)


_UPDATE = (
    update(Handoff)
    .where(Handoff.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in (*_COLUMNS, "updated_at")} | {"policy_id": bindparam("policy")})
)


def _insert_new(c: Connection, rows: list[dict[str, Any]]) -> dict[int, int]:
    """`id()` of each row's dict → the handoff's id."""
    if not rows:
        return {}
    made = c.execute(insert(Handoff).returning(Handoff.id, sort_by_parameter_order=True), rows).scalars()
    return {id(row): key for row, key in zip(rows, made, strict=True)}


def _with_id(target: dict[str, Any] | int, values: dict[str, Any], ids: dict[int, int]) -> dict[str, Any]:
    return values | {"handoff_id": target if isinstance(target, int) else ids[id(target)]}


def _with_subject(alert: dict[str, Any]) -> dict[str, Any]:
    return alert | {"subject": f"handoff:{alert['handoff_id']}"}


def _insert_alert(c: Connection) -> Any:
    """One alert for one reason, handoff, channel and recipient: a second is not even owed."""
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if c.dialect.name == "sqlite" else postgresql
    return dialect.insert(Alert).on_conflict_do_nothing()


def locked_handoffs(c: Connection, lead_ids: Iterable[int]) -> dict[int, dict[int, Any]]:
    """The leads' handoffs, locked in id order: lead id → number → row."""
    rows = c.execute(
        select(Handoff.__table__).where(Handoff.lead_id.in_(list(lead_ids))).order_by(Handoff.id).with_for_update()
    )
    found: dict[int, dict[int, Any]] = {}
    for row in rows:
        found.setdefault(row.lead_id, {})[row.number] = row
    return found
