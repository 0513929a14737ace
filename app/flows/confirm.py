"""Before a breach is announced, the sales tool is asked whether somebody called after all.

The alerts of such a breach wait in the state `asking`; whatever comes of it, they are owed minutes later at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection, and_, func, or_, select, update

from app.db import Database
from app.domain.clock import Verdict
from app.flows import policies as versions
from app.flows import reconcile, tools
from app.flows.ledger import LEASE as LEASE_OF_A_DELIVERY
from app.flows.ledger import Ledger
from app.flows.sources import Directory, OpenSource
from app.models import Alert, Delivery, Handoff, LeadIdentity
from connectors.contract import AsksAboutLead, ExternalId, Page

#: Alerts claimed at a time, and how often a turn claims: then the clock is read again.
BATCH, ROUNDS = 5, 20
#: A worker that claimed alerts and died gives them back after this.
LEASE = timedelta(seconds=60)
#: Seconds that one request to a tool may take; whoever makes the client sets it.
PATIENCE = 4.0
#: Failed tries, or time, after which a breach is announced unconfirmed.
MOST_TRIES, LONGEST = 3, timedelta(minutes=5)
#: An answer about a lead serves this long.
FRESH = timedelta(minutes=10)
#: The newest deliveries, among which an answer is looked for.
LOOKED_AT = 2000
OWED: dict[str, Any] = {"state": "owed", "attempts": 0, "last_error": None}

Claimed = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one handoff."""

    lead_id: int
    lead: tuple[ExternalId, ...]
    due_at: datetime
    #: A follow-up from then on meets the SLA.
    since: datetime


def run(database: Database, directory: Directory, cache: versions.Cache, http: httpx.Client, now: datetime) -> int:
    """Ask about the breaches whose turn it is; returns how many alerts were taken up.

    No transaction is open while a tool is asked.
    """
    with database.read() as c:
        if c.execute(_due(now).limit(1)).first() is None:
            return 0
    taken_up = _announce_overdue(database, now)
    turn = _Turn(database, directory, cache, http, now)
    for _ in range(ROUNDS):
        claimed = _claim(database, now)
        for handoff_id in dict.fromkeys(alert.handoff_id for alert in claimed):
            turn.confirm(handoff_id, [alert for alert in claimed if alert.handoff_id == handoff_id])
        taken_up += len(claimed)
        if len(claimed) < BATCH:
            break
    return taken_up


def _due(now: datetime) -> Any:
    waiting = select(Alert.id, Alert.handoff_id, Alert.attempts, Alert.owed_at)
    return waiting.where(Alert.state == "asking", Alert.not_before <= now).order_by(Alert.not_before, Alert.id)


def _claim(database: Database, now: datetime) -> Claimed:
    with database.write() as c:
        rows = c.execute(_due(now).limit(BATCH).with_for_update(skip_locked=True)).all()
        c.execute(update(Alert).where(Alert.id.in_([row.id for row in rows])).values(not_before=now + LEASE))
        return rows


def _announce_overdue(database: Database, now: datetime) -> int:
    """Nobody came round to ask about them in time, or the tool did not answer for too long."""
    tried = and_(Alert.attempts > 0, Alert.owed_at <= now - LONGEST, Alert.not_before <= now)
    waited = update(Alert).where(Alert.state == "asking", or_(Alert.not_before <= now - LONGEST, tried))
    with database.write() as c:
        return c.execute(waited.values(OWED | {"not_before": now})).rowcount


