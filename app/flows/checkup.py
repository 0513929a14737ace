"""What `tasuki doctor` looks at: each finding is green, or red with what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from app.domain.calendar import Calendar
from app.domain.policy import Policies, PolicyVersion
from app.domain.refusals import Refused
from app.flows import feeds, lists, today, vital
from app.flows.feeds import Standing
from app.flows.lists import SourceEntry
from app.flows.sources import Vault, checked_config
from app.models import Delivery, Heartbeat, Source
from app.settings import Settings

#: A delivery that waits longer than this waits for a process that is not there.
WAITING_LONG = timedelta(minutes=5)
#: A tool's API is asked again and again for about this long.
ASKING_LONG = timedelta(hours=2)
#: A source from which nothing came within this time after it was added is not set up in the tool.
NEVER_HEARD = timedelta(days=1)
#: Longer than any office is closed.
SILENT = timedelta(days=14)
#: Clocks of two machines may differ by this much.
SKEW = timedelta(seconds=30)
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
JOBS = ("ledger", "sweep", "alerts", "questions", "feeds", "poll", "backfill", "confirm", "bursts", "outcomes")


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing looked at. `message` and `fix` are message ids with `values`; no fix: it is as it should be."""

    message: str
    fix: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return not self.fix


# --- without the database


def settings_signs(settings: Settings) -> Iterator[Sign]:
    yield _public_url(settings)
    host = urlsplit(settings.public_url).hostname or ""
    if settings.open_pages and (host not in LOOPBACK or settings.host not in LOOPBACK):
        yield Sign("The pages are open to whoever reaches them.", "Set TASUKI_OPEN_PAGES=false.")


def _public_url(settings: Settings) -> Sign:
    url, values = urlsplit(settings.public_url), {"url": settings.public_url}
    if url.hostname in LOOPBACK:
        if settings.host in LOOPBACK:
            return Sign(
                "Public URL {url}: only this machine reaches it, so no tool on the internet can send.", "", values
            )
        fix = "Set TASUKI_PUBLIC_URL to the address under which tools and readers reach this server."
        return Sign("Public URL {url} leads nobody here, but the server listens to others.", fix, values)
    if url.scheme != "https":
        fix = "Put a proxy with TLS in front and set TASUKI_PUBLIC_URL to its https:// address."
        return Sign("Public URL {url} is not encrypted: tokens and leads would travel in the clear.", fix, values)
    return Sign("Public URL {url}", "", values)


def database_is_there(settings: Settings) -> Sign:
    """Whether an embedded database has been made yet; looking must not make one."""
    url = make_url(settings.url_of_database)
    if url.get_backend_name() != "sqlite" or not url.database or Path(url.database).exists():
        return Sign("Database {url}", "", {"url": url.render_as_string()})
    fix = "`tasuki serve` makes it, `tasuki demo` fills one to try out; or set TASUKI_DATA_DIR to its folder."
    return Sign("There is no database at {path} yet.", fix, {"path": url.database})


# --- sources and what they sent


def source_signs(c: Connection, vault: Vault, now: datetime) -> Iterator[Sign]:
    """Raises WrongKey."""
    known, heard = lists.all_sources(c, vault), {fresh.name: fresh for fresh in today.freshness(c)}
    dark = {each.name: each for each in feeds.standings(c, feeds.default_calendar(c)) if each.silence}
    yield Sign("The secret key opens all {count} sources.", "", {"count": len(known)})
    for source in known:
        if why := _unusable(source):
            fix = "Mend it with `tasuki source configure {name}`. Until then no webhook is taken, of no source."
            yield Sign("{name}: {why}", fix, {"name": source.name, "why": why})
        elif not source.disabled_at:
            silent = dark.get(source.name)
            yield _dark(silent) if silent else _heard(source, heard[source.name], now)


