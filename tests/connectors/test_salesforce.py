"""Outbound messages: what Salesforce really sent, and messages DERIVED from its envelope for the other records."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import canonicalize
from xml.sax.saxutils import escape

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from security import FUZZ, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors.contract import (
    AskFailed,
    CanonicalEvent,
    EventKind,
    ExternalId,
    Lookup,
    Parsed,
    Problem,
    Unverified,
    WebhookRequest,
)
from connectors.registry import connector
from connectors.salesforce import soap
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.connector import CONNECTOR
from connectors.salesforce.ids import NotAnId, normal_id, same_record

FIXTURES = Path(__file__).parent.parent / "fixtures" / "salesforce"
ACCOUNT = (FIXTURES / "om_account.xml").read_bytes()
HEAD, _, REST = ACCOUNT.decode().partition("<Notification>")
TAIL = REST.partition("</Notification>")[2]

SECRET = "k7-Vq+fW2m/9zR1xT0uB"
URL = f"https://tasuki.example.jp/webhooks/sfdc?token={SECRET}"
ORGANIZATION = "ABC90000000gNcmEAE"
ACTION = "00190000000PGrlAAG"

LEAD = "00Q5g00000AbcDe"
CONTACT = "0035g00000Qwert"
USER = "0055g00000Sales"
ROBOT = "0055g00000Robot"
QUEUE = "00G5g00000Inbox"
TASK, EVENT, DEAL = "00T5g00000Task1", "00U5g00000Meet1", "0065g00000Deal1"
MODIFIED = "2026-09-24T07:15:00.000Z"
MODIFIED_AT = datetime(2026, 9, 24, 7, 15, tzinfo=UTC)

Fields = Mapping[str, str | None]


def derived_notification(kind: str, fields: Fields, id: str = "04l9000001olR84AAE") -> str:
    """One Notification in the form of the real one; None is an empty field."""
    inner = "".join(
        f'<sf:{name} xsi:nil="true"/>' if value is None else f"<sf:{name}>{escape(value)}</sf:{name}>"
        for name, value in fields.items()
    )
    sobject = f'<sObject xmlns:sf="urn:sobject.enterprise.soap.sforce.com" xsi:type="sf:{kind}">{inner}</sObject>'
    return f"<Notification><Id>{id}</Id>{sobject}</Notification>"


def derived_message(*notifications: str) -> bytes:
    """The envelope of om_account.xml around other notifications."""
    return (HEAD + "".join(notifications) + TAIL).encode()


def request(
    body: bytes, url: str = URL, headers: Mapping[str, str] | None = None, at: datetime = NOW
) -> WebhookRequest:
    return WebhookRequest("POST", url, headers or {"content-type": "text/xml; charset=UTF-8"}, body, at)


def parse(body: bytes, at: datetime = NOW, **config: Any) -> Parsed:
    parsed = CONNECTOR.parse(request(body, at=at), SalesforceConfig(**config))
    assert_sound(parsed)
    return parsed


def facts(kind: str, fields: Fields, **config: Any) -> list[CanonicalEvent]:
    parsed = parse(derived_message(derived_notification(kind, fields)), **config)
    assert parsed.problems == []
    return parsed.events


def only_fact(kind: str, fields: Fields, **config: Any) -> CanonicalEvent:
    (event,) = facts(kind, fields, **config)
    return event


def of_kind(wanted: EventKind, kind: str, fields: Fields, **config: Any) -> CanonicalEvent:
    (event,) = [event for event in facts(kind, fields, **config) if event.kind is wanted]
    return event


def problems(kind: str, fields: Fields, **config: Any) -> list[Problem]:
    parsed = parse(derived_message(derived_notification(kind, fields)), **config)
    assert parsed.events == []
    return parsed.problems


def salesforce(record_id: str) -> ExternalId:
    return ExternalId("salesforce", normal_id(record_id))


# --- ids


@pytest.mark.parametrize(
    ("id15", "id18"),
    [
        # from the fixtures
        ("0019000001KwyWt", "0019000001KwyWtAAJ"),
        ("00190000000PGrl", "00190000000PGrlAAG"),
        ("04l9000001olR84", "04l9000001olR84AAE"),
        ("005B0000005iVeG", "005B0000005iVeGIAU"),
        ("001D000000IRFma", "001D000000IRFmaIAH"),
        ("001D000000Iomaz", "001D000000IomazIAB"),
        ("a00B000000AVWaZ", "a00B000000AVWaZIAX"),
        # published with the description of the algorithm
        ("a0D30000001n7Pi", "a0D30000001n7PiEAI"),
        ("500x000000003TR", "500x000000003TRAAY"),
        ("0019000000B98de", "0019000000B98deAAB"),
        # every bit of a block
        ("ABCDEabcde01234", "ABCDEabcde012345AA"),
    ],
)
def test_both_forms_are_one_id(id15: str, id18: str) -> None:
    assert normal_id(id15) == id18
    assert normal_id(id18) == id18
    assert normal_id(id15 + id18[15:].lower()) == id18
    assert same_record(id15, id18)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0019000001KwyW",
        "0019000001KwyWtA",
        "0019000001KwyWtAAJx",
        "0019000001KwyWtAAA",  # the last three do not fit
        "0019000001kwywtAAJ",  # the case got lost
        "0019000001KwyW-",
        "0019000001KwyWt\n",
        "００1900001KwyWt",
        "山" * 15,
    ],
)
def test_anything_else_is_no_id(value: str) -> None:
    with pytest.raises(NotAnId):
        normal_id(value)


@given(st.text(alphabet="09azAZmM", min_size=15, max_size=15))
def test_an_id_can_lose_its_case_and_be_told_from_every_other(id15: str) -> None:
    """That is what the checksum is for: same letters, other case → other checksum."""
    for at, character in enumerate(id15):
        if character.isalpha():
            other = id15[:at] + character.swapcase() + id15[at + 1 :]
            assert normal_id(other).lower() != normal_id(id15).lower()
            break


# --- proof


class TestSalesforceSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return request(ACCOUNT, at=now), [SECRET], SalesforceConfig(organization_id=ORGANIZATION, action_ids=[ACTION])

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=request.url.partition("?")[0])


class TestSalesforcePasswordSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        credentials = base64.b64encode(f"tasuki:{SECRET}".encode()).decode()
        headers = {"authorization": f"Basic {credentials}"}
        return request(ACCOUNT, URL.partition("?")[0], headers, now), [SECRET], SalesforceConfig()


class TestSalesforceContent(ContentTests):
    connector = CONNECTOR
    config = SalesforceConfig()
    headers = {"content-type": "text/xml; charset=UTF-8"}  # noqa: RUF012


def verify(body: bytes = ACCOUNT, url: str = URL, authorization: str = "", **config: Any) -> None:
    headers = {"authorization": authorization} if authorization else {}
    CONNECTOR.verify(request(body, url, headers), ["another", SECRET], SalesforceConfig(**config), NOW)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        ("https://h/w?token=another", ""),
        (f"https://h/w?a=1&token={SECRET}&b=2", ""),
        (f"https://h/w?token={SECRET}#there", ""),
        ("https://h/w?token=k7-Vq%2BfW2m%2F9zR1xT0uB", ""),
        (f"https://h/w?token=wrong&token={SECRET}", ""),
        ("https://h/w", basic(f"user:{SECRET}")),
        ("https://h/w", basic(f":{SECRET}").replace("Basic", "basic  ")),
        ("https://h/w?token=wrong", basic(f"user:{SECRET}")),
    ],
)
def test_secret_in_url_or_password(url: str, authorization: str) -> None:
    verify(url=url, authorization=authorization)


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        ("https://h/w", ""),
        ("https://h/w?", ""),
        ("https://h/w?token", ""),
        ("https://h/w?token=", ""),
        ("https://h/w?token=wrong", ""),
        (f"https://h/w?token={SECRET[:-1]}", ""),
        (f"https://h/w?token={SECRET}x", ""),
        (f"https://h/w?token={SECRET.lower()}", ""),
        (f"https://h/w?TOKEN={SECRET}", ""),
        (f"https://h/w?other={SECRET}", ""),
        (f"https://h/{SECRET}", ""),
        (f"https://h/w#?token={SECRET}", ""),
        ("https://h/w?token=%", ""),
        ("https://h/w?token=%ff%00", ""),
        ("http://[?token=", ""),
        ("https://h/w", basic(SECRET)),
        ("https://h/w", basic(f"{SECRET}:wrong")),
        ("https://h/w", f"Bearer {SECRET}"),
        ("https://h/w", f"Basic user:{SECRET}"),
        ("https://h/w", "Basic"),
    ],
)
def test_no_or_wrong_secret(url: str, authorization: str) -> None:
    with pytest.raises(Unverified):
        verify(url=url, authorization=authorization)


@pytest.mark.parametrize(
    ("config", "accepted"),
    [
        ({}, True),
        ({"organization_id": ""}, True),
        ({"organization_id": ORGANIZATION}, True),
        ({"organization_id": ORGANIZATION[:15]}, True),
        ({"organization_id": ORGANIZATION[:15] + "AAA"}, True),  # only the first 15 name the organisation
        ({"organization_id": ORGANIZATION.swapcase()}, False),
        ({"organization_id": "00D90000000gNcmEAE"}, False),
        ({"action_ids": [ACTION]}, True),
        ({"action_ids": ["04k900000000001", ACTION[:15]]}, True),
        ({"action_ids": ["04k900000000001"]}, False),
        ({"action_ids": [ACTION], "organization_id": "00D90000000gNcmEAE"}, False),
    ],
)
def test_organisation_and_action(config: dict[str, Any], accepted: bool) -> None:
    if accepted:
        verify(**config)
    else:
        with pytest.raises(Unverified, match=r"another organisation|not in action_ids"):
            verify(**config)


@pytest.mark.parametrize("config", [{"organization_id": ORGANIZATION}, {"action_ids": [ACTION]}])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a/>",
        ACCOUNT[:-20],
        ACCOUNT.replace(b"OrganizationId>", b"Organization>").replace(b"ActionId>", b"Action>"),
        ACCOUNT.replace(b"</ActionId>", b"</ActionId><ActionId>1</ActionId>").replace(
            b"</OrganizationId>", b"</OrganizationId><OrganizationId>1</OrganizationId>"
        ),
        ACCOUNT.replace(b"http://soap.sforce.com/2005/09/outbound", b"urn:other"),
    ],
    ids=["empty", "other-xml", "cut", "no-ids", "two-ids", "other-namespace"],
)
def test_a_body_that_names_nobody_proves_nobody(body: bytes, config: dict[str, Any]) -> None:
    with pytest.raises(Unverified):
        verify(body, **config)


def test_xml_is_not_looked_at_before_the_token_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(body: bytes) -> soap.OutboundMessage:
        raise AssertionError(f"parsed {body!r}")

    monkeypatch.setattr(soap, "read", never)
    with pytest.raises(Unverified, match="not one of"):
        verify(url="https://h/w?token=wrong", organization_id=ORGANIZATION)
    with pytest.raises(AssertionError):
        verify(organization_id=ORGANIZATION)
    verify()  # nothing in the body is needed


# --- hostile XML


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = {
    "billion-laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
    "quadratic": f'<!DOCTYPE x [<!ENTITY l9 "{"a" * 50_000}">]>',
    "file": '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
    "network": '<!DOCTYPE x [<!ENTITY l9 SYSTEM "http://127.0.0.1:9/">]>',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
    "external-dtd": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "harmless": "<!DOCTYPE x>",
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES.keys())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_authentic_but_not_understood(doctype: str, encoding: str) -> None:
    declaration, _, envelope = ACCOUNT.decode().partition("?>")
    body = f"{declaration}?>{doctype}{envelope}".replace("UTF-8", encoding).replace("San Francisco", "&l9;" * 100)
    attack = body.encode(encoding)
    verify(attack)
    started = time.perf_counter()
    parsed = parse(attack)
    assert time.perf_counter() - started < 1
    assert parsed.events == []
    assert [problem.place for problem in parsed.problems] == ["body"]
    assert "document type" in parsed.problems[0].reason
    with pytest.raises(Unverified):
        verify(attack, organization_id=ORGANIZATION)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>&xxe;</a>",
        b"\x00",
        b"<" * 1000,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="shift_jis"?><a>\x81</a>',
        b'<?xml version="1.0" encoding="zip"?><a/>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>',
        ACCOUNT.replace(b"San Francisco", b"&#0;"),
        ACCOUNT + ACCOUNT,
        ACCOUNT.replace(
            b"</notifications>", b"</notifications><notifications xmlns='http://soap.sforce.com/2005/09/outbound'/>"
        ),
    ],
)
def test_unreadable_xml_is_a_problem(body: bytes) -> None:
    assert parse(body).events == []
    assert [problem.place for problem in parse(body).problems] == ["body"]


# --- the envelope


def test_real_message_about_an_account_is_kept_as_a_problem() -> None:
    parsed = parse(ACCOUNT)
    assert parsed.events == []
    assert parsed.lookups == []
    assert parsed.problems == [
        Problem("Notification[0].sObject", "Tasuki reads Lead, Contact, Task, Event, Opportunity, not Account")
    ]


def test_real_message_is_read_completely() -> None:
    message = soap.read(ACCOUNT)
    assert (message.organization_id, message.action_id) == (ORGANIZATION, ACTION)
    assert message.enterprise_url == "https://na1.salesforce.com/services/Soap/c/41.0/ABC90000000gNcm"
    (notification,) = message.notifications
    assert notification.id == "04l9000001olR84AAE"
    assert notification.record.type == "Account"
    assert notification.record.fields == {
        "Id": "0019000001KwyWtAAJ",
        "BillingCity": "San Francisco",
        "BillingCountry": "United States",
        "BillingPostalCode": "CA 94105",
        "BillingStreet": "The Landmark @ One Market, Suite 300",
        "Name": "Salesforce.com Inc.",
    }


DERIVED_OTHER_PREFIXES = f"""<?xml version='1.0'?>
<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header/><S:Body>
<o:notifications xmlns:o="http://soap.sforce.com/2005/09/outbound" xmlns:e="urn:sobject.enterprise.soap.sforce.com">
  <o:PartnerUrl/><o:ActionId>{ACTION}</o:ActionId><o:OrganizationId>{ORGANIZATION}</o:OrganizationId>
  <o:Notification><o:sObject i:type="e:Lead" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
    <e:Company><![CDATA[みなと & 精機]]></e:Company><!-- between --><e:Id>{LEAD}</e:Id>
    <other:Id xmlns:other="urn:other">nonsense</other:Id></o:sObject><o:Id>04l9000001olR84</o:Id></o:Notification>
