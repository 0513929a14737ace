"""Re-evaluate handoffs under their row locks. Nothing else writes a handoff's state."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, literal_column, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.alerting import IN_HAND, owed
from app.domain.clock import Status, Terms, Verdict, evaluate, terms
from app.domain.episode import Episode, episode_as_json, episode_from_json
from app.domain.policy import AlertReason, Policies
from app.flows import silences, tools
from app.models import Alert, Handoff, VerdictChange

#: Why a handoff is void whose lead, by what is known now, did not become MQL.
NOT_QUALIFIED = "not_qualified"
#: … and whose lead turned out to be another one.
JOINED = "joined"
#: A handoff that could not be settled is looked at again after this.
AGAIN = timedelta(minutes=15)


@dataclass(slots=True)
class Batch:
    """What a transaction will write about handoffs; collected first, so that each table is written once."""

    #: Compute deadlines again even where nothing that they depend on has changed.
    deadlines_too: bool = False
    #: Leads about whom a tool of sales can be asked before a breach is announced.
    askable: Container[int] = frozenset()
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    #: (row of a new handoff or id of an old one, what to say about it)
    verdicts: list[tuple[dict[str, Any] | int, dict[str, Any]]] = field(default_factory=list)
    alerts: list[tuple[dict[str, Any] | int, dict[str, Any]]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Handoffs that will be written."""
        return len(self.new) + len(self.changed)


def settle(
    batch: Batch,
    row: Any | None,
    lead_id: int,
    episode: Episode,
    policies: Policies,
    now: datetime,
    dark_since: datetime | None = None,
) -> None:
    """One handoff: `row` is its locked row, or None for one that just began. `dark_since`: see `clock.evaluate`."""
    agreed = _terms(None if batch.deadlines_too else row, episode, policies)
    status = evaluate(episode, agreed, now, dark_since)
    values = _values(episode, agreed, status, now)
    target: dict[str, Any] | int
    if row is None:
        target = values | {"lead_id": lead_id, "duty": episode.duty.value, "number": episode.number}
        batch.new.append(target)
    elif _same(row, values):
        return
    else:
        target = row.id
        batch.changed.append(values | {"row_id": row.id})
    previous = Verdict(row.verdict) if row else None
    _tell(batch, target, previous, status, episode, policies, now, askable=lead_id in batch.askable)


def dark_since(c: Connection, lead_ids: Iterable[int]) -> dict[int, datetime]:
    """The leads of which nobody could tell us of a follow-up, and since when."""
    darkness = silences.darkness(c)
    if not darkness:
        return {}
    since = ((lead, darkness.since_for(systems)) for lead, systems in silences.systems_of(c, lead_ids).items())
    return {lead: at for lead, at in since if at is not None}


def askable(c: Connection, lead_ids: Iterable[int]) -> frozenset[int]:
    """Leads about whom a tool of sales can be asked whether somebody called."""
    systems = tools.askable(c)
    if not systems:
        return frozenset()
    return frozenset(lead for lead, known in silences.systems_of(c, lead_ids).items() if known & systems)


def void_rest(batch: Batch, rows: Iterable[Any], reason: str, policies: Policies, now: datetime) -> None:
    """Handoffs of which the lead's history, as it is known now, says nothing."""
    for row in rows:
        if row.verdict != Verdict.VOIDED or row.episode.get("void_reason") != reason:
            episode = row.episode | {"void_reason": reason}
            values = {name: getattr(row, name) for name in _COLUMNS if name not in ("episode", "verdict")}
            values |= {"episode": episode, "verdict": "voided", "verdict_at": now, "check_again_at": None}
            batch.changed.append(values | {"updated_at": now, "row_id": row.id})
            voided = Status(Verdict.VOIDED, now, None)
            known = episode_from_json(episode)
            _tell(batch, row.id, Verdict(row.verdict), voided, known, policies, now, askable=False)


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
    if row is not None and _same_course(row, episode):
        return Terms(row.due_at, row.warn_at)
    return terms(episode, policies)


def _same_course(row: Any, episode: Episode) -> bool:
    """Whether everything that the deadline depends on is as it was."""
    kept = row.episode
    began = (row.qualified_at, kept["policy_id"]) == (episode.qualified_at, episode.policy_id)
    if not began or len(kept.get("changes", ())) != len(episode.changes):
        return False
    return not episode.changes or kept["changes"] == episode_as_json(episode)["changes"]


