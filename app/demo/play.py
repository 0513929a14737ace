"""Play the demo's weeks through the real webhooks: signed, verified, stored, applied, swept, alerted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

import httpx
from sqlalchemy import func, select

from app.db import Database
from app.demo.senders import ORGANIZATION, PORTAL
from app.demo.story import REPS, Step, Story
from app.domain.calendar import ClockKind
from app.domain.policy import AlertRoute, default_policy
from app.flows import alerts, policies, sources, sweep
from app.main import create_app
from app.models import Alert, Event, Handoff, Lead, Source
from app.notify.log import Log
from app.settings import Settings
from app.state import State, open_state

#: Webhooks of one slot are posted at once; the sweep runs between slots.
SLOT = timedelta(minutes=30)
#: The meeting agreed on another SLA in this week: one business day instead of 24 hours.
NEW_SLA_WEEK = 6
REPLAYED = "tasuki demo"


@dataclass(slots=True)
class PlayedClock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Played:
    """What happened, in numbers, and the last alerts as they were written."""

    webhooks: int = 0
    events: int = 0
    leads: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    alerts: int = 0
    last_alerts: list[str] = field(default_factory=list)


def already_played(database: Database) -> bool:
    with database.read() as c:
        return c.scalar(select(func.count()).select_from(Source)) != 0


def play(settings: Settings, now: datetime, progress: Callable[[int, int], None]) -> Played:
    """Fill an empty database. `progress`: (webhooks sent, all)."""
    clock = PlayedClock(now)
    state = open_state(settings, clock)
    heard: list[str] = []
    state.channels = {"log": Log(heard.append)}
    story = Story(now, secrets={}, public_url=settings.public_url)
    clock.now = story.start - timedelta(days=30)
    _set_up(state, story)
    steps = story.steps()
    asyncio.run(_play(state, clock, story, steps, now, progress))
    played = _count(state, len(steps))
    played.last_alerts = heard[-3:]
    state.close()
    return played


def _set_up(state: State, story: Story) -> None:
    """The calendar, the two SLAs, the three sources."""
    log_only = (AlertRoute(channel="log", to="sales"),)
    first = default_policy().model_copy(update={"alerts": log_only})
    agreed = first.model_copy(update={"name": "MQL 1営業日", "clock": ClockKind.BUSINESS_DAYS, "target": 1.0})
    now, change = state.clock(), story.start + timedelta(weeks=NEW_SLA_WEEK, days=3, hours=11)
    owners = {owner: name for owner, name, _, _ in REPS} | {"0055i000001TaNA": "田中 舞"}
    hubspot = {
        "portal_id": PORTAL,
        "score_property": "fit_score",
        "activity_properties": {"last_download": "download", "last_page": "visit"},
    }
    salesforce = {
        "organization_id": ORGANIZATION,
        "owners": owners,
        "owner_emails": {owner: address for owner, _, address, _ in REPS},
        "opportunity_contact_field": "Contact_Email__c",
        "statuses": {"Closed - Not Converted": "recycled"},
    }
    with state.database.write() as c:
        policies.apply_calendar(c, story.calendar(), by=REPLAYED, now=now)
        policies.apply_policy(c, first, by=REPLAYED, now=now, effective_from=None)
        note = "会議での決定: 休業日を挟むと守れない"
        policies.apply_policy(c, agreed, by=REPLAYED, now=now, effective_from=change, note=note)
        for name, kind, config in (
            ("hubspot", "hubspot", hubspot),
            ("salesforce", "salesforce", salesforce),
            ("seminar", "standard", {}),
        ):
            secret = story.secrets[name] = sources.new_secret()
            sources.add(c, state.vault, name=name, kind=kind, config=config, secret=secret, now=now)


async def _play(
    state: State,
    clock: PlayedClock,
    story: Story,
    steps: Sequence[Step],
    now: datetime,
    progress: Callable[[int, int], None],
) -> None:
    app = create_app(state.settings, scheduled=False, state=state)
    state.intake.start()
    sent = 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=state.settings.public_url) as http:
        for moment, in_slot in _slots(steps, story.start, now):
            clock.now = moment
            await _post(http, in_slot, moment)
            _work(state, moment)
            sent += len(in_slot)
            progress(sent, len(steps))
    state.intake.stop()


def _slots(steps: Sequence[Step], start: datetime, now: datetime) -> Iterator[tuple[datetime, list[Step]]]:
    """Every hour of the weeks, and in between the slots in which something is sent."""
    sending = {end: list(group) for end, group in groupby(steps, key=lambda s: start + SLOT * ((s.at - start) // SLOT + 1))}
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
    while alerts.send_owed(state.database, state.versions, state.channels, state.settings, moment):
        pass


def _count(state: State, webhooks: int) -> Played:
    with state.database.read() as c:
        verdicts = c.execute(select(Handoff.verdict, func.count()).group_by(Handoff.verdict)).all()
        return Played(
            webhooks=webhooks,
            events=c.scalar(select(func.count()).select_from(Event)) or 0,
            leads=c.scalar(select(func.count()).select_from(Lead)) or 0,
            verdicts={verdict: count for verdict, count in verdicts},
            alerts=c.scalar(select(func.count()).select_from(Alert).where(Alert.state == "sent")) or 0,
        )
