"""What kintone is asked besides for its news: whose an activity is, and what was done about one lead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.api import Api
from connectors.contract import EMAIL, ExternalId, Lookup
from connectors.kintone.api import LIMIT, LISTED, at_minute, one_of, records
from connectors.kintone.config import ActivityApp, DealApp, KintoneConfig
from connectors.kintone.facts import flat, link, record_id, system_field
from connectors.records import Record
from connectors.wire import mail_address, plain

#: People that one lead may be, and records of each app that say what was done about them, the newest.
MOST, NEWEST = 10, 100
Shown = Mapping[str, Any]


def unnamed(fields: Shown, name: str, config: KintoneConfig) -> tuple[str, str]:
    """Field of the lead app and its value, where an activity or a deal tells its lead by that alone.

    Only the lead's own record says then which address it has, so who it is for the other tools.
    """
    app = config.apps.get(name)
    if not isinstance(app, ActivityApp | DealApp) or not config.lead.app or mail_address(fields.get(app.email)):
        return "", ""
    return link(fields.get(app.lead), config)


def left_open(seen: Record, config: KintoneConfig) -> Iterator[Lookup]:
    field, value = unnamed(seen.fields, seen.type, config)
    if value:
        yield Lookup("lead", value, (("field", field),), optional=True)


def leads_of(api: Api, name: str, found: Iterable[Shown], config: KintoneConfig) -> list[Shown]:
    """The leads of these records of another app, however long ago they were changed."""
    wanted = dict.fromkeys(unnamed(flat(one), name, config) for one in found)
    return named(api, "lead", [(field, value) for field, value in wanted if value], config)


def named(api: Api, name: str, wanted: Sequence[tuple[str, str]], config: KintoneConfig) -> list[Shown]:
    """Records of an app by the value of a field: all by the same field."""
    app, found = config.apps.get(name), list[Shown]()
    for first in range(0, len(wanted) if app else 0, LISTED):
        some = wanted[first : first + LISTED]
        query = f"{one_of(some[0][0], [value for _, value in some])} order by $id asc limit {LIMIT}"
        found += records(api, app, query) if app else []
    return found


def answers(api: Api, lookups: Sequence[Lookup], config: KintoneConfig) -> list[tuple[str, Any]]:
    """What was left open, as parts of a page."""
    parts = []
    groups = dict.fromkeys((lookup.object_type, dict(lookup.context).get("field", "$id")) for lookup in lookups)
    for name, field in groups:
        about = [one for one in lookups if (one.object_type, dict(one.context).get("field", "$id")) == (name, field)]
        found = named(api, name, list(dict.fromkeys((field, one.object_id) for one in about)), config)
        parts.append((name, {"leads": leads_of(api, name, found, config), "records": found}))
    return parts


def about(
    api: Api, lead: Sequence[ExternalId], since: datetime, config: KintoneConfig, system: str
) -> list[tuple[str, Any]]:
    """The lead's record, and its activities and deals that changed since."""
    people = people_of(api, lead, config, system)
    shown = [flat(person) for person in people]
    links = [plain(one.get(config.lead.key)) or plain(system_field(one, "RECORD_NUMBER")) for one in shown]
    addresses = [one.value for one in lead if one.system == EMAIL]
    addresses += [mail_address(one.get(config.lead.email)) for one in shown]
    parts: list[tuple[str, Any]] = [("lead", {"records": people})]
    for name, app in config.apps.items():
        if isinstance(app, ActivityApp | DealApp) and (whose := either({app.lead: links, app.email: addresses})):
            query = f"({whose}) and {app.updated} >= {at_minute(since)} order by $id desc limit {NEWEST}"
            parts.append((name, {"records": records(api, app, query)}))
    return parts


def people_of(api: Api, lead: Sequence[ExternalId], config: KintoneConfig, system: str) -> list[Shown]:
    """By its ids; by its addresses only where no tool gave the lead an id of kintone's."""
    ids = [one.value for one in lead if one.system == system]
    addresses = [one.value for one in lead if one.system == EMAIL]
    whose = either({"$id": ids} if ids else {config.lead.email: addresses})
    return records(api, config.lead, f"{whose} order by $id asc limit {MOST}") if whose and config.lead.app else []


def either(wanted: Mapping[str, Sequence[str]]) -> str:
    """A query for records that hold one of the values in one of the fields; empty: nothing to ask for."""
    lists = {field: list(dict.fromkeys(filter(None, values)))[:LISTED] for field, values in wanted.items()}
    return " or ".join(one_of(field, values) for field, values in lists.items() if field and values)


def missing(api: Api, names: Sequence[str], config: KintoneConfig) -> list[str]:
    """Of these activities those that are gone. Records of an app that the source no longer reads are none of them."""
    app = config.activity
    ours = {name: name.removeprefix(f"activity:{app.app}-") for name in names}
    asked = {name: id_ for name, id_ in ours.items() if id_ != name}
    if not asked:
        return []
    query = f"{one_of('$id', asked.values())} limit {LIMIT}"
    there = {record_id(flat(one).get("$id")) for one in records(api, app, query, fields=["$id"])}
    return [name for name, id_ in asked.items() if id_ not in there]
