"""Every environment variable, read once. Nonsense stops the start with one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError
from sqlalchemy.engine import make_url


class BadSettings(Exception):
    """The settings make no sense; the message names the variable and what to do."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TASUKI_", env_file=".env", extra="ignore", frozen=True)

    #: Folder of the embedded database and its key.
    data_dir: Path = Path("tasuki-data")
    #: `postgresql://user:password@host/name`; empty: SQLite in the data folder.
    database_url: SecretStr = SecretStr("")
    #: Key that sources' secrets are encrypted with (`tasuki doctor` prints how to make one). Several, separated
    #: by commas, while you change it: the first encrypts, all decrypt. Empty with SQLite: made in the data folder.
    secret_key: SecretStr = SecretStr("")
    #: How the world reaches this server. Signatures that cover the URL are checked against it.
    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    #: Language of messages and pages that cannot ask their reader.
    locale: Literal["ja", "en"] = "ja"
    #: IANA name; moments are shown in it.
    time_zone: str = "Asia/Tokyo"
    #: Pages at `/` without signing in. Only for a machine that nobody else reaches.
    open_pages: bool = False
    #: Bytes of a webhook body; larger ones are answered 413.
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    #: Deliveries waiting for their commit; beyond it senders get 503 with Retry-After.
    intake_queue: Annotated[int, Field(ge=1)] = 2000
    #: Seconds for which the ledger stands back while deliveries pour in.
    ledger_patience: Annotated[float, Field(ge=0, le=300)] = 10.0
    #: Seconds between two sweeps.
    sweep_every: Annotated[float, Field(gt=0, le=3600)] = 15.0
    #: Name → URL of Slack incoming webhooks, as JSON. The name `default` serves alerts that name none.
    slack_webhooks: dict[str, SecretStr] = Field(default_factory=dict)
    #: Who hears when a source goes dark, as JSON: `email:ADDRESS`, `slack:NAME` of a webhook above, `log:NAME`.
    admin_alerts: tuple[str, ...] = ("log:admins",)
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    mail_from: str = "tasuki@localhost"
    #: OpenID Connect: people sign in with the accounts of this issuer too, such as https://accounts.google.com. Its
    #: redirect URI for us is the public URL with /sign-in/provider/return.
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    #: What people call it, on the button; empty: the issuer's host.
    oidc_name: str = ""

    @field_validator("time_zone")
    @classmethod
    def zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as unknown:
            raise ValueError(f"no time zone is called {name!r}; use an IANA name like Asia/Tokyo") from unknown
        return name

    @field_validator("public_url")
    @classmethod
    def url_without_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def issuer_is_safe(cls, url: str) -> str:
        if url and not url.startswith("https://") and not is_private_to_this_machine(url):
            raise ValueError("must start with https://")
        return url.rstrip("/")

    @field_validator("admin_alerts")
    @classmethod
    def admins_can_be_reached(cls, routes: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"(email:[^@\s]+@[^@\s]+|(slack|log):\S+)", route) for route in routes):
            raise ValueError('write ["email:admin@example.jp", "slack:ops", "log:admins"], each as its channel allows')
        return routes

    @field_validator("database_url")
    @classmethod
    def database_is_known(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value():
            return url
        try:
            backend = make_url(url.get_secret_value()).get_backend_name()
        except Exception as broken:
            raise ValueError("is not a database URL; write postgresql://user:password@host/name") from broken
        if backend not in ("postgresql", "sqlite"):
            raise ValueError(f"{backend} is not supported; use postgresql:// or leave it empty for SQLite")
        return url

    @field_validator("secret_key")
    @classmethod
    def key_is_usable(cls, keys: SecretStr) -> SecretStr:
        for key in filter(None, keys.get_secret_value().split(",")):
            try:
                Fernet(key.strip())
            except ValueError as broken:
                raise ValueError("is not a key; make one with `tasuki doctor --new-key`") from broken
        return keys

    @model_validator(mode="after")
    def key_for_a_shared_database(self) -> Settings:
        if self.database_url.get_secret_value().startswith("postgres") and not self.secret_key.get_secret_value():
            raise ValueError("TASUKI_SECRET_KEY is needed with PostgreSQL; make one with `tasuki doctor --new-key`")
        return self

    @model_validator(mode="after")
    def issuer_knows_us(self) -> Settings:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("TASUKI_OIDC_ISSUER needs TASUKI_OIDC_CLIENT_ID and TASUKI_OIDC_CLIENT_SECRET")
        return self

    @property
    def admin_routes(self) -> list[tuple[str, str]]:
        """(channel, recipient), each once."""
        routes = (route.partition(":") for route in dict.fromkeys(self.admin_alerts))
        return [(channel, recipient) for channel, _, recipient in routes]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def url_of_database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'tasuki.db'}"


def is_private_to_this_machine(url: str) -> bool:
    """Nobody listens in on what never leaves it."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")


def read_settings(**given: object) -> Settings:
    """The settings of this process. Raises BadSettings with one sentence a wrong variable."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as wrong:
        raise BadSettings("; ".join(sentence(e["loc"], e["msg"]) for e in wrong.errors())) from None
    except SettingsError as wrong:  # pydantic-settings could not even read it: a mapping that is no JSON
        name = re.search(r'field "(\w+)"', str(wrong))
        raise BadSettings(sentence((name[1] if name else "?",), "must be written as JSON")) from None


def sentence(place: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"TASUKI_{str(place[0]).upper()}: {message}" if place else message
