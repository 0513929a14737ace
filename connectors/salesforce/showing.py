"""A source's own sample, and which fields of which objects are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from xml.sax.saxutils import escape

from connectors.contract import Shown, WebhookRequest
from connectors.salesforce import answers, events, soap
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.ids import normal_id
from connectors.salesforce.snapshot import NotUnderstood
from connectors.tool import with_token
from connectors.wire import mapping, read_json

COMMON = {"Id": "lead", "IsDeleted": "deleted", "SystemModstamp": "revision", "LastModifiedDate": "revision"}
PERSON = {
    **COMMON,
    "LastName": "name",
    "FirstName": "name",
    "Name": "name",
    "Email": "email",
    "LeadSource": "lead_source",
    "MasterRecordId": "merged into",
}
ACTIVITY = {
    **COMMON,
    "Id": "record",
    "WhoId": "lead",
    "Who.Email": "email",
    "OwnerId": "by",
    "CreatedById": "automated",
    "Subject": "subject",
    "CreatedDate": "recorded at",
}
HISTORY = {"Id": "record", "Field": "what changed", "NewValue": "value", "CreatedDate": "occurred at"}
#: Object → field → what it is read as.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "Lead": {
        **PERSON,
        "Company": "company",
        "IsConverted": "status",
        "ConvertedContactId": "lead",
    },
    "LeadHistory": {**HISTORY, "LeadId": "lead"},
    "Contact": PERSON,
    "Task": {
        **ACTIVITY,
        "Status": "counts or not",
        "IsClosed": "counts or not",
        "TaskSubtype": "channel",
        "Type": "channel",
        "CallDisposition": "outcome",
        "CompletedDateTime": "occurred at",
    },
    "Event": {**ACTIVITY, "StartDateTime": "occurred at", "IsAllDayEvent": "occurred at"},
    "Opportunity": {
        **COMMON,
        "Id": "opportunity",
        "CreatedDate": "occurred at",
        "Name": "name",
        "StageName": "stage",
        "IsClosed": "state",
        "IsWon": "state",
        "Amount": "amount",
    },
    "OpportunityFieldHistory": {**HISTORY, "OpportunityId": "opportunity"},
}


def own_fields(config: SalesforceConfig) -> Mapping[str, Mapping[str, str]]:
    standing = {config.status_field: "status", config.owner_field: "owner", config.score_field: "score"}
    lead = {field: word for field, word in standing.items() if field}
    person, whom = config.opportunity_contact_field, {}
    if person:
        whom = {
            "Opportunity": {person: "lead"},
            "OpportunityFieldHistory": {f"Opportunity.{person}": "lead"},
            **{kind: {f"What.{person}": "lead"} for kind in ("Task", "Event")},
        }
    return {"Lead": {**config.attributes, **lead}, "Contact": config.attributes, **whom}


def shown(request: WebhookRequest, config: SalesforceConfig) -> Iterator[Shown]:
    """Never raises on content: what cannot be read shows nothing."""
    with suppress(ValueError, soap.Unreadable):
        if request.method == "POLL":
            yield from in_answer(request.body)
        elif events.is_relayed(request.body):
            said = events.said_in(request.body, config)
            yield from (Shown(one.kind, one.fields) for _, one in said if isinstance(one, events.Change))
        else:
            records = (notification.record for notification in soap.read(request.body).notifications)
            yield from (Shown(record.type, record.fields) for record in records if record.type)


def in_answer(body: bytes) -> Iterator[Shown]:
    for _, content in answers.records_in(mapping(read_json(body))):
        with suppress(NotUnderstood):
            record = answers.record_of(content)
            fields = {name: value for name, value in record.fields.items() if not name.startswith("attributes.")}
            yield Shown(record.type, fields)


MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound">
<OrganizationId>{organisation}</OrganizationId><ActionId>{action}</ActionId><SessionId xsi:nil="true"/>
<EnterpriseUrl>https://example.my.salesforce.com/services/Soap/c/64.0</EnterpriseUrl>
<Notification><Id>{id}</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
{fields}
</sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>
"""


def sample(config: SalesforceConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
    """A lead with a score that sales worked on."""
    fields = {
        "Id": normal_id("00Q000000000001"),
        "SystemModstamp": f"{now:%Y-%m-%dT%H:%M:%S.000Z}",
        "LastName": "山田",
        "FirstName": "太郎",
        "Company": "株式会社みなと精機",
        "Email": "yamada@example.co.jp",
        **dict.fromkeys(config.attributes, "製造"),
        config.status_field: next(iter(config.statuses), "Working - Contacted"),
        config.owner_field: next(iter(config.owners), normal_id("005000000000001")),
        **({config.score_field: "82"} if config.score_field else {}),
    }
    body = MESSAGE.format(
        organisation=config.organization_id or normal_id("00D000000000001"),
        action=next(iter(config.action_ids), normal_id("04k000000000001")),
        id=normal_id("04l000000000001"),
        fields="\n".join(f"<sf:{name}>{escape(value)}</sf:{name}>" for name, value in fields.items()),
    )
    headers = {"content-type": "text/xml; charset=UTF-8"}
    return WebhookRequest("POST", with_token(url, secret), headers, body.encode(), now)
