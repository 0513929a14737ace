"""`tasuki source …`: which tools may send, with which secret, in which words. No secret stands in a command line."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.commands.documents import Document, as_yaml, read_document, value_of
from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.refusals import Refused
from app.flows import administer, checkup, lists, sources, today
from app.flows.administer import Admin
from app.flows.lists import SourceEntry
from app.settings import Settings
from connectors import registry
from connectors.contract import Polls, Subscribes

app = typer.Typer(no_args_is_help=True, help="Tools that send webhooks, and their secrets.")

Name = Annotated[str, typer.Argument(help="Name of the source; it stands in the webhook's URL.")]
ConfigFile = Annotated[
    str | None, typer.Option("--config", help="YAML or JSON file with the configuration; - is stdin.")
]
Pairs = Annotated[
    list[str] | None, typer.Option("-c", help="One entry of the configuration, key=value; may be repeated.")
]
SecretStdin = Annotated[bool, typer.Option("--secret-stdin", help="Read the webhook secret from stdin.")]
CredentialStdin = Annotated[
    bool, typer.Option("--credential-stdin", help="Read the token for the tool's API from stdin (after the secret).")
]


@app.command()
def add(
    name: Name,
    kind: Annotated[str, typer.Argument(help="Connector, e.g. hubspot, kintone, salesforce, or an installed one.")],
    config: ConfigFile = None,
    pairs: Pairs = None,
    secret_stdin: SecretStdin = False,
    credential_stdin: CredentialStdin = False,
) -> None:
    """Add a source; prints the URL to enter in the tool, and the secret this once."""
    document = configuration(config, pairs)
    with document.answerable():
        sources.checked_config(kind, document.data)
    with opened() as (state, terminal):
        secret, given = _secret(kind, secret_stdin, terminal)
        credential = typed("API token", terminal) if credential_stdin else ""
        new = {"name": name, "kind": kind, "config": document.data, "secret": secret, "credential": credential}
        with state.database.write() as c:
            administer.add_source(c, state.vault, Admin(operator(), state.clock()), **new)
        terminal.say("Source {name} ({kind}) is added.", name=name, kind=kind)
        show_secret(terminal, state.settings, name, kind, secret, given=given)
        if isinstance(registry.connector(kind), Polls) and not credential:
            terminal.say("Next: `tasuki source credential {name}`, so that Tasuki can ask the tool.", name=name)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """All sources: state, last delivery, deliveries in quarantine. Never a secret."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = lists.all_sources(c, state.vault)
            heard = {fresh.name: fresh.heard_at for fresh in today.freshness(c)}
            quarantined = checkup.quarantined_by_source(c)
        shown = [
            _entry(s) | {"last_delivery_at": heard.get(s.name), "quarantined": quarantined.get(s.name, 0)}
            for s in found
        ]
        if as_json:
            terminal.json(shown)
        elif not found:
            terminal.say("There is no source yet. Add one: `tasuki source add NAME KIND`.")
        else:
            terminal.table(
                ("Name", "Kind", "State", "Last delivery", "In quarantine"), [_row(s, terminal) for s in shown]
            )


def _entry(source: SourceEntry) -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "state": "disabled" if source.disabled_at else "active",
        "has_credential": source.has_credential,
        "created_at": source.created_at,
        "rotated_at": source.rotated_at,
        "disabled_at": source.disabled_at,
    }


def _row(shown: dict[str, Any], terminal: Terminal) -> list[object]:
    heard = terminal.moment(shown["last_delivery_at"])
    return [shown["name"], shown["kind"], terminal.words(shown["state"]), heard, shown["quarantined"]]


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """A source's configuration, as a file for `configure`. Never a secret."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = lists.source(c, state.vault, name)
        url = webhook_url(state.settings, name)
        if as_json:
            terminal.json(_entry(found) | {"config": found.config, "url": url})
            return
        terminal.line(f"# {name} ({found.kind}) {url}")
        terminal.raw(as_yaml(found.config))


@app.command()
def configure(name: Name, config: ConfigFile = None, pairs: Pairs = None) -> None:
    """Replace the configuration by --config, or change single entries by -c."""
    document = configuration(config, pairs)
    with opened() as (state, terminal):
        with document.answerable(), state.database.write() as c:
            kept = {} if config else lists.source(c, state.vault, name).config
            administer.configure_source(c, Admin(operator(), state.clock()), name, kept | document.data)
        terminal.say("Source {name} has its new configuration; deliveries in quarantine can be replayed.", name=name)


@app.command()
def rotate(name: Name, secret_stdin: SecretStdin = False) -> None:
    """A new webhook secret; the old one stays valid until the next rotation."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            kind = lists.source(c, state.vault, name).kind
        secret, given = _secret(kind, secret_stdin, terminal)
        with state.database.write() as c:
            administer.rotate_source(c, state.vault, Admin(operator(), state.clock()), name, secret)
        terminal.say("Source {name} has a new secret. The old one stays valid until the next rotation.", name=name)
        show_secret(terminal, state.settings, name, kind, secret, given=given)


