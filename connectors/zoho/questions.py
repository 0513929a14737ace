"""What Zoho CRM is asked besides for its news: records by their ids, and what was done about one lead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from connectors.api import Api
from connectors.contract import Lookup
from connectors.wire import entries, mapping, plain
from connectors.zoho.api import asked, stamp
from connectors.zoho.config import ZohoConfig
from connectors.zoho.facts import FACTS, PEOPLE
from connectors.zoho.lists import LIMIT, listed

#: Ids a question.
MOST_IDS = 100
Part = tuple[str, Any]


def answers(asking: Api, lookups: Sequence[Lookup], config: ZohoConfig) -> Iterator[Part]:
    """One question for each module and hundred of ids. What was said to be deleted and is not there is `missing`."""
    for module in FACTS:
        about = {one.object_id: dict(one.context) for one in lookups if one.object_type == module}
        found = list(by_ids(asking, module, list(about), config))
        yield from found
        there = {plain(mapping(one).get("id")) for _, answer in found for one in entries(answer.get("data"))}
        gone = {id_: said["deleted"] for id_, said in about.items() if "deleted" in said and id_ not in there}
        if gone:
            yield module, {"missing": [{"id": id_, "at": at} for id_, at in gone.items()]}


def by_ids(asking: Api, module: str, ids: Sequence[str], config: ZohoConfig) -> Iterator[Part]:
    """Parts of a page: those of the records that are there."""
    for first in range(0, len(ids), MOST_IDS):
        some = ",".join(ids[first : first + MOST_IDS])
        yield module, asked(asking, f"/{module}", listed(module, config) | {"ids": some, "per_page": LIMIT})


def found(asking: Api, query: str) -> list[str]:
    """Ids, by https://www.zoho.com/crm/developer/docs/api/v7/COQL-Overview.html; 204: none."""
    answer = mapping(asking.post("/coql", {"select_query": query}))
    return [known for one in entries(answer.get("data")) if (known := plain(mapping(one).get("id")))]


def done_about(asking: Api, people: Sequence[str], since: datetime, config: ZohoConfig) -> list[Part]:
    """Calls, events and tasks of these people that changed since."""
    parts: list[Part] = []
    listing = ", ".join(f"'{known}'" for known in people)
    for module in ("Calls", "Events", "Tasks"):
        whose = f"(Who_Id in ({listing}) or What_Id in ({listing}))"
        query = f"select id from {module} where ({whose} and Modified_Time >= '{stamp(since)}') limit {MOST_IDS}"  # noqa: S608 - ids are letters and digits
        parts += by_ids(asking, module, found(asking, query), config)
    return parts


def of_address(asking: Api, address: str) -> list[str]:
    """The leads and contacts with this address; one that COQL would have to be told how to read is not looked for."""
    if set(address) & set("'\"\\()"):
        return []
    queries = [f"select id from {module} where Email = '{address}' limit 3" for module in PEOPLE]  # noqa: S608 - as above
    return [known for query in queries for known in found(asking, query)]
