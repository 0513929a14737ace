"""The API's answers as they were kept: records in JSON, read like those of outbound messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from connectors.contract import Parsed, Problem, WebhookRequest
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.facts import ANSWERED, problem, read_facts
from connectors.salesforce.ids import NotAnId, normal_id
from connectors.salesforce.snapshot import NotUnderstood, Snapshot
from connectors.salesforce.soap import Record


def read(request: WebhookRequest, config: SalesforceConfig) -> Parsed:
    """The facts of a page. Repeated records (a person's task found in two ways) are read once."""
    try:
        answer = json.loads(request.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return Parsed(problems=[Problem("body", "this is not the JSON of an answer")])
    parsed, known = Parsed(), set()
    for place, content in records_in(answer):
        try:
            record = record_of(content)
            seen = Snapshot(record, subject_of(record), None, request.url, request.received_at, config)
        except NotUnderstood as error:
            parsed.problems.append(problem(place, error))
            continue
        identity = (record.type, tuple(sorted(record.fields.items(), key=lambda field: field[0])))
        if identity not in known:
            known.add(identity)
            read_facts(seen, place, parsed)
    return parsed


def records_in(answer: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where each record stands, in one answer or in the answers of a batch. Questions that were refused have none."""
    for at, record in enumerate(listed(answer, "records")):
        yield f"records[{at}]", record
    for number, result in enumerate(listed(answer, "results")):
        inner = result.get("result") if isinstance(result, dict) else None
        for at, record in enumerate(listed(inner, "records")):
            yield f"results[{number}].records[{at}]", record


def listed(answer: Any, name: str) -> list[Any]:
    found = answer.get(name) if isinstance(answer, dict) else None
    return found if isinstance(found, list) else []


def record_of(content: Any) -> Record:
    """The record with its fields as text; those of a record that it refers to are named `Who.Email`."""
    kind = attribute(content, "type")
    if kind not in ANSWERED:
        raise NotUnderstood("", f"Tasuki reads {', '.join(ANSWERED)}, not {kind[:40] or 'records without a type'}")
    fields: dict[str, str | None] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            fields |= {f"{name}.{inner}": text(of) for inner, of in value.items() if not isinstance(of, dict | list)}
        elif not isinstance(value, list):
            fields[name] = text(value)
    return Record(kind, fields)


def attribute(content: Any, name: str) -> str:
    attributes = content.get("attributes") if isinstance(content, dict) else None
    value = attributes.get(name) if isinstance(attributes, dict) else None
    return value if isinstance(value, str) else ""


def subject_of(record: Record) -> str:
    """The id of the record that the facts are about; a row of history is about its lead."""
    name = "LeadId" if record.type == "LeadHistory" else "Id"
    try:
        return normal_id(record.fields.get(name) or "")
    except NotAnId as error:
        raise NotUnderstood(name, str(error)) from None


def text(value: object) -> str | None:
    """As an outbound message would have it, without what no database takes (NUL, half a surrogate pair)."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    return str(value).encode("utf-8", "ignore").decode().replace("\0", "").strip() or None