def _unusable(source: SourceEntry) -> str:
    """Why the source cannot be opened: its connector is gone, or its configuration is of an older version."""
    try:
        checked_config(source.kind, source.config)
    except Refused as why:
        return "; ".join(f"{refusal.place}: {refusal.message_en}" for refusal in why.refusals)
    return ""


def _dark(standing: Standing) -> Sign:
    assert standing.silence is not None
    values = {"name": standing.name, "source": standing.name, "at": standing.silence.since}
    message = "{name}: the feed is dark since {at}; leads that fall due have no verdict."
    return Sign(message, feeds.REMEDIES[standing.silence.why], values)


def _heard(source: SourceEntry, fresh: today.Freshness, now: datetime) -> Sign:
    since = fresh.heard_at or fresh.silent_since or source.created_at
    values, quiet = {"name": source.name, "at": since}, now - since
    if fresh.heard_at is None and fresh.silent_since is None:
        if quiet <= NEVER_HEARD:
            return Sign("{name}: waits for its first delivery.", "", values)
        fix = "Enter the URL and the secret in the tool (`tasuki source show {name}`, `tasuki source rotate {name}`)."
        return Sign("{name}: nothing has come since it was added, {at}.", fix, values)
    if quiet > SILENT:
        fix = "See in the tool whether its webhook is still switched on and uses the newest secret."
        return Sign("{name}: silent since {at}.", fix, values)
    return Sign("{name}: last delivery {at}", "", values)


def delivery_signs(c: Connection, now: datetime) -> Iterator[Sign]:
    quarantined = vital.deliveries(c, "quarantined")
    if quarantined.count:
        fix = "`tasuki deliveries list --state quarantined` says why; mend it, then `tasuki deliveries replay`."
        yield Sign("{count} deliveries in quarantine, the oldest from {at}.", fix, _said(quarantined))
    else:
        yield Sign("No delivery is in quarantine.")
    yield _in_time(c, "waiting", WAITING_LONG, now)
    yield _in_time(c, "asking", ASKING_LONG, now)


WAITING = {
    "waiting": "{count} deliveries wait for their turn.",
    "asking": "{count} deliveries wait for a tool's answer.",
}


def _in_time(c: Connection, state: str, longest: timedelta, now: datetime) -> Sign:
    queue = vital.deliveries(c, state)
    values = _said(queue)
    if not queue.oldest or now - queue.oldest <= longest:
        return Sign(WAITING[state], "", values)
    if state == "waiting":
        fix = "Start `tasuki serve` or `tasuki worker`; one that runs says on stderr why it is held up."
        return Sign("{count} deliveries wait, the oldest since {at}.", fix, values)
    fix = "`tasuki deliveries list --state asking` says why; see whether the API token is still good."
    return Sign("{count} deliveries wait for a tool's answer, the oldest since {at}.", fix, values)


def _said(queue: vital.Queue) -> dict[str, Any]:
    return {"count": queue.count, "at": queue.oldest}


def quarantined_by_source(c: Connection) -> dict[str, int]:
    count = select(Source.name, func.count().label("number")).join(Delivery, Delivery.source_id == Source.id)
    rows = c.execute(count.where(Delivery.state == "quarantined").group_by(Source.name))
    return {row.name: row.number for row in rows}


# --- jobs and alerts


def job_signs(c: Connection, late: timedelta, now: datetime) -> Iterator[Sign]:
    """`late`: how long a job may go without ending well."""
    beats = {row.job: row for row in vital.heartbeats(c)}
    if not beats:
        yield Sign(
            "Nothing has worked here yet.", "Start `tasuki serve`, or `tasuki worker` beside `serve --no-scheduler`."
        )
        return
    for job in JOBS:
        yield _job(job, beats.get(job), late, now)


