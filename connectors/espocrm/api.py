"""EspoCRM's REST API: lists by filter, at most 200 records a page, times in UTC to the second.

https://docs.espocrm.com/development/api/crud/ and https://docs.espocrm.com/development/api-search-params/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.api import Api, digest_of
from connectors.asking import LATER, Limiter
from connectors.contract import EMAIL, AskFailed, ExternalId, Lookup
from connectors.espocrm.config import ADDRESS, EspoConfig
from connectors.espocrm.facts import ACTIVITIES, BESIDE, FIELDS
from connectors.rounds import Answered, Place
from connectors.wire import at_path, entries, mapping, number, plain

#: EspoCRM names no limit; it runs on the customer's own machine.
LIMITER = Limiter(rate=8, burst=20)
LIMIT = 200
#: Ids a question, so that its address stays short.
MOST_IDS = 50
#: Of a lead's stream: the newest entries.
TURNS = 50
#: Records of one kind that a lead is known by.
MOST = 3
PEOPLE = ("Lead", "Contact")
#: What is said about a record that is not there any more.
MISSING = "missing"
Part = tuple[str, Any]


def api(config: EspoConfig, credential: str, http: httpx.Client, patience: float) -> Api:
    if not config.base:
        raise AskFailed(f"base {ADDRESS}")
    key = {"X-Api-Key": credential.strip()}
    return Api(f"{config.base}/api/v1", http, LIMITER, digest_of(credential), lambda: key, patience=patience)


def page(api: Api, place: Place) -> Answered:
    """In the order of changes, each page from the last one's last second on: a record that changes meanwhile pushes no
    other one out of sight. Within a second that fills a page by offset: [its time, how many of them were read]."""
    last, read = place.page or (stamp(place.reach), 0)
    filters = [of("greaterThanOrEquals", "modifiedAt", last), of("lessThan", "modifiedAt", stamp(place.until))]
    order = {"orderBy": "modifiedAt", "order": "asc", "maxSize": LIMIT, "offset": read}
    found = listed(api, place.object, filters, order)
    stamps = [plain(record.get("modifiedAt")) for record in found]
    following = None
    if len(found) == LIMIT:
        one_second = stamps[0] == stamps[-1]
        before = number(read) or 0 if stamps[-1] == last else 0
        following = [stamps[-1], before + len(found) if one_second else 0]
    return Answered(f"{api.base}/{place.object}?modified={last}", {"list": found}, following)


def answers(api: Api, lookups: Sequence[Lookup]) -> Iterator[Part]:
    """The records that webhooks named, as a poll would show them; of leads their streams as well. `missing`: it was
    said to be deleted, and is not there."""
    for name in FIELDS:
        named = [one for one in lookups if one.object_type == name]
        ids = list(dict.fromkeys(one.object_id for one in named))
        found = by_ids(api, name, ids)
        known = [plain(record.get("id")) for record in found]
        deleted = {one.object_id: dict(one.context)["deleted"] for one in named if one.context}
        missing = [{"id": id_, "at": at} for id_, at in deleted.items() if id_ not in known]
        yield from [(name, {"list": found, MISSING: missing})] if named else []
        yield from stream(api, known if name == "Lead" else [])


def by_ids(api: Api, name: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those that are still there."""
    portions = (ids[first : first + MOST_IDS] for first in range(0, len(ids), MOST_IDS))
    return [record for some in portions for record in listed(api, name, [of("in", "id", some)], {"maxSize": MOST_IDS})]


def stream(api: Api, leads: Sequence[str]) -> Iterator[Part]:
    for known in leads:
        answer = mapping(api.get(f"/Lead/{known}/stream", {"maxSize": TURNS}, gone=(403, 404)))
        notes = [mapping(note) for note in entries(answer.get("list"))]
        yield "Note", {"list": [turn(note) for note in notes if note.get("type") == "Status"]}


def turn(note: Mapping[str, Any]) -> dict[str, Any]:
    return {name: note.get(name) for name in ("id", "type", "parentId", "data", "createdAt")}


def about(api: Api, lead: Sequence[ExternalId], system: str, since: datetime) -> Iterator[Part]:
    """The lead's records, its statuses, and what was done about it since; at most nine questions."""
    known = [one.value for one in lead if one.system == system and one.value.isalnum()][:MOST]
    addresses = [one.value for one in lead if one.system == EMAIL][:MOST]
    who = of("in", "id", known) if known else of("in", "emailAddress", addresses)
    if not known and not addresses:
        return
    people = {name: listed(api, name, [who], {"maxSize": MOST}) for name in PEOPLE}
    yield from ((name, {"list": found}) for name, found in people.items())
    ids = {name: [plain(person.get("id")) for person in found] for name, found in people.items()}
    yield from stream(api, ids["Lead"])
    everybody = [one for found in ids.values() for one in found]
    for name in ACTIVITIES if everybody else ():
        whose = [of("in", "parentId", everybody)]
        if name != "Email":
            whose += [of("linkedWith", link, ids[to]) for to, link in zip(PEOPLE, LINKS, strict=True) if ids[to]]
        changed = of("greaterThanOrEquals", "modifiedAt", stamp(since))
        yield name, {"list": listed(api, name, [changed, {"type": "or", "value": whose}], {"maxSize": LIMIT})}


#: Of a call or meeting to the people of `PEOPLE`.
LINKS = ("leads", "contacts")


def statuses(api: Api, field: str) -> list[str]:
    """[]: the user may not see how leads are made up."""
    answer = api.get("/Metadata", {"key": f"entityDefs.Lead.fields.{field}.options"}, gone=(403, 404))
    return [word for option in entries(answer) if (word := plain(option))]


def user(api: Api) -> str:
    return plain(at_path(api.get("/App/user", gone=()), "user.userName"))


# How it is asked


def of(type_: str, attribute: str, value: object) -> dict[str, Any]:
    return {"type": type_, "attribute": attribute, "value": value}


def listed(api: Api, name: str, filters: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of what people say to each other nothing is even asked for."""
    chosen = {"select": ",".join([*BESIDE, *FIELDS[name]])} if name in ACTIVITIES else {}
    answer = mapping(api.get(f"/{name}", dict(in_brackets("where", list(filters))) | chosen | dict(asked), gone=()))
    if not isinstance(answer.get("list"), list):  # a proxy's page, say: nothing was found is something else
        raise AskFailed(f"{urlsplit(api.base).hostname} answered without a list of records; check base", LATER)
    return [lean(name, mapping(record)) for record in answer["list"]]


def in_brackets(name: str, value: object) -> Iterable[tuple[str, Any]]:
    """`where[0][value][]=…`, as PHP reads nested parameters."""
    if isinstance(value, dict):
        inner: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        inner = enumerate(value)
    else:
        yield (f"{name}[]" if isinstance(value, list) else name), value
        return
    for key, one in inner:
        yield from in_brackets(f"{name}[{key}]", one)


def lean(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a call, a meeting or a mail."""
    if name not in ACTIVITIES:
        return dict(record)
    return {field: record[field] for field in (*BESIDE, *FIELDS[name]) if field in record}


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
