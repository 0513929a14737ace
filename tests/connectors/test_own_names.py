"""Score, status and owner may stand in fields of the company's own, whatever the tool."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import registry
from connectors.contract import EventKind, WebhookRequest
from connectors.rounds import kept

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
SECRET = "a-secret-of-ours-0123456789"
GUID, OTHER = "6d81597f-0f9f-e711-8122-000d3aa2331c", "75c2dd85-e89e-e711-8122-000d3aa2331c"
AT = "2026-09-24T08:00:00Z"
OWN = {"score_field": "fit", "status_field": "stage", "owner_field": "caller"}

#: Kind → the names of its own fields, and an answer of its API: the object and what it says.
RECORDS: dict[str, tuple[dict[str, str], str, dict[str, Any]]] = {
    "pipedrive": (
        OWN,
        "persons",
        {"data": [{"id": 5, "update_time": AT, "custom_fields": {"fit": 86, "stage": "s1", "caller": 7}}]},
    ),
    "zoho": (
        OWN,
        "Leads",
        {"data": [{"id": "5", "Modified_Time": AT, "fit": 86, "stage": "s1", "caller": {"id": "7", "name": "x"}}]},
    ),
    "dynamics": (
        OWN,
        "lead",
        {"value": [{"leadid": GUID, "modifiedon": AT, "fit": 86, "stage": "s1", "_caller_value": OTHER}]},
    ),
    "espocrm": (
        OWN,
        "Lead",
        {"list": [{"id": "5", "modifiedAt": AT, "fit": 86, "stage": "s1", "callerId": "7", "assignedUserId": "8"}]},
    ),
    "twenty": (OWN, "people", {"people": [{"id": GUID, "updatedAt": AT, "fit": 86, "stage": "s1", "callerId": "7"}]}),
    "mautic": (
        {"score_field": "fit", "status_field": "stage"},
        "contacts",
        {
            "contacts": {
                "5": {"id": 5, "dateModified": AT, "fields": {"x": {"fit": {"value": 86}, "stage": {"value": "s1"}}}}
            }
        },
    ),
    "pardot": (
        {"score_field": "fit", "status_field": "stage"},
        "prospects",
        {"values": [{"id": 5, "updatedAt": AT, "fit": 86, "stage": "s1"}]},
    ),
}


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_own_names(kind: str) -> None:
    named, name, answer = RECORDS[kind]
    connector = registry.connector(kind)
    config = connector.config_model.model_validate(named | {"statuses": {"s1": "working"}})
    request = WebhookRequest("POLL", "", {}, kept([(name, answer)]), NOW)
    told = {event.kind: event.data for event in connector.parse(request, config).events}
    assert told[EventKind.SCORE] == {"score": 86}
    assert told[EventKind.STATUS] == {"status": "working", "raw": "s1"}
    if "owner_field" in named:
        assert told[EventKind.OWNER]["owner"] in ("7", OTHER)
    known = {word for fields in connector.mapped(config).values() for word in fields.values()}
    assert {"score", "status"} <= known


def test_salesforces_own_names() -> None:
    """In a message of its own, and in what is asked for."""
    connector = registry.connector("salesforce")
    named = {"score_field": "Fit__c", "status_field": "Stage__c", "owner_field": "Caller__c"}
    config = connector.config_model.model_validate(named | {"statuses": {"s1": "working"}})
    events = connector.parse(connector.sample(config, SECRET, "https://t.example/webhooks/s", NOW), config).events
    told = {event.kind: event.data for event in events}
    assert told[EventKind.STATUS]["status"] == "working"
    assert told[EventKind.OWNER]["owner"].startswith("005")
    lead = connector.mapped(config)["Lead"]
    assert {lead[field] for field in named.values()} == {"score", "status", "owner"}
    assert not {"Status", "OwnerId"} & lead.keys()
