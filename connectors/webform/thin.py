"""Messages that hold ids only: each id is asked for at the configured address, and nowhere else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from connectors.api import Api, digest_of
from connectors.asking import Limiter
from connectors.contract import AskFailed, Lookup, Problem
from connectors.records import Record
from connectors.webform.config import Thin, WebFormConfig
from connectors.webform.messages import Message, flat
from connectors.wire import at_path, compact, entries, mapping, milliseconds, plain

#: What nobody takes offence at; the tool's own limit is not known.
LIMITER = Limiter(rate=5, burst=20)
#: Ids of one message where each is a question; ids a question where there may be several.
MOST, TOGETHER = 40, 50
#: No slash and no full stop in front: an id stays the last part of the address.
ID = re.compile(r"[\w@+:-][\w@+:.-]{0,199}", re.ASCII)
SEVERAL = "{ids}"


def questions(seen: Record, config: WebFormConfig) -> Iterator[Lookup | Problem]:
    """One for each id; what the message itself says stays with it."""
    given = seen.fields.get(config.thin.ids)
    ids = list(dict.fromkeys(re.split(r"[;,\s]+", given.strip()) if isinstance(given, str) else [plain(given)]))
    if not any(ids):
        yield seen.wrong(config.thin.ids, "the message holds no id; name the field that does as thin.ids")
        return
    if len(ids) > MOST and SEVERAL not in config.thin.url:
        yield seen.wrong(config.thin.ids, f"more than {MOST} ids at once; use an address with {SEVERAL}")
        return
    told = {name: value for name, value in seen.fields.items() if name != config.thin.ids and plain(value)}
    context = (("received", str(milliseconds(seen.received_at))), ("said", compact(told).decode()))
    for known in filter(None, ids):
        if ID.fullmatch(known):
            yield Lookup("message", known, context)
        else:
            yield seen.wrong(config.thin.ids, f"{known[:40]!r} is no id that can stand in an address")


def api(thin: Thin, credential: str, http: httpx.Client) -> Api:
    if not thin.url:
        raise AskFailed("the source has no address to ask: what it needs must stand in the messages, or set thin.url")
    given = credential.strip()
    if not given:
        raise AskFailed("the source has no credential; enter the one of the tool's API in the source's settings")
    proof = proof_of(thin, given)
    parts = urlsplit(thin.url)
    base = f"{parts.scheme}://{parts.netloc}"
    return Api(base, http, LIMITER, digest_of(base + given), lambda: proof)


def proof_of(thin: Thin, credential: str) -> dict[str, str]:
    match thin.auth:
        case "bearer":
            return {"Authorization": f"Bearer {credential}"}
        case "basic":
            return {"Authorization": f"Basic {base64.b64encode(credential.encode('utf-8', 'replace')).decode()}"}
        case _:
            return {thin.header: credential}


def path_of(thin: Thin, ids: Sequence[str], base: str) -> str:
    these = ",".join(quote(known, safe="") for known in ids)
    return thin.url.removeprefix(base).replace(SEVERAL, these).replace("{id}", these)


def answers(asking: Api, lookups: Sequence[Lookup], config: WebFormConfig) -> Iterator[tuple[str, Any]]:
    """Parts of a page: each message with what was found behind its id. Who is gone says nothing."""
    size = TOGETHER if SEVERAL in config.thin.url else 1
    contexts: dict[str, list[dict[str, str]]] = {}
    for lookup in lookups:
        contexts.setdefault(lookup.object_id, []).append(dict(lookup.context))
    asked = list(contexts)
    for first in range(0, len(asked), size):
        ids = asked[first : first + size]
        found = asking.get(path_of(config.thin, ids, asking.base), gone=(404, 410))
        people = list(people_in(found, config, ids))
        if found is not None and not people and not (SEVERAL in config.thin.url and place_of(found, config) == []):
            yield "message", {"nowhere": ", ".join(ids)}
        for known, person in people:
            for said in contexts[known]:
                fields = person | mapping(json.loads(said.get("said", "{}"))) | {config.fields.id: known}
                yield "message", {"received": said.get("received"), "fields": fields}


def place_of(answer: Any, config: WebFormConfig) -> Any:
    return at_path(answer, config.thin.record) if config.thin.record else answer


def people_in(answer: Any, config: WebFormConfig, ids: Sequence[str]) -> Iterator[tuple[str, Message]]:
    """Of several each by its own id; one by the id that was asked for."""
    found = place_of(answer, config)
    if SEVERAL not in config.thin.url:
        yield from [(ids[0], dict(flat(found)))] if isinstance(found, dict) else []
        return
    for person in (dict(flat(one)) for one in entries(found) if isinstance(one, Mapping)):
        known = plain(person.get(config.fields.id))
        if known in ids:
            yield known, person
