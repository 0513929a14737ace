"""Play the demo's weeks through the real webhooks: signed, verified, stored, applied, swept, alerted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

import httpx
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.event import listen

from app.db import Database
from app.demo import marketing
from app.demo.meetings import Meetings, series
from app.demo.senders import ORGANIZATION, PORTAL
from app.demo.story import REPS, TOKYO, Step, Story
from app.domain.calendar import is_open
from app.domain.clock import Verdict
from app.domain.policy import AlertRoute, default_policy
from app.flows import alerts, channels, meetings, policies, sources, spend, sweep, tokens, website
from app.models import (
    HANDED_OVER,
    Alert,
    ApiToken,
    Base,
    Delivery,
    Event,
    Handoff,
    Lead,
    PolicyVersion,
    Source,
    VerdictChange,
)
from app.notify.contract import Message
from app.notify.log import Log
from app.settings import Settings
from app.state import State, open_state

#: Webhooks of one slot are posted at once; the sweep runs between slots.
SLOT = timedelta(minutes=30)
#: Who made the demo's policies; so its database is told from others.
REPLAYED = "tasuki demo"
#: Who made the policy of a fresh database.
BY_ITSELF = "tasuki"
SOURCES = frozenset({"hubspot", "salesforce", "seminar"})
#: Name of the token made for whoever looks around.
KEYS = "demo"


@dataclass(slots=True)
class PlayedClock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Standing(StrEnum):
    """What is in a database, as far as the demo is concerned."""

    EMPTY = "empty"
    #: A play that was interrupted.
    BEGUN = "begun"
    PLAYED = "played"
    #: Leads or sources that are somebody's own.
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Played:
    """What is there after playing, in numbers."""

    #: webhooks, events, leads, handoffs, alerts
    numbers: dict[str, int]
    #: Handoffs by verdict.
    verdicts: dict[str, int]


# --- before


def standing(database: Database) -> Standing:
    """Of a database with the schema of this program."""
    with database.read() as c:
        return standing_of(c)


def standing_of(c: Connection) -> Standing:
    names = set(c.scalars(select(Source.name)))
    makers = set(c.scalars(select(PolicyVersion.created_by).distinct()))
    keys = set(c.scalars(select(ApiToken.name)))
    if REPLAYED not in makers:
        anything = names or keys or makers - {BY_ITSELF} or _number(c, Lead)
        return Standing.FOREIGN if anything else Standing.EMPTY
    if names - SOURCES:
        return Standing.FOREIGN
    return Standing.PLAYED if KEYS in keys else Standing.BEGUN


def clear(database: Database) -> None:
    """Empty every table. Only for a database of the demo's."""
    with database.write() as c:
        for table in reversed(Base.metadata.sorted_tables):
            c.execute(delete(table))


# --- playing


def play(settings: Settings, now: datetime, progress: Callable[[int, int], None]) -> list[str]:
    """Fill an empty database; the last alerts as they were written. `progress`: (webhooks sent, all)."""
    story = Story(now, secrets={}, public_url=settings.public_url)
    clock = PlayedClock(story.start - timedelta(days=30))
    state = open_state(settings, clock)
    _hurry(state.database)
    heard: list[str] = []
    state.channels = {"log": Log(heard.append), "email": Unsent()}
    _set_up(state, story)
    asyncio.run(_play(state, clock, story, story.steps(), now, progress))
    with state.database.write() as c:
        new_keys(c, now)
    state.close()
    return heard[-3:]


class Unsent:
    """An invented company's mail reaches everybody, and nobody."""

    def deliver(self, message: Message, recipient: str) -> None:
        """Taken."""