def _values(episode: Episode, agreed: Terms, status: Status, now: datetime) -> dict[str, Any]:
    return {
        "episode": episode_as_json(episode),
        "policy_id": episode.terms_id,
        "burst_id": episode.burst,
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
    "policy_id",
    "burst_id",
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
    *,
    askable: bool,
) -> None:
    if previous is status.verdict:
        return
    batch.verdicts.append((target, _change(previous, status, now)))
    for message in owed(previous, status, episode, policies.by_id[episode.terms_id], now, askable=askable):
        batch.alerts.append((target, asdict(message) | {"owed_at": now, "attempts": 0}))


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
    _owe(c, [_with_id(target, values, ids) for target, values in batch.alerts])
    _cancel(c, [values["row_id"] for values in batch.changed if values["verdict"] == Verdict.VOIDED])


def _owe(c: Connection, alerts: list[dict[str, Any]]) -> None:
    """Without the withdrawals of what nobody was told."""
    taken_back = [alert["handoff_id"] for alert in alerts if alert["reason"] == AlertReason.WITHDRAWN]
    told = _told(c, taken_back) if taken_back else set()
    news = [a for a in alerts if a["reason"] != AlertReason.WITHDRAWN or a["handoff_id"] in told]
    for again in (False, True):
        if mine := [_with_subject(alert) for alert in news if alert["again"] is again]:
            c.execute(_insert_alert(c, again=again), mine)


def _told(c: Connection, handoff_ids: list[int]) -> set[int]:
    """Those of whose breach somebody heard, or may hear before it is known to be none."""
    breach = select(Alert.handoff_id).where(Alert.handoff_id.in_(handoff_ids))
    breach = breach.where(Alert.reason == AlertReason.BREACHED.value, Alert.state.in_(("asking", "owed", "sent")))
    return {handoff_id for handoff_id in c.execute(breach).scalars() if handoff_id is not None}


def _cancel(c: Connection, voided: list[int]) -> None:
    """Nothing is told about a handoff that does not count, except that a breach which was told, or is just being told,
    was none."""
    if not voided:
        return
    mine = Alert.handoff_id.in_(voided)
    resting = or_(Alert.last_error.is_(None), Alert.last_error != IN_HAND)
    told = select(Alert.handoff_id).where(mine, Alert.reason == AlertReason.BREACHED.value)
    told = told.where(or_(Alert.state == "sent", Alert.last_error == IN_HAND))
    accused = set(c.execute(told).scalars())
    owed = update(Alert).where(mine, Alert.state.in_(("owed", "asking")), resting).values(state="dropped")
    c.execute(owed.where(or_(Alert.reason != AlertReason.WITHDRAWN.value, Alert.handoff_id.not_in(accused))))


_UPDATE = (
    update(Handoff)
    .where(Handoff.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in (*_COLUMNS, "updated_at")})
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
    said = {name: value for name, value in alert.items() if name != "again"}
    return said | {"subject": f"handoff:{alert['handoff_id']}"}


def _insert_alert(c: Connection, *, again: bool) -> Any:
    """One alert for one reason, handoff, channel and recipient. What nobody was told of is owed anew, and with `again`
    what was told as well."""
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(Alert)
    anew = {name: statement.excluded[name] for name in ("state", "owed_at", "not_before", "attempts")}
    anew |= dict.fromkeys(("last_error", "sent_at", "sent_to", "told_in"), null())
    over = ("dropped", "withdrawn", *(("sent", "undeliverable") if again else ()))
    key = ["subject", "reason", "channel", "recipient"]
    told = or_(*(Alert.state == literal_column(f"'{state}'") for state in over))
    return statement.on_conflict_do_update(index_elements=key, set_=anew, where=told)


def locked_handoffs(c: Connection, lead_ids: Iterable[int]) -> dict[int, dict[tuple[str, int], Any]]:
    """The leads' handoffs, locked in id order: lead id → (duty, number) → row."""
    rows = c.execute(
        select(Handoff.__table__).where(Handoff.lead_id.in_(list(lead_ids))).order_by(Handoff.id).with_for_update()
    )
    found: dict[int, dict[tuple[str, int], Any]] = {}
    for row in rows:
        found.setdefault(row.lead_id, {})[(row.duty, row.number)] = row
    return found
