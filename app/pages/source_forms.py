"""What people type about a source: its name and secrets, its configuration as YAML or JSON; and what they enter in the
tool then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from app.domain.language import text
from app.domain.refusals import Refusal, Refused, refused
from app.domain.written import NotYaml, parsed
from app.flows import sources
from app.flows.administer import Admin, add_source
from app.pages.forms import Fields
from app.state import State
from connectors import registry
from connectors.contract import Subscribes

#: As the API takes them.
SECRET = re.compile(r"[\x21-\x7e]{8,500}")
CREDENTIAL = re.compile(r"[\x20-\x7e\r\n\t]{8,10000}")


@dataclass(frozen=True, slots=True)
class NewSource:
    name: str
    kind: str
    config: dict[str, Any]
    secret: str
    #: Tasuki made the secret, so it is shown once.
    ours: bool
    credential: str


def new_source(fields: Fields) -> NewSource:
    """Raises Refused."""
    kind = fields.get("kind", "")
    if kind not in registry.kinds():
        sources.checked_config(kind, {})
    config = configuration(kind, fields.get("config", ""))
    given = secret(fields)
    made = sources.secret_for(kind, given)
    return NewSource(fields.get("name", "").strip(), kind, config, made, not given, credential(fields))


def add(c: Connection, state: State, admin: Admin, new: NewSource) -> None:
    """Raises Refused."""
    more = {"config": new.config, "secret": new.secret, "credential": new.credential}
    add_source(c, state.vault, admin, name=new.name, kind=new.kind, **more)


def secret(fields: Fields) -> str:
    """Empty: none is given. Raises Refused."""
    given = fields.get("secret", "").strip()
    if given and not SECRET.fullmatch(given):
        raise refused("/secret", "no_secret", "Must be 8 to 500 letters, digits and signs without spaces.")
    return given


def credential(fields: Fields, *, needed: bool = False) -> str:
    """Empty: none is given. Raises Refused."""
    given = fields.get("credential", "").strip()
    if (given or needed) and not CREDENTIAL.fullmatch(given):
        raise refused("/credential", "no_credential", "Must be 8 to 10,000 letters, digits and signs.")
    return given


def configuration(kind: str, written: str) -> dict[str, Any]:
    """What is written in a text area, read and checked. Raises Refused; all of it is about `/config`, with lines."""
    try:
        data, lines = parsed(written)
    except NotYaml as why:
        (refusal,) = refused("", "syntax", why.message, **why.values).refusals
        raise Refused([_on_line(why.line, refusal)]) from None
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise refused("/config", "no_mapping", "Must hold names and their values, such as `role: sfa`.")
    try:
        sources.checked_config(kind, data)
    except Refused as why:
        raise Refused([_on_line(_line(lines, each.place), each) for each in why.refusals]) from None
    return data


def _line(lines: Mapping[str, int], place: str) -> int | None:
    """Of the place, or of the nearest part around it."""
    while place and place not in lines:
        place = place.rpartition("/")[0]
    return lines.get(place) if place else None


def _on_line(line: int | None, refusal: Refusal) -> Refusal:
    """`3行目 /statuses/Open: …`"""

    def said(locale: str) -> str:
        words = f"{refusal.place} – {refusal.message(locale)}" if refusal.place else refusal.message(locale)
        return text(locale, "Line {line}: {why}", line=line, why=words) if line else words

    return Refusal("/config", refusal.code, said("en"), said("ja"))


# --- what the tool must be told


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody enters in the tool, shown this once."""

    name: str
    url: str
    #: Empty: it was typed in, and is not repeated.
    secret: str
    #: Why nothing has to be entered, a message id; empty: it has.
    nothing: str


def webhook_url(state: State, name: str) -> str:
    return f"{state.settings.public_url}/webhooks/{name}"


def to_enter(state: State, name: str, kind: str, secret: str, *, ours: bool) -> Given:
    connector, url = registry.connector(kind), webhook_url(state, name)
    if not connector.sends_webhooks:
        nothing = "Nothing to enter in the tool: it sends no webhooks, Tasuki asks it by itself."
    elif isinstance(connector, Subscribes):
        nothing = "Nothing to enter in the tool: Tasuki tells it where to send, and again before it forgets."
    else:
        nothing = ""
    if connector.secret_in_url:
        url += "?token=" + (quote(secret, safe="") if ours else "…")
    return Given(name, url, secret if ours and not nothing else "", nothing)
