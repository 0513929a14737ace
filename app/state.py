"""What one process holds: settings, database, clock, sources, intake. Nothing that a second process would need."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from app.db import Database
from app.flows import meetings, policies, schema
from app.flows.intake import Intake
from app.flows.ledger import Ledger
from app.flows.sources import Directory, Vault
from app.notify.contract import Channel
from app.notify.email import Email
from app.notify.log import Log
from app.notify.slack import Slack
from app.openid import Provider
from app.settings import Settings

log = logging.getLogger("tasuki")


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class State:
    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    vault: Vault
    directory: Directory
    versions: policies.Cache
    intake: Intake
    ledger: Ledger
    channels: Mapping[str, Channel]
    http: httpx.Client
    #: None: people sign in with e-mail and password alone.
    provider: Provider | None
    #: Set when deliveries were stored: the ledger need not wait for its schedule.
    stored: threading.Event = field(default_factory=threading.Event)

    def trouble(self, what: str) -> None:
        """One line for the operator, with what was raised."""
        log.exception(what)

    def close(self) -> None:
        self.http.close()
        self.database.close()


def open_state(settings: Settings, clock: Callable[[], datetime] = wall_clock, *, migrate: bool = True) -> State:
    """Everything a process needs, on a database that has this program's schema and the default SLA."""
    database = Database(settings.url_of_database)
    if migrate:
        schema.upgrade(database)
        with database.write() as c:
            policies.ensure_defaults(c, clock())
            meetings.ensure_default_series(c, settings, clock())
    vault = Vault(secret_keys(settings))
    directory, versions, http = Directory(database, vault), policies.Cache(), http_client(timeout=10)
    stored = threading.Event()
    return State(
        settings=settings,
        database=database,
        clock=clock,
        vault=vault,
        directory=directory,
        versions=versions,
        intake=Intake(database, settings.intake_queue, after_commit=stored.set),
        ledger=Ledger(database, directory, versions, http),
        channels=open_channels(settings, clock, http),
        http=http,
        provider=Provider(settings, http, clock) if settings.oidc_issuer else None,
        stored=stored,
    )


@cache
def _trust() -> ssl.SSLContext:
    """Reading all the authorities' certificates takes longer than many a request."""
    return httpx.create_ssl_context()


def http_client(timeout: float) -> httpx.Client:
    return httpx.Client(timeout=timeout, verify=_trust())


def secret_keys(settings: Settings) -> str:
    """The configured keys; an embedded database gets one of its own in the data folder, readable by its owner."""
    if configured := settings.secret_key.get_secret_value():
        return configured
    file = Path(settings.data_dir) / "secret.key"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(Fernet.generate_key())
    return file.read_text().strip()


def open_channels(settings: Settings, clock: Callable[[], datetime], http: httpx.Client) -> dict[str, Channel]:
    """The channels that are set up; an alert for another one is undeliverable and says so."""
    channels: dict[str, Channel] = {"log": Log(log.info)}
    if settings.slack_webhooks:
        channels["slack"] = Slack(settings.slack_webhooks, http)
    if settings.smtp_host:
        channels["email"] = Email(
            settings.smtp_host,
            settings.smtp_port,
            user=settings.smtp_user or None,
            password=settings.smtp_password if settings.smtp_user else None,
            tls=settings.smtp_tls,
            sender=settings.mail_from,
            public_url=settings.public_url,
            clock=clock,
        )
    return channels
