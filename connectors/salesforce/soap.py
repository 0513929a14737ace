"""The envelope of an outbound message: read by namespace, never by prefix, and never expanded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DTDForbidden
from defusedxml.ElementTree import fromstring

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
FIELD = "{urn:sobject.enterprise.soap.sforce.com}"
INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"

#: The one answer that takes a message out of the organisation's queue.
ACK = (
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)

#: Encodings that the XML parser does not know by itself, and Python's names for them.
JAPANESE = {"shift_jis": "cp932", "windows-31j": "cp932", "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp"}
DECLARED_ENCODING = re.compile(rb"""<\?xml\s[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


class Unreadable(Exception):
    """The body is not an outbound message."""


@dataclass(frozen=True, slots=True)
class Record:
    """One sObject."""

    #: `Lead`, `Task`, …; empty when the message does not say.
    type: str
    #: Only the fields that were chosen in Setup. None: the field is empty.
    fields: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Notification:
    id: str
    record: Record


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    organization_id: str
    action_id: str
    enterprise_url: str
    notifications: tuple[Notification, ...]


def read(body: bytes) -> OutboundMessage:
    """The message in the body, or Unreadable. Document types, entities and anything external are refused."""
    root = well_formed(body)
    found = root.findall(f"{ENVELOPE}Body/{OUTBOUND}notifications")
    if root.tag != f"{ENVELOPE}Envelope" or len(found) != 1:
        raise Unreadable("the body is not a SOAP envelope with one notifications element: is this an outbound message?")
    message = found[0]
    return OutboundMessage(
        organization_id=only_text(message, "OrganizationId"),
        action_id=only_text(message, "ActionId"),
        enterprise_url=only_text(message, "EnterpriseUrl"),
        notifications=tuple(map(notification, message.findall(f"{OUTBOUND}Notification"))),
    )


def well_formed(body: bytes) -> Element:
    try:
        root: Element = fromstring(decoded(body), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DTDForbidden:
        raise Unreadable("the body declares a document type, which Salesforce never does; it was not read") from None
    except ParseError as error:
        raise Unreadable(f"the body is not well-formed XML ({error})") from None
    except (ValueError, LookupError):
        raise Unreadable("the body's XML is not in the encoding that it declares") from None
    return root


def decoded(body: bytes) -> bytes | str:
    """As text where the parser needs help with the declared encoding, otherwise as it came."""
    declared = DECLARED_ENCODING.match(body)
    codec = JAPANESE.get(declared.group(1).decode().lower()) if declared else None
    return body.decode(codec) if codec else body


def notification(element: Element) -> Notification:
    sobject = element.find(f"{OUTBOUND}sObject")
    record = Record("", {}) if sobject is None else record_of(sobject)
    return Notification(id=only_text(element, "Id"), record=record)


def record_of(sobject: Element) -> Record:
    named = sobject.get(f"{INSTANCE}type", "")
    fields = {field.tag.removeprefix(FIELD): value_of(field) for field in sobject if field.tag.startswith(FIELD)}
    return Record(type=named.rpartition(":")[2].strip(), fields=fields)


def value_of(field: Element) -> str | None:
    return (field.text or "").strip() or None


def only_text(parent: Element, name: str) -> str:
    """The text of the one child of this name; empty when there is none, or more than one to choose from."""
    found = parent.findall(OUTBOUND + name)
    return (value_of(found[0]) or "") if len(found) == 1 else ""


# The session id, a live credential of the organisation

SESSION_ID = re.compile(
    r"""(<(?:[^\s<>/:"'=]+:)?SessionId(?:\s(?:[^<>"'/]++|"[^"<]*"|'[^'<]*')*)?>)"""
    r"""(?:[^<]++|<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))*+""",
    re.DOTALL,
)


def without_session(body: bytes) -> bytes:
    """The same bytes with the content of every SessionId element taken out, whatever its prefix and attributes.

    Nothing is parsed, so that a body that is not well-formed loses its credential, too.
    """
    encoding = wide_encoding(body) or "latin-1"
    whole = len(body) - len(body) % 2 if encoding != "latin-1" else len(body)
    text = body[:whole].decode(encoding, "surrogatepass")
    return SESSION_ID.sub(r"\1", text).encode(encoding, "surrogatepass") + body[whole:]


def wide_encoding(body: bytes) -> str | None:
    """The UTF-16 that an XML parser takes these bytes for; None: one byte for each ASCII character."""
    if body[:2] == b"\xff\xfe" or body[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if body[:2] == b"\xfe\xff" or body[:1] == b"\0" else None
