"""Change events and platform events, in the JSON in which a relay passes them on from Salesforce's event bus.

https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Lookup, Problem
from connectors.salesforce import ids
from connectors.salesforce.answers import flat
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.facts import FACTS
from connectors.wire import at_path, entries, mapping, milliseconds, moment, plain, read_json

HEADER = "ChangeEventHeader"
#: Where the event stands: as CometD and Pub/Sub clients print it, as Salesforce's own relay sends it to EventBridge.
PAYLOADS = ("data.payload", "detail.payload", "payload")
CHANGES = frozenset(
    {"CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE"}
)
#: Fields that may come as milliseconds.
MOMENTS = frozenset({"CreatedDate", "LastModifiedDate", "CompletedDateTime", "StartDateTime", "EndDateTime"})
#: The first three characters of an id → what it is the id of.
KINDS = {"00Q": "Lead", "003": "Contact", "00T": "Task", "00U": "Event", "006": "Opportunity"}
BACKFILL = "run `tasuki source backfill` for this source"


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one record; of a gap the fields are unknown."""

    kind: str
    id: str
    #: CREATE, UPDATE, DELETE or UNDELETE.
    what: str
    gap: bool
    #: When the transaction ended; aware, UTC.
    at: datetime
    #: Only those that changed; of a new or a restored record those that are not empty.
    fields: dict[str, str | None]


def is_relayed(body: bytes) -> bool:
    """JSON; an outbound message is XML."""
    return body.lstrip()[:1] in (b"{", b"[")


def said_in(body: bytes, config: SalesforceConfig) -> Iterator[tuple[str, Change | Lookup | Problem]]:
    """With its place. Raises ValueError when the body is no JSON."""
    given = read_json(body)
    for number, message in enumerate(given if isinstance(given, list) else [given]):
        payload = payload_of(message)
        place = f"[{number}]"
        if not payload:
            yield place, Problem(place, "this is no event: let the relay pass Salesforce's JSON on as it is")
        elif HEADER in payload:
            yield from ((place, said) for said in changes(payload, place))
        else:
            yield from ((place, said) for said in named_records(payload, place, config))


def payload_of(message: Any) -> dict[str, Any]:
    inner = next((found for path in PAYLOADS if (found := mapping(at_path(message, path)))), {})
    return inner or (mapping(message) if HEADER in mapping(message) else {})


def changes(payload: dict[str, Any], place: str) -> Iterator[Change | Problem]:
    header = mapping(payload[HEADER])
    kind, said = plain(header.get("entityName"), 80), plain(header.get("changeType"), 40)
    at = moment(header.get("commitTimestamp"))
    reason = why_not(kind, said, at)
    if reason or at is None:
        yield Problem(f"{place}.{HEADER}", reason)
        return
    what, fields = said.removeprefix("GAP_"), fields_of(payload, header)
    for given in entries(header.get("recordIds")) or [None]:
        known = plain(given)
        if ids.is_id(known):
            yield Change(kind, ids.normal_id(known), what, said != what, at, fields)
        else:  # `00Q*`: all of them
            yield Problem(f"{place}.recordIds", f"{known[:40]!r} is not the id of one record: {BACKFILL}")


def why_not(kind: str, said: str, at: datetime | None) -> str:
    """Why nothing can be made of it; empty: something can."""
    if kind not in FACTS:
        return f"Tasuki reads {', '.join(FACTS)}, not {kind or 'what is not named'}: leave it out of the relay"
    if said == "GAP_OVERFLOW":
        return f"more of {kind} changed than Salesforce tells one by one (GAP_OVERFLOW): {BACKFILL}"
    known = said in CHANGES and at is not None
    return "" if known else f"there must be Salesforce's own changeType and commitTimestamp: {BACKFILL}"


def fields_of(payload: dict[str, Any], header: dict[str, Any]) -> dict[str, str | None]:
    """With what was emptied, and the parts of a name beside the other fields."""
    content = {name: value for name, value in payload.items() if name != HEADER}
    whole_name = content.pop("Name", None)
    fields = dict.fromkeys((plain(name) for name in entries(header.get("nulledFields"))), None) | flat(content)
    fields |= flat(whole_name) if isinstance(whole_name, dict) else flat({"Name": whole_name} if whole_name else {})
    return {name: iso(value) if name in MOMENTS else value for name, value in fields.items()}


def iso(value: str | None) -> str | None:
    at = moment(value) if value and value.isdecimal() else None
    return at.astimezone(UTC).isoformat() if at else value


def named_records(payload: dict[str, Any], place: str, config: SalesforceConfig) -> Iterator[Lookup | Problem]:
    """A platform event has the fields that a company gave it: the record that it names is read."""
    named = [plain(payload.get(field)) for field in config.record_fields]
    known = [ids.normal_id(one) for one in named if ids.is_id(one) and one[:3] in KINDS]
    at = moment(payload.get("CreatedDate"))
    for one in dict.fromkeys(known):
        yield Lookup(KINDS[one[:3]], one, (("at", str(milliseconds(at))),) if at else ())
    if not known:
        where = ", ".join(config.record_fields) or "any field"
        yield Problem(place, f"the event has no id of a record in {where}: name its field in record_fields")
