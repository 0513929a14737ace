"""What was deleted, by change tracking; what was changed is found by `modifiedon`, which has a time and an order.

Of the tables that the source names only the ids are read, once; a delta link then tells what is gone since.

https://learn.microsoft.com/power-apps/developer/data-platform/use-change-tracking-synchronize-data-external-systems
"""

from __future__ import annotations

import re
from typing import Any

from connectors.api import Api
from connectors.contract import AskFailed
from connectors.dynamics.api import SETS, asked
from connectors.dynamics.shapes import guid
from connectors.rounds import Answered, Place
from connectors.wire import entries, mapping, plain

NEXT = "@odata.nextLink"
#: Where a table goes on after its changes.
BEGIN = {"tracked": ""}
#: The most that Dataverse gives at once; they are ids alone.
LIMIT = 5000
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def page(asking: Api, place: Place, links: dict[str, Any]) -> Answered:
    """`links`: table → its delta link; the last page writes the next one down."""
    table, following = place.object, plain(mapping(place.page).get("tracked"), 4000)
    answer = asked(asking, following, limit=LIMIT, tracked=True) if following else opened(asking, table, links)
    url, more, link = f"{asking.base}/{SETS[table][0]}?deleted", answer.get(NEXT), answer.get("@odata.deltaLink")
    told = {"deleted": deleted(answer)}
    if isinstance(more, str) and more:
        return Answered(url, told, {"tracked": more})
    if not isinstance(link, str) or not link:
        raise AskFailed(untracked(table))
    links[table] = link
    return Answered(url, told)


def opened(asking: Api, table: str, links: dict[str, Any]) -> dict[str, Any]:
    """What changed since the last time; anew, if there was none or Dataverse has forgotten it (after seven days)."""
    if (link := plain(links.get(table), 4000)).startswith(f"{asking.base}/"):
        try:
            return asked(asking, link, limit=LIMIT)
        except AskFailed as failed:
            if failed.retry_after is not None:
                raise
            del links[table]
    name, key = SETS[table]
    try:
        return asked(asking, f"/{name}", {"$select": key}, limit=LIMIT, tracked=True)
    except AskFailed as failed:
        if failed.retry_after is not None:
            raise
        raise AskFailed(f"{failed}; {untracked(table)}") from None


def deleted(answer: dict[str, Any]) -> list[str]:
    """`{"@odata.context": "…/$metadata#leads/$deletedEntity", "id": …, "reason": "deleted"}` each."""
    gone = [one for one in map(mapping, entries(answer.get("value"))) if one.get("reason") == "deleted"]
    found = (GUID.search(plain(one.get("id"))) for one in gone)
    return [guid(known[0]) for known in found if known]


def untracked(table: str) -> str:
    return (
        f"to find what was deleted in the table {table}, turn on Track changes in its advanced options and let the"
        " application read the whole table, or take it out of change_tracking"
    )