@app.command()
def credential(
    name: Name,
    credential_stdin: Annotated[  # noqa: ARG001
        bool, typer.Option("--credential-stdin", help="Read it from stdin; always so.")
    ] = True,
) -> None:
    """The token with which the tool's API is asked; read from stdin."""
    with opened() as (state, terminal):
        token = typed("API token", terminal)
        with state.database.write() as c:
            administer.set_credential(c, state.vault, Admin(operator(), state.clock()), name, token)
        terminal.say("Source {name} has its API token.", name=name)


@app.command()
def disable(name: Name) -> None:
    """Take no more webhooks: they are answered 404. What was taken is still worked off."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            administer.disable_source(c, Admin(operator(), state.clock()), name)
        terminal.say("Source {name} is disabled.", name=name)


@app.command()
def enable(name: Name) -> None:
    """Take webhooks again."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            administer.enable_source(c, Admin(operator(), state.clock()), name)
        terminal.say("Source {name} is enabled.", name=name)


# --- what a person types


def configuration(file: str | None, pairs: list[str] | None) -> Document:
    """The file's entries, and those given one by one over them."""
    document = read_document(file) if file else Document("", {}, {})
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise CannotDo("{file} must hold a mapping of names to values.", file=document.file)
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CannotDo("`{pair}` is not of the form key=value.", USAGE, pair=pair)
        data[key] = value_of(value)
    return Document(document.file, data, document.lines)


def _secret(kind: str, from_stdin: bool, terminal: Terminal) -> tuple[str, bool]:
    """The secret, and whether a person gave it; otherwise it is a new one."""
    given = typed("Webhook secret", terminal) if from_stdin else ""
    try:
        return sources.secret_for(kind, given), bool(given)
    except Refused:
        message = "{kind} signs with a secret of its own: give that one with --secret-stdin."
        raise CannotDo(message, USAGE, kind=kind) from None


def typed(what: str, terminal: Terminal) -> str:
    """One line of stdin; at a keyboard it is asked for and not shown."""
    if sys.stdin.isatty():
        answer: str = typer.prompt(terminal.words(what), hide_input=True, err=True)
    else:
        answer = sys.stdin.readline()
    if not answer.strip():
        raise CannotDo("{what}: stdin is empty; pipe it in or type it.", USAGE, what=terminal.words(what))
    return answer.strip()


# --- what the tool must be told


def webhook_url(settings: Settings, name: str) -> str:
    return f"{settings.public_url}/webhooks/{name}"


def show_secret(terminal: Terminal, settings: Settings, name: str, kind: str, secret: str, *, given: bool) -> None:
    """The URL, and a secret of our making: what somebody must enter. One that was typed in is not repeated."""
    url, connector = webhook_url(settings, name), registry.connector(kind)
    if not connector.sends_webhooks:
        terminal.say("Nothing to enter in the tool: it sends no webhooks, Tasuki asks it by itself.")
        return
    if isinstance(connector, Subscribes):
        terminal.say("Nothing to enter in the tool: Tasuki tells it where to send, and again before it forgets.")
        return
    if connector.secret_in_url:
        url += "?token=" + ("…" if given else quote(secret, safe=""))
    terminal.say("Webhook URL to enter in the tool:")
    terminal.line(f"  {url}", style="bold")
    if given:
        return
    terminal.say("Secret, shown only now:")
    terminal.line(f"  {secret}", style="bold")
