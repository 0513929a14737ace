"""Reads records by their ids: those that an event was too thin about, and those that may be gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.contract import Lookup, Page, Parsed, Problem
from connectors.salesforce import access, activities, people, soql
from connectors.salesforce.answers import facts_in, gone_body, gone_snapshot
from connectors.salesforce.api import DATA, Api, Refused
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.facts import FACTS
from connectors.salesforce.ids import is_id, normal_id
from connectors.wire import moment


def fetch(lookups: Sequence[Lookup], config: SalesforceConfig, credential: str, http: httpx.Client) -> Parsed:
    """The records as a poll would read them, with one request for 200 of a kind. Raises AskFailed."""
    api, parsed = Api(access.read(credential), http), Parsed()
    for kind, some in in_questions(lookups):
        records = answered(api, soql.by_ids(kind, config, list(some)))
        told = facts_in({"records": records}, api.credential.instance_url, datetime.now(UTC), config)
        parsed.events += told.events
        parsed.problems += told.problems
        there = {record.get("Id") for record in records if isinstance(record, dict)}
        parsed.events += [event for known in some if known not in there for event in left_of(some[known], config)]
    parsed.problems += [
        Problem(f"lookup {lookup.object_type}", f"Tasuki reads {', '.join(FACTS)}, each by its id")
        for lookup in lookups
        if not can_be_asked(lookup)
    ]
    return parsed


def in_questions(lookups: Sequence[Lookup]) -> Iterator[tuple[str, dict[str, Lookup]]]:
    for kind in FACTS:
        about = {normal_id(one.object_id): one for one in lookups if one.object_type == kind and can_be_asked(one)}
        for first in range(0, len(about), soql.MOST_IDS):
            yield kind, dict(list(about.items())[first : first + soql.MOST_IDS])


def can_be_asked(lookup: Lookup) -> bool:
    return lookup.object_type in FACTS and is_id(lookup.object_id)


def answered(api: Api, question: str) -> list[Any]:
    try:
        return api.records(question)
    except Refused as refused:
        raise refused.refusal.as_failure() from None


#: What is said of a deleted record that is not even in the recycle bin any more.
LEFT: dict[str, Callable[..., Any]] = {
    "Lead": lambda seen: people.deleted(seen, people.identity(seen)),
    "Contact": lambda seen: people.deleted(seen, people.identity(seen)),
    "Task": activities.gone,
    "Event": activities.gone,
}


def left_of(lookup: Lookup, config: SalesforceConfig) -> Iterator[Any]:
    context = dict(lookup.context)
    at = moment(context.get("at"))
    if context.get("change") == "DELETE" and at and lookup.object_type in LEFT:
        yield LEFT[lookup.object_type](gone_snapshot(lookup.object_type, normal_id(lookup.object_id), at, config))


def ask_again(
    records: Sequence[str], config: SalesforceConfig, credential: str, http: httpx.Client, now: datetime
) -> Page:
    """Which of these tasks and events (`Task:00T…`) are deleted; a poll sees those that the recycle bin still has."""
    api, gone = Api(access.read(credential), http), []
    for kind in ("Task", "Event"):
        named = [name.partition(":")[2] for name in records if name.startswith(f"{kind}:")]
        known = [normal_id(one) for one in named if is_id(one)]
        if known:
            there = {record.get("Id") for record in answered(api, soql.still_there(kind, known))}
            gone += [f"{kind}:{one}" for one in known if one not in there]
    return Page(f"{api.credential.instance_url}{DATA}/queryAll?again={len(records)}", gone_body(gone, now), {}, now)