class _Turn:
    """Remembers which tool did not answer, so that it holds up one question and not each of them."""

    def __init__(
        self, database: Database, directory: Directory, cache: versions.Cache, http: httpx.Client, now: datetime
    ) -> None:
        self._database, self._cache, self._http, self._now = database, cache, http, now
        self._ledger = Ledger(database, directory, cache, http)
        self._sources = tools.asked_about_leads(directory, now)
        self._silent: dict[int, Exception] = {}

    def confirm(self, handoff_id: int, alerts: Claimed) -> None:
        """Ask every tool that knows the lead, then let the alerts go; they are sent if they are still true."""
        with self._database.read() as c:
            question = _question(c, handoff_id, self._cache)
            unanswered = [] if question is None else list(self._unanswered(c, question))
        for source, asked in unanswered:
            if failed := self._ask(source, asked):
                self._put_off(alerts, source, failed)
                return
        with self._database.write() as c:
            waiting = update(Alert).where(Alert.handoff_id == handoff_id, Alert.state == "asking")
            c.execute(waiting.values(OWED | {"not_before": self._now}))

    def _unanswered(self, c: Connection, question: Question) -> Iterator[tuple[OpenSource, Question]]:
        systems = {known.system for known in question.lead}
        for source in self._sources:
            if tools.system_of(source) in systems and not _answered(c, source, question, self._now):
                yield source, question

    def _ask(self, source: OpenSource, question: Question) -> Exception | None:
        """What went wrong; None: the answer is in the ledger, and the handoff settled."""
        if source.id in self._silent:
            return self._silent[source.id]
        try:
            page = _page(source, question, self._http)
        except Exception as failed:  # a connector's mistake must not keep a breach secret
            self._silent[source.id] = failed
            with self._database.write() as c:
                reconcile.count_failure(c, source, failed, self._now)
            return failed
        with self._database.write() as c:
            why = {tools.LEAD: str(question.lead_id)}
            delivery_id = tools.keep(c, source, page, self._now, why=why, lease=LEASE_OF_A_DELIVERY)
        self._ledger.take_in(delivery_id, self._now)
        return None

    def _put_off(self, alerts: Claimed, source: OpenSource, failed: Exception) -> None:
        """Asked again soon, but neither for ever nor for long."""
        for alert in alerts:
            tries = alert.attempts + 1
            again_at = min(self._now + tools.wait_after(failed, tries), max(alert.owed_at + LONGEST, self._now))
            later = {"attempts": tries, "not_before": again_at, "last_error": tools.in_words(failed, source)}
            values = OWED | {"not_before": self._now} if tries >= MOST_TRIES else later
            with self._database.write() as c:
                c.execute(update(Alert).where(Alert.id == alert.id, Alert.state == "asking").values(values))


def _page(source: OpenSource, question: Question, http: httpx.Client) -> Page:
    assert isinstance(source.connector, AsksAboutLead)
    own = tools.system_of(source)
    lead = sorted(question.lead, key=lambda known: known.system != own)
    return source.connector.ask_about(lead, question.since, source.config, source.credential, http)


def _question(c: Connection, handoff_id: int, cache: versions.Cache) -> Question | None:
    """None: the breach is none any more, so there is nothing to ask."""
    columns = (Handoff.lead_id, Handoff.policy_id, Handoff.qualified_at, Handoff.due_at)
    overdue = select(*columns).where(Handoff.id == handoff_id, Handoff.verdict == Verdict.BREACHED)
    handoff = c.execute(overdue).first()
    if handoff is None:
        return None
    agreed = cache.read(c).by_id[handoff.policy_id].policy.follow_ups
    since = handoff.qualified_at - timedelta(days=agreed.earlier_contact_days)
    known_as = select(LeadIdentity.system, LeadIdentity.value).where(LeadIdentity.lead_id == handoff.lead_id)
    lead = tuple(ExternalId(*row) for row in c.execute(known_as.order_by(LeadIdentity.system, LeadIdentity.value)))
    return Question(handoff.lead_id, lead, handoff.due_at, since)


def _answered(c: Connection, source: OpenSource, question: Question, now: datetime) -> bool:
    """Whether the tool was asked about the lead a moment ago, and when the time was up already."""
    newest = c.scalar(select(func.max(Delivery.id))) or 0
    answers = select(Delivery.id).where(
        Delivery.id > newest - LOOKED_AT,
        Delivery.source_id == source.id,
        Delivery.method == tools.POLL,
        Delivery.state != "waiting",
        Delivery.received_at > max(now - FRESH, question.due_at),
        Delivery.headers[tools.LEAD].as_string() == str(question.lead_id),
    )
    return c.execute(answers.limit(1)).first() is not None
