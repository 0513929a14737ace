"""Everything that changed or was deleted in a module of Zoho CRM, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.api import Api
from connectors.rounds import Answered, Place
from connectors.wire import entries, mapping, moment, plain
from connectors.zoho.api import asked, stamp
from connectors.zoho.config import ZohoConfig
from connectors.zoho.facts import FIELDS, STAMPS, own_fields

#: Records a page, and fields a question: more are refused.
LIMIT, MOST_FIELDS = 200, 50
SECOND = timedelta(seconds=1)
#: Modules whose records are missed when they are deleted.
DELETED = ("Leads", "Contacts", "Calls", "Events", "Tasks")


def page(asking: Api, place: Place, config: ZohoConfig) -> Answered:
    """Changed records first, then the names of deleted ones."""
    at = mapping(place.page)
    return deleted(asking, place, at["deleted"]) if "deleted" in at else changed(asking, place, at, config)


def changed(asking: Api, place: Place, at: Mapping[str, Any], config: ZohoConfig) -> Answered:
    """Oldest change first, each page from the second of the last one's end: a record that changes meanwhile pushes no
    other one out of sight. Tokens are for seconds with more changes than a page holds."""
    since = moment(at.get("since")) or place.reach
    asking_for = listed(place.object, config) | {"per_page": LIMIT, "sort_by": "Modified_Time", "sort_order": "asc"}
    token = plain(at.get("token"), 2000)
    answer = (
        asked(asking, f"/{place.object}", asking_for | {"page_token": token}, since, answers=(400,)) if token else {}
    )
    if not token or "refused" in answer:  # tokens live for a day
        answer = asked(asking, f"/{place.object}", asking_for, since)
    url = f"{asking.base}/{place.object}?since={stamp(since)}"
    return Answered(url, answer, following(answer, since, place.until) or after_changes(place.object))


def following(answer: Mapping[str, Any], since: datetime, until: datetime) -> dict[str, Any] | None:
    """Where the changes go on; None: that was the last of the round."""
    info = mapping(answer.get("info"))
    stamps = [moment(mapping(one).get("Modified_Time")) for one in entries(answer.get("data"))]
    last = max((at for at in stamps if at), default=since)
    if info.get("more_records") is not True or last > until:
        return None
    if last > since + SECOND:
        return {"since": stamp(last - SECOND)}
    token = plain(info.get("next_page_token"), 2000)
    return {"since": stamp(since), "token": token} if token else None


def after_changes(module: str) -> dict[str, Any] | None:
    return {"deleted": 1} if module in DELETED else None


def deleted(asking: Api, place: Place, number: int) -> Answered:
    """https://www.zoho.com/crm/developer/docs/api/v7/get-deleted-records.html; of what was in it only id and time."""
    path = f"/{place.object}/deleted"
    answer = asked(asking, path, {"type": "all", "page": number, "per_page": LIMIT}, place.reach)
    gone = [{name: mapping(one).get(name) for name in ("id", "deleted_time")} for one in entries(answer.get("data"))]
    more = mapping(answer.get("info")).get("more_records") is True
    return Answered(f"{asking.base}{path}?page={number}", {"deleted": gone}, {"deleted": number + 1} if more else None)


def listed(module: str, config: ZohoConfig) -> dict[str, Any]:
    """What is asked for of each record; converted leads are left out of lists otherwise."""
    names = dict.fromkeys((*STAMPS, *FIELDS[module], *own_fields(module, config)))
    return {"fields": ",".join([*names][:MOST_FIELDS])} | ({"converted": "both"} if module == "Leads" else {})