</o:notifications></S:Body></S:Envelope>"""


def test_prefixes_and_order_do_not_matter() -> None:
    body = DERIVED_OTHER_PREFIXES.encode()
    verify(body, organization_id=ORGANIZATION, action_ids=[ACTION])
    assert soap.read(body).notifications[0].record.fields == {"Id": LEAD, "Company": "みなと & 精機"}
    (event,) = parse(body).events
    assert event.lead == (salesforce(LEAD),)
    assert event.data == {"company": "みなと & 精機"}


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("Shift_JIS", "cp932"),
        ("windows-31j", "cp932"),
        ("EUC-JP", "euc-jp"),
        ("iso-2022-jp", "iso-2022-jp"),
    ],
)
def test_declared_encodings(declared: str, codec: str) -> None:
    body = derived_message(derived_notification("Lead", {"Id": LEAD, "LastName": "山田"})).decode()
    (event,) = parse(body.replace('encoding="UTF-8"', f'encoding="{declared}"').encode(codec)).events
    assert event.data["name"] == "山田"


def test_an_envelope_without_notification() -> None:
    assert parse(derived_message()).problems == [Problem("notifications", "there is no Notification in the message")]


def test_a_hundred_of_which_one_is_broken() -> None:
    """All but number 42, in order, each its own fact."""
    leads = [
        derived_notification(
            "Lead", {"Id": f"00Q5g00000{n:05}" if n != 42 else "?", "Status": "New"}, f"04l900000{n:06}"
        )
        for n in range(100)
    ]
    parsed = parse(derived_message(*leads))
    told = [event.lead[0].value[:15] for event in parsed.events if event.kind is EventKind.STATUS]
    assert told == [f"00Q5g00000{n:05}" for n in range(100) if n != 42]
    assert [problem.place for problem in parsed.problems] == ["Notification[42].sObject.Id"]
    assert len({event.key for event in parsed.events}) == 2 * 99


@pytest.mark.parametrize(
    ("notification", "place", "says"),
    [
        ("<Notification/>", "Notification[0].sObject.Id", "deleted"),
        ("<Notification><Id>04l9000001olR84</Id><sObject/></Notification>", "Notification[0].sObject.Id", "deleted"),
        (derived_notification("Lead", {}), "Notification[0].sObject.Id", "deleted"),
        (derived_notification("Lead", {"Id": None}), "Notification[0].sObject.Id", "deleted"),
        (derived_notification("Lead", {"Id": " "}), "Notification[0].sObject.Id", "deleted"),
        (derived_notification("Lead", {"Id": "4711"}), "Notification[0].sObject.Id", "'4711'"),
        (derived_notification("Employee__c", {"Id": LEAD}), "Notification[0].sObject", "Employee__c"),
        (derived_notification("", {"Id": LEAD}), "Notification[0].sObject", "xsi:type"),
        (derived_notification("Lead", {"Id": LEAD}, id=""), "Notification[0].sObject", "SystemModstamp"),
    ],
)
def test_what_is_no_record_is_a_problem_and_the_rest_goes_on(notification: str, place: str, says: str) -> None:
    parsed = parse(derived_message(notification, derived_notification("Lead", {"Id": CONTACT})))
    assert [problem.place for problem in parsed.problems] == [place]
    assert says in parsed.problems[0].reason
    assert [event.lead for event in parsed.events] == [(salesforce(CONTACT),)]


# --- the answer, and what is stored


def test_answer_is_the_ack_of_the_fixture() -> None:
    answer = CONNECTOR.answer
    assert (answer.status, answer.content_type) == (200, "text/xml")
    expected = (FIXTURES / "om_ack_true.xml").read_text()
    assert canonicalize(answer.body.decode(), strip_text=True) == canonicalize(expected, strip_text=True)
    refused = (FIXTURES / "om_ack_false.xml").read_text()
    assert canonicalize(answer.body.decode(), strip_text=True) != canonicalize(refused, strip_text=True)


SESSION = ACCOUNT.partition(b"<SessionId>")[2].partition(b"<")[0]


def test_stored_message_is_the_real_one_without_its_session() -> None:
    stored = CONNECTOR.to_store(ACCOUNT)
    assert len(SESSION) > 100
    assert stored == ACCOUNT.replace(SESSION, b"")
    assert parse(stored) == parse(ACCOUNT)
    verify(stored, organization_id=ORGANIZATION)


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("<SessionId>s</SessionId>", "<SessionId></SessionId>"),
        ("<n1:SessionId>s</n1:SessionId>", "<n1:SessionId></n1:SessionId>"),
        ("<日本:SessionId>s</日本:SessionId>", "<日本:SessionId></日本:SessionId>"),
        ("<SessionId >s</SessionId\n>", "<SessionId ></SessionId\n>"),
        ('<a:SessionId x:type="y/z" b=\'>"\'>s</a:SessionId>', '<a:SessionId x:type="y/z" b=\'>"\'></a:SessionId>'),
        ('<SessionId xsi:nil="false">s&amp;t\n</SessionId>', '<SessionId xsi:nil="false"></SessionId>'),
        ("<SessionId><![CDATA[s<t>]]>u</SessionId>", "<SessionId></SessionId>"),
        ("<SessionId><!-- c -->s</SessionId>", "<SessionId></SessionId>"),
        ("<SessionId>s</SessionId><b:SessionId>t</b:SessionId>", "<SessionId></SessionId><b:SessionId></b:SessionId>"),
        # nothing to take out
        ('<SessionId xsi:nil="true"/>', None),
        ('<SessionId xsi:nil="true"></SessionId>', None),
        ("<SessionId/><Id>s</Id>", None),
        ("<SessionIds>s</SessionIds>", None),
        ("<sessionid>s</sessionid>", None),
        ("<MySessionId>s</MySessionId>", None),
        ("<a:b>SessionId</a:b>", None),
        ("SessionId>s<", None),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16"])
def test_session_is_taken_out_and_nothing_else(body: str, stored: str | None, encoding: str) -> None:
    around = ("<a>\n é</a>", "<!-- 山 --><b c='&#10;'/>")
    before = body.join(around).encode(encoding)
    after = (body if stored is None else stored).join(around).encode(encoding)
    assert CONNECTOR.to_store(before) == after
    assert CONNECTOR.to_store(after) == after


@pytest.mark.parametrize("session", ["s", "<![CDATA[s", "<!-- s", "<![CDATA[<s>"])
def test_session_of_a_message_that_was_cut_off(session: str) -> None:
    assert CONNECTOR.to_store(f"<a><SessionId>{session}".encode()) == b"<a><SessionId>"


@FUZZ
@given(st.binary(max_size=60), st.text(alphabet="ab!._é", min_size=1, max_size=40), st.binary(max_size=60))
def test_bytes_around_the_session_stay(before: bytes, session: str, after: bytes) -> None:
    before, after = before.replace(b"<", b"").replace(b"\0", b""), after.replace(b"<", b"").replace(b"\0", b"")
    if before[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        body = before + f"<n:SessionId>{session}</n:SessionId>".encode() + after
        assert CONNECTOR.to_store(body) == before + b"<n:SessionId></n:SessionId>" + after


@FUZZ
@given(st.binary(max_size=40).filter(lambda body: b"SessionId" not in body))
def test_any_other_bytes_are_stored_as_they_came(body: bytes) -> None:
    for mark in (b"", b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"):
        assert CONNECTOR.to_store(mark + body) == mark + body


@pytest.mark.parametrize(
    "part", [b"<SessionId ", b'<SessionId "', b"<SessionId><![CDATA[", b"<SessionId><!--", b"<a:", b"<"]
)
def test_storing_takes_no_time_however_the_body_looks(part: bytes) -> None:
    started = time.perf_counter()
    CONNECTOR.to_store(part * (500_000 // len(part)))
    CONNECTOR.to_store(part + b"a" * 500_000)
    assert time.perf_counter() - started < 2


# --- leads and contacts


DERIVED_LEAD = {
    "Id": LEAD,
    "LastName": "山田",
    "FirstName": "太郎",
    "Company": "株式会社みなと精機",
    "Email": "Taro.Yamada@Example.co.JP",
    "LeadSource": "Web",
    "Status": "Open - Not Contacted",
    "OwnerId": USER,
    "IsConverted": "false",
    "Industry": "製造",
    "NumberOfEmployees": "320",
    "Score__c": "82.0",
    "SystemModstamp": MODIFIED,
    "LastModifiedDate": "2026-09-24T07:00:00.000Z",
}


def test_lead() -> None:
    events = facts(
        "Lead",
        DERIVED_LEAD,
        attributes={"Industry": "industry", "NumberOfEmployees": "employees", "Rating": "rating"},
        score_field="Score__c",
        owners={USER: "佐藤 花子"},
        owner_emails={normal_id(USER): "Sato@Example.jp"},
    )
    assert [event.kind for event in events] == [EventKind.LEAD, EventKind.STATUS, EventKind.OWNER, EventKind.SCORE]
    assert {event.occurred_at for event in events} == {MODIFIED_AT}
    assert {event.lead for event in events} == {(salesforce(LEAD), ExternalId("email", "taro.yamada@example.co.jp"))}
    assert [event.data for event in events] == [
        {
            "name": "山田 太郎",
            "company": "株式会社みなと精機",
            "attributes": {"lead_source": "Web", "industry": "製造", "employees": "320"},
            "url": f"https://na1.salesforce.com/lightning/r/Lead/{normal_id(LEAD)}/view",
        },
        {"status": "new", "raw": "Open - Not Contacted"},
        {"owner": normal_id(USER), "name": "佐藤 花子", "email": "sato@example.jp"},
        {"score": 82},
    ]


def test_15_and_18_characters_are_one_lead() -> None:
    short, long = (facts("Lead", {**DERIVED_LEAD, "Id": form}) for form in (LEAD, normal_id(LEAD)))
    assert short == long


def test_two_organisations_have_two_systems() -> None:
    events = facts("Lead", DERIVED_LEAD, system="sfdc-apac")
    assert {event.lead[0] for event in events} == {ExternalId("sfdc-apac", normal_id(LEAD))}


@pytest.mark.parametrize(
    ("fields", "order", "name"),
    [
        ({"LastName": "山田", "FirstName": "太郎"}, "ja", "山田 太郎"),
        ({"LastName": "Smith", "FirstName": "Ann"}, "en", "Ann Smith"),
        ({"LastName": "山田"}, "ja", "山田"),
        ({"LastName": "山田", "FirstName": None}, "en", "山田"),
        ({"Name": "太郎 山田"}, "ja", "太郎 山田"),
        ({}, "ja", None),
    ],
)
def test_name(fields: Fields, order: str, name: str | None) -> None:
    event = only_fact("Contact", {"Id": CONTACT, **fields}, name_order=order)
    assert event.data.get("name") == name


@pytest.mark.parametrize(
    ("enterprise_url", "host"),
    [
        ("https://acme.my.salesforce.com/services/Soap/c/60.0/00D", "acme.my.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com/", "acme--uat.sandbox.my.salesforce.com"),
        ("http://na1.salesforce.com/", None),
        ("https://salesforce.com.evil.example/", None),
        ("https://evilsalesforce.com/", None),
        ("https://x@evil.example#.salesforce.com/", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_link_leads_to_salesforce_only(enterprise_url: str, host: str | None) -> None:
    original = "https://na1.salesforce.com/services/Soap/c/41.0/ABC90000000gNcm"
    body = derived_message(derived_notification("Lead", {"Id": LEAD})).replace(
        original.encode(), enterprise_url.encode()
    )
    (event,) = parse(body).events
    assert event.data.get("url") == (host and f"https://{host}/lightning/r/Lead/{normal_id(LEAD)}/view")


@pytest.mark.parametrize(
    ("fields", "status", "raw"),
    [
        ({"Status": "Open - Not Contacted"}, "new", "Open - Not Contacted"),
        ({"Status": "Working - Contacted"}, "contacted", "Working - Contacted"),
        ({"Status": "Closed - Converted"}, "converted", "Closed - Converted"),
        ({"Status": "Closed - Not Converted"}, "disqualified", "Closed - Not Converted"),
        ({"Status": "対応中"}, "working", "対応中"),
        ({"Status": "保留"}, None, "保留"),
        ({"Status": "保留", "IsConverted": "true"}, "converted", "保留"),
        ({"IsConverted": "true"}, "converted", "IsConverted"),
        ({"IsConverted": "1", "Status": None}, "converted", "IsConverted"),
    ],
)
def test_status(fields: Fields, status: str | None, raw: str) -> None:
    event = of_kind(EventKind.STATUS, "Lead", {"Id": LEAD, **fields}, statuses={"対応中": "working"})
    assert event.data == {"status": status, "raw": raw}


def test_own_statuses_come_before_the_default_ones() -> None:
    own = {"Closed - Not Converted": "recycled"}
    event = of_kind(EventKind.STATUS, "Lead", {"Id": LEAD, "Status": "Closed - Not Converted"}, statuses=own)
    assert event.data["status"] == "recycled"


def test_converted_lead_and_its_contact_are_one_person() -> None:
    converted = {**DERIVED_LEAD, "IsConverted": "true", "ConvertedContactId": CONTACT}
    for event in facts("Lead", converted):
        assert event.lead == (
            salesforce(LEAD),
            ExternalId("email", "taro.yamada@example.co.jp"),
            salesforce(CONTACT),
        )


@pytest.mark.parametrize(
    ("owner", "data"),
    [
        (USER, {"owner": normal_id(USER), "name": "佐藤 花子"}),
        (ROBOT, {"owner": normal_id(ROBOT)}),
        (QUEUE, {"owner": None, "name": "新規リード"}),
        ("00G5g00000Other", {"owner": None, "name": normal_id("00G5g00000Other")}),
    ],
)
def test_owner(owner: str, data: dict[str, Any]) -> None:
    names = {USER: "佐藤 花子", QUEUE: "新規リード"}
    assert of_kind(EventKind.OWNER, "Lead", {"Id": LEAD, "OwnerId": owner}, owners=names).data == data


def test_contact() -> None:
    fields = {
        "Id": CONTACT,
        "LastName": "山田",
        "FirstName": "太郎",
        "Email": "t@example.jp",
        "Status": "x",
        "OwnerId": USER,
    }
    event = only_fact("Contact", {**fields, "LeadSource": None, "LastModifiedDate": MODIFIED})
    assert event.kind is EventKind.LEAD
    assert event.lead == (salesforce(CONTACT), ExternalId("email", "t@example.jp"))
    assert event.data == {
        "name": "山田 太郎",
        "attributes": {"lead_source": None},
        "url": f"https://na1.salesforce.com/lightning/r/Contact/{normal_id(CONTACT)}/view",
    }
    assert event.occurred_at == MODIFIED_AT


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("SystemModstamp", "yesterday", set()),
        ("SystemModstamp", "2026-09-24T07:15:00", set()),  # no zone: nobody knows when that is
        ("SystemModstamp", "0001-01-01T00:00:00+14:00", set()),
        ("ConvertedContactId", "4711", set()),
        ("IsConverted", "maybe", {EventKind.LEAD, EventKind.OWNER, EventKind.SCORE}),
        ("OwnerId", "佐藤", {EventKind.LEAD, EventKind.STATUS, EventKind.SCORE}),
        ("Score__c", "high", {EventKind.LEAD, EventKind.STATUS, EventKind.OWNER}),
        ("Score__c", "1e99", {EventKind.LEAD, EventKind.STATUS, EventKind.OWNER}),
        ("Score__c", "NaN", {EventKind.LEAD, EventKind.STATUS, EventKind.OWNER}),
        ("Email", "taro at example", {EventKind.LEAD, EventKind.STATUS, EventKind.OWNER, EventKind.SCORE}),
    ],
)
def test_an_unreadable_field_spares_the_other_facts(field: str, value: str, kept: set[EventKind]) -> None:
    fields = {**DERIVED_LEAD, field: value}
    parsed = parse(derived_message(derived_notification("Lead", fields)), score_field="Score__c")
    assert {event.kind for event in parsed.events} == kept
    assert [problem.place for problem in parsed.problems] == [f"Notification[0].sObject.{field}"]


# --- when, and the same again


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"SystemModstamp": MODIFIED, "LastModifiedDate": "2026-09-01T00:00:00Z"}, MODIFIED_AT),
        ({"LastModifiedDate": MODIFIED}, MODIFIED_AT),
        ({"SystemModstamp": None, "LastModifiedDate": "2026-09-24T16:15:00.000+09:00"}, MODIFIED_AT),
        ({"CreatedDate": MODIFIED}, NOW),
        ({}, NOW),
    ],
)
def test_snapshot_time(fields: Fields, at: datetime) -> None:
    assert only_fact("Lead", {"Id": LEAD, **fields}).occurred_at == at


def keys(fields: Fields, notification: str = "04l9000001olR84AAE", minutes: int = 0, **config: Any) -> set[str]:
    body = derived_message(derived_notification("Lead", fields, notification))
    return {event.key for event in parse(body, at=NOW + timedelta(minutes=minutes), **config).events}


def test_the_same_snapshot_is_the_same_facts() -> None:
    """Sent again in another notification, later, or with the time in another zone."""
    first = keys(DERIVED_LEAD)
    assert keys(DERIVED_LEAD, "04l9000001olR85", 30) == first
    assert keys({**DERIVED_LEAD, "SystemModstamp": "2026-09-24T16:15:00+09:00"}) == first
    assert keys(DERIVED_LEAD, statuses={"Open - Not Contacted": "working"}) == first


@pytest.mark.parametrize(
    ("field", "value", "new"),
    [
        ("Status", "Working - Contacted", 1),
        ("OwnerId", ROBOT, 1),
        ("Company", "港精機", 1),
        ("Email", "y@example.jp", 1),
        ("SystemModstamp", "2026-09-24T07:16:00Z", 3),
        ("Id", CONTACT, 3),
    ],
)
def test_another_value_or_time_is_another_fact(field: str, value: str, new: int) -> None:
    assert len(keys({**DERIVED_LEAD, field: value}) - keys(DERIVED_LEAD)) == new


def test_without_a_time_of_its_own_the_notification_tells_repeats_apart() -> None:
    timeless = {"Id": LEAD, "Status": "New"}
    first = keys(timeless, "04l9000001olR84")
    assert keys(timeless, "04l9000001olR84AAE", 30) == first
    assert not keys(timeless, "04l9000001olR85", 30) & first


# --- what sales did


DERIVED_TASK = {
    "Id": TASK,
    "WhoId": LEAD,
    "OwnerId": USER,
    "Subject": "初回架電",
    "Status": "Completed",
    "IsClosed": "true",
    "TaskSubtype": "Call",
    "CallDisposition": "通話できた",
    "ActivityDate": "2026-09-30",
    "CompletedDateTime": MODIFIED,
    "CreatedDate": "2026-09-24T07:20:00.000Z",
    "LastModifiedDate": "2026-09-24T08:00:00.000Z",
}


def test_completed_task_is_a_follow_up() -> None:
    event = only_fact("Task", DERIVED_TASK, owners={USER: "佐藤 花子"})
    assert event.kind is EventKind.FOLLOW_UP
    assert event.lead == (salesforce(LEAD),)
    assert event.occurred_at == MODIFIED_AT
    assert event.recorded_at == datetime(2026, 9, 24, 7, 20, tzinfo=UTC)
    assert event.data == {
        "channel": "call",
        "automated": False,
        "by": "佐藤 花子",
        "outcome": "通話できた",
        "subject": "初回架電",
    }


@pytest.mark.parametrize(
    ("fields", "done"),
    [
        ({"IsClosed": "true"}, True),
        ({"IsClosed": "true", "Status": "対応終了"}, True),
        ({"IsClosed": "false", "Status": "In Progress"}, False),
        ({"IsClosed": "false"}, False),
        ({"Status": "Completed"}, True),
        ({"Status": "完了"}, True),
        ({"Status": "Not Started"}, False),
        ({"Status": "対応終了"}, False),
    ],
)
def test_only_what_is_done_counts(fields: Fields, done: bool) -> None:
    assert bool(facts("Task", {"Id": TASK, "WhoId": LEAD, **fields})) is done


def test_own_word_for_done() -> None:
    assert facts("Task", {"Id": TASK, "WhoId": LEAD, "Status": "対応終了"}, completed_task_statuses=["対応終了"])
    assert not facts("Task", {"Id": TASK, "WhoId": LEAD, "Status": "完了"}, completed_task_statuses=["対応終了"])


@pytest.mark.parametrize(
    ("times", "occurred", "recorded"),
    [
        ({"CompletedDateTime": MODIFIED}, MODIFIED_AT, None),
        ({"LastModifiedDate": MODIFIED}, MODIFIED_AT, MODIFIED_AT),
        ({"CreatedDate": MODIFIED, "LastModifiedDate": MODIFIED}, MODIFIED_AT, MODIFIED_AT),  # logged when it was done
        ({"CreatedDate": "2026-09-01T00:00:00Z", "LastModifiedDate": MODIFIED}, MODIFIED_AT, MODIFIED_AT),
        ({"CreatedDate": "2026-09-01T00:00:00Z", "CompletedDateTime": MODIFIED}, MODIFIED_AT, None),
        ({"CreatedDate": "2026-09-01T00:00:00Z", "SystemModstamp": MODIFIED}, MODIFIED_AT, None),
        ({"CreatedDate": "2026-09-01T00:00:00Z"}, NOW, None),  # planned, or done? the message says only that it is done
        ({"ActivityDate": "2026-09-24"}, NOW, None),
        ({"ActivityDate": "2026-09-24T00:00:00Z", "SystemModstamp": MODIFIED}, MODIFIED_AT, None),
    ],
)
def test_when_a_task_was_done_and_written_down(times: Fields, occurred: datetime, recorded: datetime | None) -> None:
    event = only_fact("Task", {"Id": TASK, "WhoId": LEAD, "IsClosed": "true", **times})
    assert (event.occurred_at, event.recorded_at) == (occurred, recorded)


@pytest.mark.parametrize(
    ("fields", "channel", "automated"),
    [
        ({"TaskSubtype": "Call"}, "call", False),
        ({"TaskSubtype": "Email"}, "email", False),
        ({"TaskSubtype": "Task"}, "other", False),
        ({"TaskSubtype": "LinkedIn"}, "other", False),
        ({}, "other", False),
        ({"TaskSubtype": "Task", "Type": "Call"}, "call", False),
        ({"Type": "Meeting"}, "meeting", False),
        ({"Type": "訪問"}, "meeting", False),
        ({"TaskSubtype": "Email", "Type": "訪問"}, "email", False),
        ({"TaskSubtype": "ListEmail"}, "email", True),
        ({"TaskSubtype": "Cadence"}, "other", True),
        ({"TaskSubtype": "Email", "OwnerId": ROBOT}, "email", True),
        ({"TaskSubtype": "Email", "OwnerId": USER, "CreatedById": normal_id(ROBOT)}, "email", True),
        ({"TaskSubtype": "Email", "OwnerId": USER, "CreatedById": USER}, "email", False),
    ],
)
def test_channel_and_automation(fields: Fields, channel: str, automated: bool) -> None:
    task = {"Id": TASK, "WhoId": CONTACT, "IsClosed": "true", **fields}
    event = only_fact("Task", task, integration_users=[ROBOT], task_types={"訪問": "meeting"})
    assert (event.data["channel"], event.data["automated"]) == (channel, automated)
    assert event.lead == (salesforce(CONTACT),)


def test_booked_meeting_counts_from_the_booking() -> None:
    fields = {"Id": EVENT, "WhoId": LEAD, "OwnerId": USER, "Subject": "ご提案", "CreatedDate": MODIFIED}
    event = only_fact(
        "Event", {**fields, "StartDateTime": "2026-10-01T01:00:00Z", "LastModifiedDate": "2026-09-29T01:00:00Z"}
    )
    assert (event.kind, event.occurred_at, event.recorded_at) == (EventKind.FOLLOW_UP, MODIFIED_AT, MODIFIED_AT)
    assert event.data == {"channel": "meeting", "automated": False, "by": normal_id(USER), "subject": "ご提案"}
    assert only_fact("Event", {**fields, "OwnerId": ROBOT}, integration_users=[ROBOT]).data["automated"] is True
    assert only_fact("Event", {"Id": EVENT, "WhoId": LEAD}).occurred_at == NOW


BOOKED = {"Id": EVENT, "WhoId": LEAD, "CreatedDate": MODIFIED, "SystemModstamp": MODIFIED}


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"StartDateTime": "2026-10-01T01:00:00Z", "IsAllDayEvent": "false"}, MODIFIED_AT),
        ({"StartDateTime": "2026-09-24T05:00:00Z", "IsAllDayEvent": "false"}, MODIFIED_AT - timedelta(minutes=135)),
        ({"StartDateTime": "2026-09-24T00:00:00Z", "IsAllDayEvent": "true"}, MODIFIED_AT),
        ({"StartDateTime": "2026-09-24T00:00:00Z"}, MODIFIED_AT),
    ],
)
def test_a_meeting_that_was_written_down_afterwards_counts_from_its_beginning(fields: Fields, at: datetime) -> None:
    event = only_fact("Event", BOOKED | dict(fields))
    assert (event.occurred_at, event.recorded_at) == (at, MODIFIED_AT)


# --- records that are edited, reopened, deleted


RECORD = f"Task:{normal_id(TASK)}"
LATER = "2026-09-25T00:00:00.000Z"
LATER_AT = datetime(2026, 9, 25, tzinfo=UTC)


def newest(events: list[CanonicalEvent]) -> CanonicalEvent:
    """The revision that counts, as the contract says."""
    (record,) = {event.record for event in events}
    assert record is not None
    assert len({event.key for event in events}) == len(events)
    return max(events, key=lambda event: event.revised_at or NOW)


@pytest.mark.parametrize("stamp", ["LastModifiedDate", "SystemModstamp"])
def test_an_edited_task_is_another_revision_of_one_record(stamp: str) -> None:
    """What was edited counts, the time it was done with it; so the clock follows a corrected time."""
    first = only_fact("Task", DERIVED_TASK)
    worded = only_fact("Task", {**DERIVED_TASK, "Subject": "架電", stamp: LATER})
    corrected = only_fact("Task", {**DERIVED_TASK, "CompletedDateTime": "2026-09-24T06:00:00Z", stamp: LATER})
    assert first.record == RECORD
    assert newest([first, worded]) is worded
    assert (worded.occurred_at, worded.data["subject"]) == (first.occurred_at, "架電")
    assert newest([corrected, first]) is corrected
    assert corrected.occurred_at == datetime(2026, 9, 24, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "done", "change", "reason"),
    [
        ("Task", DERIVED_TASK, {"IsClosed": "false", "Status": "In Progress", "CompletedDateTime": None}, "reopened"),
        ("Task", DERIVED_TASK, {"IsDeleted": "true"}, "deleted"),
        ("Event", BOOKED, {"IsDeleted": "true"}, "deleted"),
    ],
)
@pytest.mark.parametrize("stamp", ["LastModifiedDate", "SystemModstamp"])
def test_a_follow_up_is_taken_back(kind: str, done: Fields, change: Fields, reason: str, stamp: str) -> None:
    first, gone = only_fact(kind, done), only_fact(kind, {**done, **change, "SystemModstamp": LATER, stamp: LATER})
    assert (gone.kind, gone.data, gone.lead) == (EventKind.RETRACTED, {"reason": reason}, first.lead)
    assert gone.occurred_at == LATER_AT
    assert newest([gone, first]) is gone


def test_a_task_that_is_done_again_counts_again() -> None:
    reopened = {
        **DERIVED_TASK,
        "IsClosed": "false",
        "Status": "In Progress",
        "LastModifiedDate": "2026-09-24T09:00:00Z",
    }
    again = {**DERIVED_TASK, "CompletedDateTime": LATER, "LastModifiedDate": LATER}
    revisions = [only_fact("Task", seen) for seen in (DERIVED_TASK, reopened, again)]
    assert newest(revisions) is revisions[2]
    assert revisions[2].occurred_at == LATER_AT


def test_a_deletion_within_the_second_of_the_last_edit_comes_last() -> None:
    at_once = {**DERIVED_TASK, "IsDeleted": "true"}
    done, gone = only_fact("Task", DERIVED_TASK), only_fact("Task", at_once)
    assert newest([done, gone]) is gone


@pytest.mark.parametrize(
    "fields",
    [
        {"CreatedDate": MODIFIED, "LastModifiedDate": MODIFIED, "SystemModstamp": MODIFIED},
        {"CreatedDate": MODIFIED},
        {},
    ],
)
def test_a_task_that_was_never_done_takes_nothing_back(fields: Fields) -> None:
    assert facts("Task", {"Id": TASK, "WhoId": LEAD, "IsClosed": "false", **fields}) == []


@pytest.mark.parametrize("missing", ["CompletedDateTime", "TaskSubtype", "CreatedById"])
def test_of_one_revision_the_fuller_sight_counts(missing: str) -> None:
    full = {**DERIVED_TASK, "CreatedById": ROBOT}
    thin = only_fact(
        "Task", {name: value for name, value in full.items() if name != missing}, integration_users=[ROBOT]
    )
    fuller = only_fact("Task", full, integration_users=[ROBOT])
    assert newest([fuller, thin]) is fuller


def test_another_configuration_makes_no_other_fact() -> None:
    call = {**DERIVED_TASK, "TaskSubtype": "Task", "Type": "訪問"}
    first, again = (
        only_fact("Task", call),
        only_fact("Task", call, task_types={"訪問": "meeting"}, owners={USER: "佐藤"}),
    )
    assert first.key == again.key == only_fact("Task", call, integration_users=[USER]).key
    assert first.key != only_fact("Task", {**call, "Type": "Call"}).key
    assert first.key != only_fact("Task", {**call, "OwnerId": ROBOT}).key


def test_a_revision_without_any_stamp_gives_way_to_one_that_has_it() -> None:
    without = {name: value for name, value in DERIVED_TASK.items() if name != "LastModifiedDate"}
    reopened = {**DERIVED_TASK, "IsClosed": "false", "Status": "Open"}
    assert newest([only_fact("Task", reopened), only_fact("Task", without)]).kind is EventKind.RETRACTED


# --- people who are merged, converted, deleted


def test_a_converted_lead_is_its_contact_from_then_on() -> None:
    converted = {**DERIVED_LEAD, "IsConverted": "true", "ConvertedContactId": CONTACT, "ConvertedOpportunityId": DEAL}
    events = facts("Lead", converted)
    assert {event.lead[::2] for event in events} == {(salesforce(LEAD), salesforce(CONTACT))}
    (status,) = [event for event in events if event.kind is EventKind.STATUS]
    assert status.data["status"] == "converted"


@pytest.mark.parametrize(("kind", "record", "master"), [("Lead", LEAD, "00Q5g00000Other"), ("Contact", CONTACT, LEAD)])
def test_a_merged_record_says_only_into_which(kind: str, record: str, master: str) -> None:
    event = only_fact(kind, {**DERIVED_LEAD, "Id": record, "IsDeleted": "true", "MasterRecordId": master})
    assert (event.kind, event.data) == (EventKind.LEAD, {})
    assert {salesforce(record), salesforce(master)} < {*event.lead}


@pytest.mark.parametrize(("kind", "record"), [("Lead", LEAD), ("Contact", CONTACT)])
def test_a_deleted_person_is_excluded(kind: str, record: str) -> None:
    event = only_fact(kind, {**DERIVED_LEAD, "Id": record, "IsDeleted": "true", "Email": "not one"})
    assert (event.kind, event.occurred_at) == (EventKind.DISPOSITION, MODIFIED_AT)
    assert event.data == {"outcome": "excluded", "reason": "deleted"}


@pytest.mark.parametrize("change", [{"WhoId": CONTACT}, {"CompletedDateTime": "2026-09-25T00:00:00Z"}, {"Id": EVENT}])
def test_a_task_for_somebody_else_or_done_again_is_another(change: Fields) -> None:
    assert only_fact("Task", {**DERIVED_TASK, **change}).key != only_fact("Task", DERIVED_TASK).key


@pytest.mark.parametrize(
    ("kind", "fields", "field", "says"),
    [
        ("Task", {"Id": TASK, "IsClosed": "true"}, "WhoId", "add the field WhoId to the outbound message of Task"),
        ("Event", {"Id": EVENT}, "WhoId", "add the field WhoId to the outbound message of Event"),
        ("Task", {"Id": TASK, "WhoId": LEAD}, "IsClosed", "add the field IsClosed"),
        ("Task", {"Id": TASK, "WhoId": USER, "IsClosed": "true"}, "WhoId", "neither a Lead"),
        ("Task", {"Id": TASK, "WhoId": "?", "IsClosed": "true"}, "WhoId", "not a Salesforce id"),
        (
            "Task",
            {"Id": TASK, "WhoId": LEAD, "IsClosed": "true", "CompletedDateTime": "x"},
            "CompletedDateTime",
            "zone",
        ),
    ],
)
def test_activities_that_say_too_little(kind: str, fields: Fields, field: str, says: str) -> None:
    (problem,) = problems(kind, fields)
    assert problem.place == f"Notification[0].sObject.{field}"
    assert says in problem.reason


def test_an_activity_about_nobody_is_no_problem() -> None:
    assert facts("Task", {"Id": TASK, "WhoId": None, "IsClosed": "true"}) == []
    assert facts("Event", {"Id": EVENT, "WhoId": None}) == []


# --- opportunities


DERIVED_DEAL = {
    "Id": DEAL,
    "Name": "みなと精機 原価管理",
    "StageName": "受注",
    "IsClosed": "true",
    "IsWon": "true",
    "Amount": "1.2E6",
    "ContactId": CONTACT,
    "SystemModstamp": MODIFIED,
}


def test_an_opportunity_that_changed_was_opened_before() -> None:
    """The first sight of one is a follow-up: it happened when it was opened, however late anybody looked."""
    opened, now = facts("Opportunity", {**DERIVED_DEAL, "CreatedDate": "2026-09-20T01:00:00Z"})
    assert (opened.occurred_at, opened.data["state"]) == (datetime(2026, 9, 20, 1, tzinfo=UTC), "open")
    assert (now.occurred_at, now.data["state"]) == (MODIFIED_AT, "won")
    assert len(facts("Opportunity", {**DERIVED_DEAL, "CreatedDate": MODIFIED})) == 1
    assert facts("Opportunity", {**DERIVED_DEAL, "CreatedDate": "2026-09-20T01:00:00Z", "IsDeleted": "true"}) == []


def test_opportunity() -> None:
    event = only_fact("Opportunity", DERIVED_DEAL, opportunity_contact_field="ContactId")
    assert event.kind is EventKind.OPPORTUNITY
    assert event.lead == (salesforce(CONTACT),)
    assert event.occurred_at == MODIFIED_AT
    assert event.data == {
        "opportunity": normal_id(DEAL),
        "state": "won",
        "stage": "受注",
        "amount": 1200000,
        "name": "みなと精機 原価管理",
    }


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"IsClosed": "true", "IsWon": "true"}, "won"),
        ({"IsClosed": "true", "IsWon": "false"}, "lost"),
        ({"IsClosed": "false", "IsWon": "false"}, "open"),
        ({"IsClosed": "false", "StageName": "Closed Won"}, "open"),
        ({"IsWon": "true"}, "won"),
        ({"IsWon": "false", "StageName": "Closed Lost"}, "lost"),
        ({"IsClosed": "true", "StageName": "Closed Won"}, "won"),
        ({"StageName": "Closed Won"}, "won"),
        ({"StageName": "Closed Lost"}, "lost"),
        ({"StageName": "Prospecting"}, "open"),
        ({"StageName": "失注"}, "lost"),
        ({"StageName": "提案"}, None),
        ({"IsClosed": "true"}, None),
        ({}, None),
    ],
)
def test_state_of_an_opportunity(fields: Fields, state: str | None) -> None:
    deal = {"Id": DEAL, "Lead__c": LEAD, **fields}
    config: dict[str, Any] = {"opportunity_contact_field": "Lead__c", "stages": {"失注": "lost"}}
    if state is None:
        assert [problem.place for problem in problems("Opportunity", deal, **config)] == [
            "Notification[0].sObject.StageName"
        ]
    else:
        assert only_fact("Opportunity", deal, **config).data["state"] == state


@pytest.mark.parametrize(
    ("field", "value", "person"),
    [
        ("ContactId", CONTACT, salesforce(CONTACT)),
        ("Lead__c", normal_id(LEAD), salesforce(LEAD)),
        ("Billing_Contact_Email__c", "Taro@Example.jp", ExternalId("email", "taro@example.jp")),
    ],
)
def test_person_of_an_opportunity(field: str, value: str, person: ExternalId) -> None:
    event = only_fact("Opportunity", {"Id": DEAL, "IsWon": "true", field: value}, opportunity_contact_field=field)
    assert event.lead == (person,)


@pytest.mark.parametrize(
    ("configured", "fields", "place", "says"),
    [
        ("", DERIVED_DEAL, "Notification[0].sObject", "set opportunity_contact_field"),
        ("Lead__c", DERIVED_DEAL, "Notification[0].sObject.Lead__c", "fill in Lead__c"),
        ("ContactId", {**DERIVED_DEAL, "ContactId": None}, "Notification[0].sObject.ContactId", "fill in ContactId"),
        ("ContactId", {**DERIVED_DEAL, "ContactId": USER}, "Notification[0].sObject.ContactId", "neither a Lead"),
        ("ContactId", {**DERIVED_DEAL, "Amount": "many"}, "Notification[0].sObject.Amount", "not a number"),
    ],
)
def test_opportunities_that_say_too_little(configured: str, fields: Fields, place: str, says: str) -> None:
    (problem,) = problems("Opportunity", fields, opportunity_contact_field=configured)
    assert problem.place == place
    assert says in problem.reason


# --- the connector as a whole


def test_registry_knows_it() -> None:
    assert connector("salesforce") is CONNECTOR


def test_without_a_credential_nothing_is_asked_back() -> None:
    with pytest.raises(AskFailed) as failure, httpx.Client() as http:
        CONNECTOR.fetch([Lookup("Lead", LEAD)], SalesforceConfig(), "", http)
    assert failure.value.retry_after is None


@pytest.mark.parametrize(
    "config",
    [
        {"organization_id": "acme"},
        {"action_ids": ["04k"]},
        {"integration_users": ["robot@example.jp"]},
        {"owners": {"0055g00000SalesAAA": "佐藤"}},  # the checksum does not fit: mistyped
        {"owner_emails": {USER: "sato"}},
        {"name_order": "fr"},
        {"stages": {"受注": "closed"}},
        {"task_types": {"訪問": "visit"}},
        {"organisation_id": ORGANIZATION},
        {"score_field": "Score__c FROM User"},
        {"attributes": {"Industry, Fax": "industry"}},
        {"opportunity_contact_field": "Contact.Id"},
    ],
)
def test_nonsense_in_the_config_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SalesforceConfig(**config)


# --- whatever comes


FLAGS = ("IsDeleted", "IsAllDayEvent", "StartDateTime", "MasterRecordId", "CreatedDate")
NAMES = sorted(
    {*DERIVED_LEAD, *DERIVED_TASK, *DERIVED_DEAL, "CreatedById", "Type", "ConvertedContactId", "Unknown__c", *FLAGS}
    - {"Id"}
)
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
)
VALUES = st.one_of(
    st.none(),
    XML_TEXT,
    st.sampled_from([LEAD, normal_id(CONTACT), USER, QUEUE, MODIFIED, "true", "false", "a@b", "Completed", "Call"]),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(datetime.isoformat),
)
RECORDS = st.tuples(
    st.sampled_from(["Lead", "Contact", "Task", "Event", "Opportunity", "Account", ""]),
    st.fixed_dictionaries({"Id": st.sampled_from([LEAD, CONTACT, TASK, "x"])}, optional=dict.fromkeys(NAMES, VALUES)),
    st.sampled_from(["04l9000001olR84", ""]),
)
FUZZ_CONFIG = SalesforceConfig(
    organization_id=ORGANIZATION,
    score_field="Score__c",
    opportunity_contact_field="ContactId",
    attributes={"Unknown__c": "unknown"},
    integration_users=[USER],
)


def withstands(body: bytes) -> None:
    with suppress(Unverified):
        CONNECTOR.verify(request(body), [SECRET], FUZZ_CONFIG, NOW)
    with suppress(Unverified):
        CONNECTOR.verify(request(body), [SECRET], SalesforceConfig(), NOW)
    parsed = CONNECTOR.parse(request(body), FUZZ_CONFIG)
    assert_sound(parsed)
    stored = CONNECTOR.parse(request(CONNECTOR.to_store(body)), FUZZ_CONFIG)
    assert stored == parsed or [problem.place for problem in parsed.problems] == ["body"]


@FUZZ
@given(st.lists(RECORDS, max_size=4))
def test_any_fields_parse(records: list[tuple[str, dict[str, str | None], str]]) -> None:
    withstands(derived_message(*(derived_notification(*record) for record in records)))


BODIES = [
    ACCOUNT,
    derived_message(derived_notification("Lead", DERIVED_LEAD), derived_notification("Task", DERIVED_TASK)),
    DERIVED_OTHER_PREFIXES.encode(),
]


@FUZZ
@given(st.sampled_from(BODIES), st.data())
def test_any_damage_parses(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 40))
    inserted = data.draw(
        st.binary(max_size=20) | st.sampled_from([b"<!DOCTYPE a>", b"<![CDATA[", b"&a;", b"<a>", b"\xff\xfe"])
    )
    withstands(body[:at] + inserted + body[at + length :])