def _job(job: str, row: Any, late: timedelta, now: datetime) -> Sign:
    if row is None:
        return Sign("Job {job} has not had its first turn yet.", "", {"job": job})
    values = {"job": job, "at": row.beat_at, "error": row.error}
    if now - row.beat_at <= late:
        return Sign("Job {job} ran at {at}", "", values)
    fix = "See that `tasuki serve` or `tasuki worker` runs; it writes on stderr what stops it."
    message = "Job {job} last ended well at {at}: {error}" if row.error else "Job {job} last ended well at {at}."
    return Sign(message, fix, values)


def alert_signs(c: Connection) -> Iterator[Sign]:
    undeliverable = vital.alerts(c, "undeliverable")
    if undeliverable.count:
        fix = "`tasuki alerts list --state undeliverable` says why; mend it, then `tasuki alerts retry`."
        yield Sign("{count} alerts cannot be delivered.", fix, _said(undeliverable))
    else:
        yield Sign("No alert is undeliverable.")


# --- what the policies need


def policy_signs(policies: Policies, settings: Settings, now: datetime) -> Iterator[Sign]:
    in_force = policies.in_force(now)
    if not in_force:
        yield Sign("No policy is in force: no lead becomes MQL.", "Apply one: `tasuki policy apply FILE`.")
    routes = {(route.channel, route.to) for version in in_force for route in version.policy.alerts}
    yield from _channels(sorted(routes.union(settings.admin_routes)), settings)
    for version in in_force:
        yield _holidays(version, now)


def _channels(routes: Iterable[tuple[str, str]], settings: Settings) -> Iterator[Sign]:
    for name in (to for channel, to in routes if channel == "slack"):
        fix = (
            ""
            if name in settings.slack_webhooks
            else "Add {name} to TASUKI_SLACK_WEBHOOKS, or take it out of the policy."
        )
        yield Sign(
            "Slack webhook {name} is set up" if not fix else "Slack webhook {name} is missing.", fix, {"name": name}
        )
    if any(channel == "email" for channel, _ in routes):
        fix = "" if settings.smtp_host else "Set TASUKI_SMTP_HOST, or take e-mail out of the policy."
        yield Sign(
            "E-mail goes through {host}" if not fix else "E-mail is not set up.", fix, {"host": settings.smtp_host}
        )


def _holidays(version: PolicyVersion, now: datetime) -> Sign:
    """Deadlines of the next twelve months are computed with the calendar that the policy was made with."""
    local = now.astimezone(version.calendar.zone).date()
    missing = years_without_holidays(version.calendar, range(local.year, _in_twelve_months(local).year + 1))
    values = {"policy": version.policy.key, "calendar": version.calendar.key, "number": version.calendar_version}
    if missing:
        fix = "`tasuki calendar show {calendar} | tasuki calendar apply -` writes them down."
        years = ", ".join(map(str, missing))
        return Sign("Policy {policy}: its calendar knows no holidays of {years}.", fix, values | {"years": years})
    return Sign("Policy {policy}: calendar {calendar} v{number} covers the next twelve months", "", values)


def _in_twelve_months(day: date) -> date:
    return day + timedelta(days=365)


def years_without_holidays(calendar: Calendar, years: Iterable[int]) -> list[int]:
    """Those for which the calendar's country is named, and yet no public holiday is written down."""
    written = {day.year for day in calendar.holidays}
    return [year for year in years if calendar.country and year not in written]


# --- the clock


def clock_sign(c: Connection, now: datetime) -> Sign:
    """What was written down later than now was written by another clock."""
    if c.dialect.name == "postgresql":
        newest = c.execute(select(func.clock_timestamp())).scalar_one()
        apart = abs(now - newest)
    else:
        newest_delivery = select(Delivery.received_at).order_by(Delivery.id.desc()).limit(1)
        written = [c.scalar(select(func.max(Heartbeat.beat_at))), c.scalar(newest_delivery)]
        newest = max((at for at in written if at), default=now)
        apart = newest - now
    values = {"at": newest}
    if apart > SKEW:
        return Sign(
            "This machine's clock and the database's times do not agree: {at}.", "Let NTP set the clock.", values
        )
    return Sign("The clock is right", "", values)
