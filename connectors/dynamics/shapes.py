"""How Dataverse writes a row: as lists of keys and values in webhooks, as OData in the Web API; and one form of both.

https://learn.microsoft.com/power-apps/developer/data-platform/use-webhooks
https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/overview
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.wire import entries, mapping, moment, plain

#: Milliseconds are UTC; the offset says only how to show them.
DATE = re.compile(r"/Date\((\d{1,15})(?:[+-]\d{4})?\)/", re.ASCII)
LOOKUP = re.compile(r"_(\w+)_value")
TYPE_OF = "@Microsoft.Dynamics.CRM.lookuplogicalname"
#: The image that every asynchronous step has by itself; it holds a name only.
NOT_ASKED_FOR = "AsynchronousStepPrimaryName"


def time(value: object) -> datetime | None:
    """`/Date(ms±hhmm)/` or ISO 8601. In UTC."""
    written = DATE.fullmatch(value) if isinstance(value, str) else None
    return moment(int(written[1])) if written else moment(value) if isinstance(value, str) else None


def guid(value: object) -> str:
    """In small letters, without braces; empty when it is none."""
    known = plain(value).strip("{}").lower()
    return known if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", known, re.ASCII) else ""


# In webhooks


def pairs(value: object) -> dict[str, Any]:
    """`[{"key": …, "value": …}]`"""
    return {plain(mapping(one).get("key")): mapping(one).get("value") for one in entries(value)}


def row(attributes: object) -> dict[str, Any]:
    return {name: bare(value) for name, value in pairs(attributes).items()}


def bare(value: object) -> Any:
    """A choice is its number, several are a text, money its amount, a lookup `{"id", "type"}`, a time ISO 8601: as the
    Web API writes them."""
    if isinstance(value, list):
        return ",".join(plain(bare(one)) for one in value) or None
    if isinstance(value, dict):
        return reference(value["Id"], value.get("LogicalName")) if "Id" in value else bare(value.get("Value"))
    at = time(value) if isinstance(value, str) and value.startswith("/Date(") else None
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else value


def reference(id_: object, type_: object) -> dict[str, str]:
    return {"id": guid(id_), "type": plain(type_)}


def image(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row as it was after the change, if somebody asked for it with all its columns; None: it must be read.

    Empty columns are missing in images, so those that never are tell whether it is whole.
    """
    for name, value in pairs(context.get("PostEntityImages")).items():
        known = row(mapping(value).get("Attributes"))
        if name != NOT_ASKED_FOR and {"createdon", "modifiedon", "statecode"} <= set(known):
            return known
    return None


# In the Web API


def from_odata(data: Mapping[str, Any]) -> dict[str, Any]:
    """`_ownerid_value` and the annotation of its table become the lookup `ownerid`."""
    known: dict[str, Any] = {}
    for name, value in data.items():
        lookup = LOOKUP.fullmatch(name)
        if lookup and value is not None:
            known[lookup[1]] = reference(value, data.get(name + TYPE_OF))
        elif lookup:
            known[lookup[1]] = None
        elif "@" not in name:
            known[name] = value
    return known
