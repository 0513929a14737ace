"""Sources: the tools that send webhooks. A secret is shown once, in the answer that made it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from app.api.auth import Admin, administers, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import under
from app.api.schemas import Nothing, Shown, Written
from app.flows import administer, lists, sources
from app.flows.lists import SourceEntry
from app.flows.tokens import Token
from app.state import State
from connectors import registry

router = noun("/sources", "Sources")

Name = Annotated[str, Path(max_length=64, description="The source's name.", examples=["hubspot"])]
Secret = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[\x21-\x7e]+$")]
Config = dict[str, Any]
Asked = Annotated[Nothing, Query()]
EXAMPLE: dict[str, Any] = {
    "name": "hubspot",
    "kind": "hubspot",
    "webhook_url": "https://tasuki.example.com/webhooks/hubspot",
    "has_credential": True,
    "created_at": "2026-09-01T01:00:00Z",
    "rotated_at": None,
    "disabled_at": None,
}
CONFIG_EXAMPLE: dict[str, Any] = {"portal_id": 4700001, "score_property": "fit_score"}
SECRET_EXAMPLE = "whsec_c2hvd24gb25jZSwgdGhlbiBuZXZlciBhZ2Fpbi4uLi4="  # noqa: S105 – an example


class Source(Shown):
    """A configured tool."""

    name: str
    kind: str
    webhook_url: str = Field(description="Where the tool sends its webhooks.")
    has_credential: bool = Field(description="Whether the tool's API can be asked.")
    created_at: datetime
    rotated_at: datetime | None
    disabled_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class SourceFile(Source):
    """A configured tool with its configuration."""

    config: Config

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"config": CONFIG_EXAMPLE}]})


class SourceWithSecret(SourceFile):
    """Shown once, when the secret is made."""

    secret: str | None = Field(description="The webhook secret, if Tasuki made it; null: the one you gave.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [EXAMPLE | {"config": CONFIG_EXAMPLE, "secret": SECRET_EXAMPLE}]}
    )


class NewSource(Written):
    name: str = Field(description="Stands in the webhook's URL: small letters, digits, `-` and `_`.")
    kind: str = Field(description="standard, hubspot, salesforce, or another installed connector.")
    config: Config = Field(default_factory=dict, description="The connector's settings.")
    secret: Secret | None = Field(None, description="The tool's webhook secret; left out: Tasuki makes one.")
    credential: Secret | None = Field(None, description="Token with which the tool's API is asked.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "hubspot", "kind": "hubspot", "config": CONFIG_EXAMPLE}]}
    )


class Rotation(Written):
    secret: Secret | None = Field(None, description="The tool's new secret; left out: Tasuki makes one.")

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class Credential(Written):
    credential: Secret

    model_config = ConfigDict(json_schema_extra={"examples": [{"credential": "pat-jp1-00000000-0000"}]})


class Configuration(Written):
    config: Config

    model_config = ConfigDict(json_schema_extra={"examples": [{"config": CONFIG_EXAMPLE}]})


@router.get("", operation_id="list_sources", dependencies=[reads])
def list_sources(state: Here, _: Asked) -> Listing[Source]:
    """All sources by name, without configuration and secrets."""
    with state.database.read() as c:
        found = lists.all_sources(c, state.vault)
    return Listing(items=[Source(**_values(entry, state)) for entry in found])


@router.post("", operation_id="add_source", status_code=201)
def add_source(body: NewSource, token: Admin, state: Here, response: Response, _: Asked) -> SourceWithSecret:
    """Add a source. A secret that Tasuki makes is in this answer and nowhere else."""
    secret = sources.secret_for(body.kind, body.secret)
    if body.kind in registry.kinds():
        with under("/config"):
            sources.checked_config(body.kind, body.config)
    with state.database.write() as c:
        administer.add_source(
            c,
            state.vault,
            administer.Admin(token.name, state.clock()),
            name=body.name,
            kind=body.kind,
            config=body.config,
            secret=secret,
            credential=body.credential or "",
        )
    response.headers["Location"] = f"/v1/sources/{body.name}"
    return _with_secret(state, body.name, None if body.secret else secret)


@router.get("/{name}", operation_id="get_source", dependencies=[administers])
def get_source(name: Name, state: Here, _: Asked) -> SourceFile:
    """One source with its configuration."""
    return _shown(state, name)


@router.put("/{name}/config", operation_id="configure_source")
def configure_source(name: Name, body: Configuration, token: Admin, state: Here, _: Asked) -> SourceFile:
    """Replace the configuration."""
    with under("/config"):
        return _change(state, token, name, lambda c, admin: administer.configure_source(c, admin, name, body.config))


@router.put("/{name}/credential", operation_id="set_source_credential")
def set_source_credential(name: Name, body: Credential, token: Admin, state: Here, _: Asked) -> SourceFile:
    """Set the token with which the tool's API is asked. It is never shown again."""
    return _change(
        state, token, name, lambda c, admin: administer.set_credential(c, state.vault, admin, name, body.credential)
    )


@router.post("/{name}/rotate", operation_id="rotate_source")
def rotate_source(name: Name, token: Admin, state: Here, _: Asked, body: Rotation | None = None) -> SourceWithSecret:
    """Give it a new webhook secret; the one before it stays valid until the next rotation."""
    given = body.secret if body else None
    with state.database.read() as c:
        secret = sources.secret_for(lists.source(c, state.vault, name).kind, given)
    _change(state, token, name, lambda c, admin: administer.rotate_source(c, state.vault, admin, name, secret))
    return _with_secret(state, name, None if given else secret)


@router.post("/{name}/disable", operation_id="disable_source")
def disable_source(name: Name, token: Admin, state: Here, _: Asked) -> SourceFile:
    """From now on its webhooks are answered 404; what it sent before is still worked off."""
    return _change(state, token, name, lambda c, admin: administer.disable_source(c, admin, name))


@router.post("/{name}/enable", operation_id="enable_source")
def enable_source(name: Name, token: Admin, state: Here, _: Asked) -> SourceFile:
    """Its webhooks are taken again."""
    return _change(state, token, name, lambda c, admin: administer.enable_source(c, admin, name))


def _change(
    state: State, token: Token, name: str, change: Callable[[Connection, administer.Admin], None]
) -> SourceFile:
    """Commit the change and let this process's webhooks see it; other processes do within seconds."""
    with state.database.write() as c:
        change(c, administer.Admin(token.name, state.clock()))
    state.directory.forget()
    return _shown(state, name)


def _shown(state: State, name: str) -> SourceFile:
    with state.database.read() as c:
        entry = lists.source(c, state.vault, name)
    return SourceFile(**_values(entry, state), config=entry.config)


def _with_secret(state: State, name: str, secret: str | None) -> SourceWithSecret:
    state.directory.forget()
    return SourceWithSecret(**dict(_shown(state, name)), secret=secret)


def _values(entry: SourceEntry, state: State) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "webhook_url": f"{state.settings.public_url}/webhooks/{entry.name}",
        "has_credential": entry.has_credential,
        "created_at": entry.created_at,
        "rotated_at": entry.rotated_at,
        "disabled_at": entry.disabled_at,
    }
