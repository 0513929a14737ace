"""Twenty's REST API: lists by filter and cursor, at most 60 records a page, 100 requests a minute.

twentyhq/twenty, packages/twenty-server/src/engine/api/rest: input-request-parsers, core/handlers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.api import Api, digest_of
from connectors.asking import Limiter
from connectors.contract import EMAIL, ExternalId
from connectors.rounds import Answered, Place
from connectors.twenty.config import TwentyConfig
from connectors.wire import at_path, entries, mail_address, mapping, moment, plain

LIMITER = Limiter(rate=100 / 60, burst=20)
LIMIT = 60
#: Objects of the API, people first → what one of them is called in webhooks.
SINGULAR = {"people": "person", "opportunities": "opportunity", "tasks": "task", "notes": "note"}
#: Who is put on a task or a note does not change that: its targets are read as well.
TARGETS_OF = {"taskTargets": "tasks", "noteTargets": "notes"}
OBJECTS = (*SINGULAR, *TARGETS_OF)
#: These are read with whom they are about and with their timeline.
ACTIVITIES = ("tasks", "notes")
#: What is said in a task or a note is nobody's business here.
LEFT_OUT = ("bodyV2", "body", "attachments", "favorites", "searchVector")


def api(config: TwentyConfig, credential: str, http: httpx.Client, patience: float) -> Api:
    token = {"Authorization": f"Bearer {credential.strip()}"}
    return Api(f"{config.api_base}/rest", http, LIMITER, digest_of(credential), lambda: token, patience=patience)


def page(api: Api, place: Place, config: TwentyConfig) -> Answered:
    """In the order of changes, so that a record that changes meanwhile pushes no other one out of sight."""
    url = f"{api.base}/{place.object}"
    if place.object not in ("people", "opportunities") and not config.channels:
        return Answered(url, {})
    changed = f'and(updatedAt[gte]:"{stamp(place.reach)}",updatedAt[lt]:"{stamp(place.until)}")'
    depth = 1 if place.object in ACTIVITIES else 0
    asked = {"filter": changed, "order_by": "updatedAt[AscNullsFirst]", "limit": LIMIT, "depth": depth}
    answer = api.get(f"/{place.object}", asked | ({"starting_after": place.page} if place.page else {}))
    cursor = plain(at_path(answer, "pageInfo.endCursor"))
    more = at_path(answer, "pageInfo.hasNextPage") is True and cursor != place.page
    return Answered(url, completed(api, place.object, listed(answer, place.object)), (cursor or None) if more else None)


def completed(api: Api, name: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """People with the companies whose ids they hold; of targets the tasks or notes themselves."""
    if name in TARGETS_OF:
        plural = TARGETS_OF[name]
        return {plural: by_ids(api, plural, (target.get(f"{SINGULAR[plural]}Id") for target in found))}
    if name == "people":
        companies = by_ids(api, "companies", (person.get("companyId") for person in found))
        return {name: found, "companies": [{"id": one.get("id"), "name": one.get("name")} for one in companies]}
    return {name: [lean(record) for record in found]}


def by_ids(api: Api, name: str, ids: Iterable[object]) -> list[dict[str, Any]]:
    """Those that are still there."""
    known = [id_ for id_ in dict.fromkeys(plain(one) for one in ids) if re.fullmatch(r"[\w-]{1,64}", id_, re.ASCII)]
    found: list[dict[str, Any]] = []
    for first in range(0, len(known), LIMIT):
        wanted = ",".join(f'"{id_}"' for id_ in known[first : first + LIMIT])
        depth = 1 if name in ACTIVITIES else 0
        answer = api.get(f"/{name}", {"filter": f"id[in]:[{wanted}]", "limit": LIMIT, "depth": depth})
        found += [lean(record) for record in listed(answer, name)]
    return found


def about(api: Api, lead: Sequence[ExternalId], system: str) -> list[tuple[str, Any]]:
    """Everything about one lead: at most five questions."""
    known = [one.value for one in lead if one.system == system]
    known = known or found_by_address(api, [one.value for one in lead if one.system == EMAIL])
    wanted = ",".join(f'"{id_}"' for id_ in known[:3] if re.fullmatch(r"[\w-]{1,64}", id_, re.ASCII))
    if not wanted:
        return []
    people = listed(api.get("/people", {"filter": f"id[in]:[{wanted}]", "limit": 3, "depth": 1}), "people")

    def theirs(relation: str) -> list[dict[str, Any]]:
        return [mapping(one) for person in people for one in entries(person.get(relation))]

    tasks = by_ids(api, "tasks", [one.get("taskId") for one in theirs("taskTargets")][-LIMIT:])
    notes = by_ids(api, "notes", [one.get("noteId") for one in theirs("noteTargets")][-LIMIT:])
    deals = theirs("pointOfContactForOpportunities")
    alone = [{name: value for name, value in person.items() if not isinstance(value, list)} for person in people]
    return [("people", {"people": alone}), ("all", {"opportunities": deals, "tasks": tasks, "notes": notes})]


def found_by_address(api: Api, addresses: Sequence[str]) -> list[str]:
    """Only where no tool gave the lead an id of Twenty's. Twenty keeps the address as it was typed."""
    address = next((one for one in addresses if '"' not in one), None)
    if address is None:
        return []
    asked = {"filter": f'emails.primaryEmail[ilike]:"{address}"', "limit": LIMIT, "depth": 0}
    people = listed(api.get("/people", asked), "people")
    return [plain(one.get("id")) for one in people if mail_address(at_path(one, "emails.primaryEmail")) == address]


def choices(api: Api, field: str) -> list[str]:
    """Of a field of people; []: the key may not read the data model."""
    answer = api.get("/metadata/objects", gone=(400, 403, 404)) if field else None
    people = (one for one in entries(at_path(answer, "data.objects")) if mapping(one).get("nameSingular") == "person")
    fields = (mapping(known) for person in people for known in entries(mapping(person).get("fields")))
    options = (one for known in fields if known.get("name") == field for one in entries(known.get("options")))
    return [plain(mapping(option).get("value")) for option in options]


def listed(answer: Any, name: str) -> list[dict[str, Any]]:
    return [mapping(record) for record in entries(at_path(answer, f"data.{name}"))]


def lean(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a task or a note: of its timeline the names of what changed, and statuses."""
    kept = {name: value for name, value in record.items() if name not in LEFT_OUT}
    if "timelineActivities" in kept:
        kept["timelineActivities"] = [turn(mapping(one)) for one in entries(kept["timelineActivities"])]
    return kept


def turn(entry: Mapping[str, Any]) -> dict[str, Any]:
    diff = mapping(at_path(entry, "properties.diff"))
    changes = {name: change if name == "status" else {} for name, change in diff.items()}
    return {"createdAt": entry.get("createdAt"), "name": entry.get("name"), "properties": {"diff": changes}}


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def later(one: object, other: object) -> datetime | None:
    """The later of two times that Twenty wrote."""
    known = [at for at in (moment(one), moment(other)) if at]
    return max(known, default=None)