def _hurry(database: Database) -> None:
    """What is lost with the machine's power is simply played again: SQLite need not wait for the disk."""
    if database.is_sqlite:
        database.engine.dispose()
        listen(database.engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous=OFF"))


def _set_up(state: State, story: Story) -> None:
    """The calendar, the SLA, the three sources, and what marketing enters by hand."""
    last_day = story.now.astimezone(TOKYO).date()
    log_only = (AlertRoute(channel="log", to="sales", page=True),)
    first = default_policy().model_copy(update={"alerts": log_only})
    now = state.clock()
    owners = {owner: name for owner, name, _, _ in REPS} | {"0055i000001TaNA": "田中 舞"}
    hubspot = {
        "portal_id": PORTAL,
        "score_property": "fit_score",
        "activity_properties": {"last_download": "download", "last_page": "visit"},
        "attributes": {"original_source": "lead_source"},
    }
    salesforce = {
        "organization_id": ORGANIZATION,
        "owners": owners,
        "owner_emails": {owner: address for owner, _, address, _ in REPS},
        "opportunity_contact_field": "Contact_Email__c",
        "statuses": {"Closed - Not Converted": "recycled"},
    }
    with state.database.write() as c:
        policies.apply_calendar(c, story.calendar, by=REPLAYED, now=now)
        policies.apply_policy(c, first, by=REPLAYED, now=now, effective_from=None)
        for name, kind, config in (
            ("hubspot", "hubspot", hubspot),
            ("salesforce", "salesforce", salesforce),
            ("seminar", "standard", {}),
        ):
            secret = story.secrets[name] = sources.new_secret()
            sources.add(c, state.vault, name=name, kind=kind, config=config, secret=secret, now=now)
        for word, channel in marketing.CHANNELS.items():
            channels.decide(c, word, channel, by=REPLAYED, now=now)
        website.replace(c, marketing.visits(story.first_day, last_day), by=REPLAYED, now=now)
        spend.replace(c, marketing.budget(story.first_day, last_day), by=REPLAYED, now=now)


async def _play(
    state: State,
    clock: PlayedClock,
    story: Story,
    steps: Sequence[Step],
    now: datetime,
    progress: Callable[[int, int], None],
) -> None:
    from app.main import create_app  # whose pages offer to play

    app = create_app(state.settings, scheduled=False, state=state)
    talks = Meetings(state, series(story.first_meeting))
    talks.plan(clock.now)
    state.intake.start()
    sent, office = 0, story.calendar
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=state.settings.public_url) as http:
        for moment, in_slot in _slots(steps, story.start, now):
            clock.now = moment
            await _post(http, in_slot, moment)
            _work(state, moment)
            if moment.minute == 0 and is_open(office, moment):
                talks.turn(moment)
                _send(state, moment)
            sent += len(in_slot)
            progress(sent, len(steps))
    state.intake.stop()


def _slots(steps: Sequence[Step], start: datetime, now: datetime) -> Iterator[tuple[datetime, list[Step]]]:
    """Every hour of the weeks, and in between the slots in which something is sent."""
    sending = {
        end: list(group) for end, group in groupby(steps, key=lambda s: start + SLOT * ((s.at - start) // SLOT + 1))
    }
    hours = {start + timedelta(hours=n) for n in range(int((now - start) / timedelta(hours=1)) + 1)}
    for moment in sorted(hours | set(sending)):
        yield min(moment, now), sending.get(moment, [])


async def _post(http: httpx.AsyncClient, steps: Sequence[Step], moment: datetime) -> None:
    webhooks = [step.make(moment) for step in steps]
    answers = await asyncio.gather(*(http.post(w.path, content=w.body, headers=dict(w.headers)) for w in webhooks))
    for webhook, answer in zip(webhooks, answers, strict=True):
        if answer.status_code >= 300:
            raise RuntimeError(f"{webhook.path.split('?')[0]} was answered {answer.status_code}: {answer.text}")


def _work(state: State, moment: datetime) -> None:
    """What the scheduler does, at the played time."""
    while state.ledger.drain(moment):
        pass
    while state.ledger.ask(moment):
        pass
    sweep.run(state.database, state.versions, moment)
    _send(state, moment)


def _send(state: State, moment: datetime) -> None:
    while alerts.send_owed(state.database, state.versions, state.channels, state.settings, moment):
        pass


# --- afterwards


def new_keys(c: Connection, now: datetime) -> tuple[str, str]:
    """A token that may read, and the secret of the meeting's feed; those made before end. That there is one says that
    the play came to its end."""
    for token in tokens.listed(c):
        if token.name == KEYS:
            tokens.revoke(c, token.id, now)
    return tokens.create(c, KEYS, ["read"], now), meetings.new_feed_secret(c, meetings.DEFAULT)


def count(c: Connection) -> Played:
    tables = {"webhooks": Delivery, "events": Event, "leads": Lead, "handoffs": Handoff}
    numbers = {name: _number(c, table) for name, table in tables.items()}
    sent = select(func.count()).select_from(Alert).where(Alert.state == "sent")
    verdicts = c.execute(
        select(Handoff.verdict, func.count().label("number")).where(HANDED_OVER).group_by(Handoff.verdict)
    )
    return Played(numbers | {"alerts": c.scalar(sent) or 0}, {row.verdict: row.number for row in verdicts})


def _number(c: Connection, table: type[Base]) -> int:
    return c.scalar(select(func.count()).select_from(table)) or 0


def telling_handoff(c: Connection) -> int:
    """A handoff worth explaining: the newest whose breach was withdrawn, else the newest breach, else the newest."""
    withdrawn = VerdictChange.previous == Verdict.BREACHED, VerdictChange.verdict == Verdict.MET
    candidates = (
        select(func.max(VerdictChange.handoff_id)).where(*withdrawn),
        select(func.max(Handoff.id)).where(HANDED_OVER, Handoff.verdict == Verdict.BREACHED),
        select(func.max(Handoff.id)).where(HANDED_OVER),
    )
    return next((found for query in candidates if (found := c.scalar(query))), 0)
