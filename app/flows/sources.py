"""Configured connectors: adding, rotating and disabling them, and finding the one that a webhook calls."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, insert, select, update

from app.db import Database
from app.domain.refusals import refused, validated
from app.models import Source
from connectors import registry
from connectors.contract import Connector, SourceConfig

log = logging.getLogger("tasuki")

#: It stands in the webhook's URL.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class NoSuchSource(LookupError):
    """No source has that name."""


class Overtaken(Exception):
    """Somebody else changed the configuration since it was read."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__("the configuration was changed meanwhile")
        #: As it is now.
        self.config = config


class WrongKey(Exception):
    """The secrets in the database were encrypted with a key that TASUKI_SECRET_KEY does not hold."""


class Vault:
    """Encrypts sources' secrets at rest. `keys`: Fernet keys separated by commas, the first one encrypts."""

    def __init__(self, keys: str) -> None:
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])

    def lock(self, content: dict[str, Any]) -> bytes:
        return self._fernet.encrypt(json.dumps(content).encode())

    def unlock(self, kept: bytes) -> dict[str, Any]:
        try:
            opened: dict[str, Any] = json.loads(self._fernet.decrypt(kept))
        except InvalidToken as wrong:
            raise WrongKey(
                "TASUKI_SECRET_KEY does not open this database's secrets; set the key it began with"
            ) from wrong
        return opened


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source with its secrets in the clear; lives in memory only."""

    id: int
    name: str
    connector: Connector[Any]
    config: SourceConfig
    secrets: tuple[str, ...]
    credential: str
    disabled: bool

    def __repr__(self) -> str:
        return f"OpenSource({self.name})"


def new_secret() -> str:
    """A webhook secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(random.token_bytes(32)).decode()


def secret_for(kind: str, given: str | None) -> str:
    """The given secret, or a new one. Raises Refused for a tool that brings its own."""
    if not given and kind in registry.kinds() and registry.connector(kind).brings_secret:
        message = "{kind} signs with a secret of its own; give that one, as the connector's page describes."
        raise refused("/secret", "brings_secret", message, kind=kind)
    return given or new_secret()


def add(
    c: Connection,
    vault: Vault,
    *,
    name: str,
    kind: str,
    config: dict[str, Any],
    secret: str,
    credential: str = "",
    now: datetime,
) -> int:
    """Store a source. Raises Refused for a wrong name, kind or configuration."""
    if not NAME.fullmatch(name):
        raise refused("/name", "wrong_name", "Use up to 64 small letters, digits, hyphens and underscores.")
    checked = checked_config(kind, config)
    if c.scalar(select(Source.id).where(Source.name == name)):
        raise refused("/name", "taken", "A source called {name} exists already.", name=name)
    row = {
        "name": name,
        "kind": kind,
        "config": checked.model_dump(mode="json", exclude_defaults=True),
        "secrets": vault.lock({"webhook": [secret], "credential": credential}),
        "created_at": now,
    }
    return c.execute(insert(Source).values(row).returning(Source.id)).scalar_one()


def checked_config(kind: str, config: dict[str, Any]) -> SourceConfig:
    if kind not in registry.kinds():
        known = ", ".join(registry.kinds())
        message = "There is no connector {kind}; there are {known}."
        raise refused("/kind", "unknown_kind", message, kind=kind, known=known)
    checked: SourceConfig = validated(registry.connector(kind).config_model, config)
    return checked


def rotate(c: Connection, vault: Vault, name: str, secret: str, now: datetime) -> None:
    """The new secret counts from now on; the one before it stays valid until the next rotation."""
    row = _row(c, name, lock=True)
    kept = vault.unlock(row.secrets)
    kept["webhook"] = [secret, *kept["webhook"][:1]]
    c.execute(update(Source).where(Source.id == row.id).values(secrets=vault.lock(kept), rotated_at=now))


def set_credential(c: Connection, vault: Vault, name: str, credential: str) -> None:
    """The token with which the tool's API is asked."""
    row = _row(c, name, lock=True)
    kept = vault.unlock(row.secrets) | {"credential": credential}
    c.execute(update(Source).where(Source.id == row.id).values(secrets=vault.lock(kept)))


def fingerprint(config: dict[str, Any]) -> str:
    """Of a stored configuration: two that say the same have the same."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:32]


def configure(c: Connection, name: str, config: dict[str, Any], based_on: str | None = None) -> None:
    """Replace the configuration. `based_on`: fingerprint of the one that it was made from; None: whatever is there is
    replaced. Raises Refused, Overtaken."""
    row = _row(c, name, lock=True)
    if based_on is not None and based_on != fingerprint(row.config):
        raise Overtaken(row.config)
    checked = checked_config(row.kind, config).model_dump(mode="json", exclude_defaults=True)
    c.execute(update(Source).where(Source.id == row.id).values(config=checked))


def disable(c: Connection, name: str, now: datetime | None) -> None:
    """From now on its webhooks are answered 404; with None they are taken again."""
    c.execute(update(Source).where(Source.id == _row(c, name, lock=True).id).values(disabled_at=now))


def _row(c: Connection, name: str, *, lock: bool = False) -> Any:
    query = select(Source.id, Source.kind, Source.config, Source.secrets).where(Source.name == name)
    row = c.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NoSuchSource(name)
    return row


def opened(c: Connection, vault: Vault) -> Sequence[OpenSource]:
    """All sources, ready to verify and parse."""
    return [_open(row, vault) for row in c.execute(select(Source.__table__))]


def _open(row: Any, vault: Vault) -> OpenSource:
    connector, kept = registry.connector(row.kind), vault.unlock(row.secrets)
    return OpenSource(
        id=row.id,
        name=row.name,
        connector=connector,
        config=connector.config_model.model_validate(row.config),
        secrets=tuple(kept["webhook"]),
        credential=kept.get("credential", ""),
        disabled=row.disabled_at is not None,
    )


class Directory:
    """The sources as this process knows them: read again after `AGE`, or when told to forget."""

    AGE = timedelta(seconds=3)

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._by_name: dict[str, OpenSource] = {}
        self._read_at: datetime | None = None

    def fresh(self, now: datetime) -> bool:
        return self._read_at is not None and timedelta() <= now - self._read_at < self.AGE

    def refresh(self, now: datetime) -> None:
        """Read the sources. If the database does not answer, what was known stays known."""
        with self._database.read() as c:
            rows = c.execute(select(Source.__table__)).all()
        self._by_name = {row.name: source for row in rows if (source := self._opened(row))}
        self._read_at = now

    def _opened(self, row: Any) -> OpenSource | None:
        """One source that cannot be opened must not close the others; `tasuki doctor` says what is wrong with it."""
        try:
            return _open(row, self._vault)
        except (WrongKey, ValueError, LookupError):
            log.exception("source %s cannot be opened and takes no webhooks; run `tasuki doctor`", row.name)
            return None

    def forget(self) -> None:
        self._read_at = None

    def find(self, name: str) -> OpenSource | None:
        """The source of that name unless it is disabled."""
        source = self._by_name.get(name)
        return None if source is None or source.disabled else source

    def by_id(self, wanted: set[int], now: datetime) -> dict[int, OpenSource]:
        """The sources, the disabled ones too: what they sent before is still worked off. Without those that cannot
        be opened. A wanted one that is not known yet may have been added a moment ago by another process.
        """
        if not self.fresh(now) or not wanted <= {source.id for source in self._by_name.values()}:
            self.refresh(now)
        return {source.id: source for source in self._by_name.values()}
