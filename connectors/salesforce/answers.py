"""The API's answers as they were kept: records in JSON, read like those of outbound messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from connectors.contract import Parsed, Problem, WebhookRequest
from connectors.salesforce import activities, soql
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.facts import ANSWERED, problem, read_facts
from connectors.salesforce.ids import NotAnId, is_id, normal_id
from connectors.salesforce.snapshot import NotUnderstood, Snapshot
from connectors.salesforce.soap import Record
from connectors.wire import compact, entries, mapping, moment, plain, read_json


def read(request: WebhookRequest, config: SalesforceConfig) -> Parsed:
    """The facts of a page."""
    try:
        answer = read_json(request.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return Parsed(problems=[Problem("body", "this is not the JSON of an answer")])
    parsed = facts_in(answer, request.url, request.received_at, config)
    parsed.events += [activities.gone(seen) for seen in gone_in(answer, request, config)]
    return parsed


def facts_in(answer: dict[str, Any], url: str, received_at: datetime, config: SalesforceConfig) -> Parsed:
    """Repeated records (a person's task found in two ways) are read once."""
    parsed, known = Parsed(), set()
    for place, content in records_in(answer):
        try:
            record = record_of(content)
            seen = Snapshot(record, subject_of(record), None, url, received_at, config)
        except NotUnderstood as error:
            parsed.problems.append(problem(place, error))
            continue
        identity = (record.type, tuple(sorted(record.fields.items(), key=lambda field: field[0])))
        if identity not in known:
            known.add(identity)
            read_facts(seen, place, parsed)
    return parsed


def gone_body(names: Iterable[str], at: datetime) -> bytes:
    """Records like `Task:00T…` that were asked for `at` that time and were not there any more."""
    return compact({"gone": list(names), "at": at.isoformat()})


def gone_in(answer: dict[str, Any], request: WebhookRequest, config: SalesforceConfig) -> Iterator[Snapshot]:
    at = moment(answer.get("at")) or request.received_at
    for name in map(plain, entries(answer.get("gone"))):
        kind, _, known = name.partition(":")
        if kind in ("Task", "Event") and is_id(known):
            yield gone_snapshot(kind, normal_id(known), at, config)


def gone_snapshot(kind: str, known: str, at: datetime, config: SalesforceConfig) -> Snapshot:
    """All that is left of a record that was deleted `at` that time."""
    record = Record(kind, {"Id": known, "IsDeleted": "true", "SystemModstamp": at.isoformat()})
    return Snapshot(record, known, None, "", at, config)


def records_in(answer: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where each record stands, in one answer or in the answers of a batch. Questions that were refused have none."""
    for at, record in enumerate(listed(answer, "records")):
        yield f"records[{at}]", record
    for number, result in enumerate(listed(answer, "results")):
        inner = result.get("result") if isinstance(result, dict) else None
        for at, record in enumerate(listed(inner, "records")):
            yield f"results[{number}].records[{at}]", record


def listed(answer: Any, name: str) -> list[Any]:
    return entries(mapping(answer).get(name))


def record_of(content: Any) -> Record:
    """The record with its fields as text; those of a record that it refers to are named `Who.Email`."""
    kind = plain(mapping(mapping(content).get("attributes")).get("type"))
    if kind not in ANSWERED:
        raise NotUnderstood("", f"Tasuki reads {', '.join(ANSWERED)}, not {kind[:40] or 'records without a type'}")
    return Record(kind, flat(content))


def flat(content: dict[str, Any]) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            fields |= {f"{name}.{inner}": text(of) for inner, of in value.items() if not isinstance(of, dict | list)}
        elif not isinstance(value, list):
            fields[name] = text(value)
    return fields


def subject_of(record: Record) -> str:
    """The id of the record that the facts are about; a row of history is about its lead."""
    name = soql.HISTORIES.get(record.type, "Id")
    try:
        return normal_id(record.fields.get(name) or "")
    except NotAnId as error:
        raise NotUnderstood(name, str(error)) from None


def text(value: object) -> str | None:
    """As an outbound message would have it, without what no database takes (NUL, half a surrogate pair)."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    return str(value).encode("utf-8", "ignore").decode().replace("\0", "").strip() or None
