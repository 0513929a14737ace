"""Sources: the tools that send webhooks. A secret is shown once, in the answer that made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
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
from app.domain.roles import Right
from app.flows import administer, lists, sources, trial
from app.flows.lists import SourceEntry
from app.flows.tokens import Token
from app.state import State
from connectors import registry
from connectors.contract import LeadStatus

router = noun("/sources", "Sources", sees=Right.ADMINISTER)

Name = Annotated[str, Path(max_length=64, description="The source's name.", examples=["hubspot"])]
Secret = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[\x21-\x7e]+$")]
#: A token, or JSON with several parts, e.g. a private key.
ApiCredential = Annotated[str, Field(min_length=8, max_length=10_000, pattern=r"^[\x20-\x7e\r\n\t]+$")]
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
    credential: ApiCredential | None = Field(None, description="Token with which the tool's API is asked.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "hubspot", "kind": "hubspot", "config": CONFIG_EXAMPLE}]}
    )


class Rotation(Written):
    secret: Secret | None = Field(None, description="The tool's new secret; left out: Tasuki makes one.")

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class Credential(Written):
    credential: ApiCredential

    model_config = ConfigDict(json_schema_extra={"examples": [{"credential": "pat-jp1-00000000-0000"}]})


class Configuration(Written):
    config: Config

    model_config = ConfigDict(json_schema_extra={"examples": [{"config": CONFIG_EXAMPLE}]})


class FoundProblem(Shown):
    """Something that the source cannot do."""

    place: str = Field(description="The object, field or part of the payload; empty: the whole.")
    reason: str = Field(description="What is wrong, and what would mend it.")


class UnmappedStatus(Shown):
    word: str = Field(description="A status of the tool's that has no meaning yet.")
    likely: LeadStatus | None = Field(description="What it probably means; nothing is mapped by it.")


class SourceCheck(Shown):
    """What a look at the tool found."""

    account: str = Field(description="Whom the credential speaks for; empty: the tool does not say.")
    problems: list[FoundProblem]
    unmapped: list[UnmappedStatus]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account": "acme.pipedrive.com",
                    "problems": [],
                    "unmapped": [{"word": "再アプローチ", "likely": "working"}],
                }
            ]
        }
    )


class Told(Shown):
    """An event that came out."""

    kind: str
    occurred_at: datetime
    lead: list[str] = Field(description="`system:id`, the tool's own first.")
    data: dict[str, Any]


class SourceTest(Shown):
    """What would become of the tool's own sample; nothing of it was written down."""

    refused: str | None = Field(description="Why the source would not believe it; null: it would.")
    events: list[Told]
    problems: list[FoundProblem]
    asked: list[str] = Field(description="What the tool would be asked, because the sample leaves it open.")
    unmapped: list[UnmappedStatus]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "refused": None,
                    "events": [
                        {
                            "kind": "follow_up",
                            "occurred_at": "2026-09-24T00:40:00Z",
                            "lead": ["pipedrive:10"],
                            "data": {"channel": "call", "automated": False},
                        }
                    ],
                    "problems": [],
                    "asked": [],
                    "unmapped": [],
                }
            ]
        }
    )


class ArrivedField(Shown):
    object: str
    field: str
    meaning: str | None = Field(description="What it is read as; null: nothing.")
    count: int = Field(description="Records in which it had a value.")


class SourceSchema(Shown):
    """Which fields arrived lately."""

    deliveries: int = Field(description="The newest deliveries that were looked at, 500 at most.")
    fields: list[ArrivedField]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deliveries": 120,
                    "fields": [{"object": "person", "field": "name", "meaning": "name", "count": 117}],
                }
            ]
        }
    )


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


@router.post("/{name}/check", operation_id="check_source", dependencies=[administers])
def check_source(name: Name, state: Here, _: Asked) -> SourceCheck:
    """Ask the tool for a little of everything that the source needs. Nothing is changed."""
    found = trial.look_at(trial.open_source(state.directory, name, state.clock()), state.http)
    return SourceCheck.model_validate(asdict(found))


@router.post("/{name}/test", operation_id="test_source", dependencies=[administers])
def rehearse_source(name: Name, state: Here, _: Asked) -> SourceTest:
    """Send the tool's own sample through the source as it is configured. Nothing is written down."""
    now = state.clock()
    found = trial.rehearse(trial.open_source(state.directory, name, now), webhook_url(state, name), now)
    return SourceTest(
        refused=found.refused,
        events=[Told(**told) for told in map(trial.shown_event, found.events)],
        problems=[FoundProblem(place=p.place, reason=p.reason) for p in found.problems],
        asked=[f"{lookup.object_type} {lookup.object_id}" for lookup in found.lookups],
        unmapped=[UnmappedStatus(word=u.word, likely=u.likely) for u in found.unmapped],
    )


@router.get("/{name}/schema", operation_id="get_source_schema", dependencies=[administers])
def get_source_schema(name: Name, state: Here, _: Asked) -> SourceSchema:
    """Which of the tool's fields arrived lately, how often, and what they are read as."""
    source = trial.open_source(state.directory, name, state.clock())
    with state.database.read() as c:
        return SourceSchema.model_validate(asdict(trial.schema(c, source)))


def webhook_url(state: State, name: str) -> str:
    return f"{state.settings.public_url}/webhooks/{name}"


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
        "webhook_url": webhook_url(state, entry.name),
        "has_credential": entry.has_credential,
        "created_at": entry.created_at,
        "rotated_at": entry.rotated_at,
        "disabled_at": entry.disabled_at,
    }
