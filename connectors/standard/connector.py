"""Tools that post Tasuki's own JSON: signed by the Standard Webhooks scheme or, where they cannot sign, with a token.

Scheme: standard-webhooks/standard-webhooks, spec/standard-webhooks.md (v1, HMAC-SHA256).
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, NoReturn

import httpx
from pydantic import Field, ValidationError

from connectors.contract import (
    EMAIL,
    AskFailed,
    CanonicalEvent,
    Connector,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    Problem,
    Shown,
    SourceConfig,
    Unverified,
    WebhookRequest,
)
from connectors.signatures import as_bytes, check_age, hmac_sha256, required, same, usable
from connectors.standard.examples import sample_events
from connectors.standard.schema import DATA, EVENT, AnyEvent, Common, LeadRef, OwnerEvent, StatusEvent, data_of
from connectors.tool import Tool
from connectors.wire import compact, mail_address, mapping, milliseconds, plain, present, read_json

#: Of one wrong item, so that a thousand misspelt keys do not become a thousand lines.
PROBLEMS_PER_ITEM = 5
#: Kind of event → its keys; they are read as what they are called.
FIELDS = {
    kind.value: {key: key.replace("_", " ") for key in (*Common.model_fields, *model.model_fields)}
    for kind, model in DATA.items()
}
#: pydantic's name of an error → our sentence, where pydantic's own does not say what would mend it.
SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not a key of this kind of event; check the spelling",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_too_short": "must not be blank",
    "string_unicode": "holds half of a surrogate pair, which is not a character",
}


class StandardConfig(SourceConfig):
    """Exactly one of the two proofs is looked at; the other never helps."""

    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = {status.value: status for status in LeadStatus}

    #: `signature`: Standard Webhooks. `token`: the secret itself in a header, for tools that cannot sign.
    auth: Literal["signature", "token"] = "signature"
    #: Where the token stands. In `Authorization` it follows `Bearer `, in any other header it stands alone.
    token_header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]+$")


class StandardConnector(Tool[StandardConfig]):
    kind = "standard"
    config_model = StandardConfig
    role = "both"
    fields = FIELDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: StandardConfig, now: datetime) -> None:
        """Raise Unverified unless one of `secrets` proves the request; signed ones are at most 5 min off `now`."""
        if config.auth == "token":
            check_token(request.headers, usable(secrets), config.token_header)
        else:
            check_signature(request, usable(secrets), now)

    def parse(self, request: WebhookRequest, config: StandardConfig) -> Parsed:
        """One event, a list of them, or either in the `data` of a Standard Webhooks envelope."""
        parsed = Parsed()
        try:
            items = list(items_of(read_json(request.body)))
        except ValueError as error:
            return Parsed(problems=[Problem("body", str(error).removeprefix("the body "))])
        for place, item in items:
            try:
                parsed.events.append(canonical(item, config, config.system or self.kind))
            except ValidationError as error:
                parsed.problems += problems_of(error, place)
        return parsed

    def fetch(self, lookups: Sequence[Lookup], config: StandardConfig, credential: str, http: httpx.Client) -> NoReturn:
        raise AskFailed("standard sources have no API to ask")

    def sample(self, config: StandardConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        """A lead that downloads something and is called, in the words of the source's own tables."""
        words, attributes = next(iter(config.statuses), ""), list(config.attributes)
        body = compact(sample_events(now, status=words or LeadStatus.WORKING, attributes=attributes))
        return WebhookRequest("POST", url, proof_of(body, secret, config, now), body, now)

    def shown(self, request: WebhookRequest, config: StandardConfig) -> Iterator[Shown]:
        with suppress(ValueError):
            for _, item in items_of(read_json(request.body)):
                event = mapping(item)
                yield Shown(plain(event.get("kind")), {name: event[name] for name in event if name != "kind"})


CONNECTOR: Connector[StandardConfig] = StandardConnector()


# --- proof ------------------------------------------------------------------------------------------------------


def check_token(headers: Mapping[str, str], secrets: Sequence[str], header: str) -> None:
    token = required(headers, header)
    if header.lower() == "authorization":
        scheme, _, token = token.partition(" ")
        if scheme.lower() != "bearer":
            raise Unverified("the header Authorization must be: Bearer, a blank, the secret")
    if not any(same(token.strip(), secret) for secret in secrets):
        raise Unverified(f"the token in the header {header} is not the source's secret")


def check_signature(request: WebhookRequest, secrets: Sequence[str], now: datetime) -> None:
    prefix = "svix" if "webhook-id" not in request.headers and "svix-id" in request.headers else "webhook"
    message_id, timestamp, signatures = (
        required(request.headers, f"{prefix}-{part}") for part in ("id", "timestamp", "signature")
    )
    if "." in message_id:
        raise Unverified(f"{prefix}-id must not contain a full stop: it separates what is signed")
    check_age(sent_at(timestamp, prefix), now)
    signed = as_bytes(f"{message_id}.{timestamp}.") + request.body
    given = list(v1_signatures(signatures))
    keys = [key for secret in secrets if (key := key_of(secret))]
    expected = [b64encode(hmac_sha256(key, signed)) for key in keys]
    if not any(same(one, other) for one in given for other in expected):
        raise Unverified(f"no v1 signature in {prefix}-signature matches: wrong secret or changed body")


def proof_of(body: bytes, secret: str, config: StandardConfig, now: datetime) -> dict[str, str]:
    """The headers with which a sender who knows the secret proves the body."""
    if config.auth == "token":
        header = config.token_header.lower()
        return {header: f"Bearer {secret}" if header == "authorization" else secret}
    message_id, timestamp = f"msg_{milliseconds(now)}", str(int(now.timestamp()))
    digest = hmac_sha256(key_of(secret), as_bytes(f"{message_id}.{timestamp}.") + body)
    signature = f"v1,{b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def sent_at(timestamp: str, prefix: str) -> datetime:
    """Whole seconds since 1970; eleven digits reach the year 5138."""
    if not re.fullmatch(r"\d{1,11}", timestamp, re.ASCII):
        raise Unverified(f"{prefix}-timestamp must be whole seconds since 1970")
    return datetime.fromtimestamp(int(timestamp), UTC)


def v1_signatures(header: str) -> Iterator[str]:
    """`v1,AAA v2,BBB nonsense v1,CCC` → AAA, CCC."""
    for entry in header.split(" "):
        version, _, signature = entry.partition(",")
        if version == "v1" and signature:
            yield signature


def key_of(secret: str) -> bytes:
    """The key in `whsec_…`, whose base64 padding may be absent; empty when it is no base64."""
    encoded = secret.removeprefix("whsec_").rstrip("=")
    try:
        return b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        return b""


# --- content ----------------------------------------------------------------------------------------------------


def items_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Every event with its place: `[3]`, `data[3]`, `data`, or nothing for a single event."""
    place = ""
    if isinstance(value, dict) and "data" in value and "kind" not in value:
        place, value = "data", value["data"]
    if isinstance(value, list):
        yield from ((f"{place}[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        yield place, value
    else:
        raise ValueError("must be an event, a list of events, or an envelope with either in data")  # noqa: TRY004


def canonical(item: Any, config: StandardConfig, system: str) -> CanonicalEvent:
    """ValidationError when the item is no event of the schema."""
    event = EVENT.validate_python(item)
    return CanonicalEvent(
        key=event.id or content_key(item),
        kind=event.kind,
        occurred_at=event.occurred_at,
        lead=external_ids(event.lead, system),
        data=data(event, config),
        recorded_at=event.recorded_at,
        record=event.record,
        revised_at=event.revised_at,
    )


def content_key(item: Any) -> str:
    """Of what was sent, not of what we made of it: replayed under another configuration it is the same fact."""
    return "sha256:" + hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()


def external_ids(lead: LeadRef, system: str) -> tuple[ExternalId, ...]:
    """The tool's own id first; an id that is named twice counts once."""
    named = [(system, lead.id), *lead.ids.items(), (EMAIL, lead.email)]
    return tuple(dict.fromkeys(ExternalId(name, value) for name, value in named if value))


def data(event: AnyEvent, config: StandardConfig) -> dict[str, Any]:
    """The event's data keys, with what the source's configuration adds."""
    if isinstance(event, StatusEvent):
        return {"status": config.status_of(event.status), "raw": event.raw or event.status}
    found = data_of(event, event.kind)
    if isinstance(event, OwnerEvent) and event.owner is not None:
        email = mail_address(config.owner_emails.get(event.owner))
        found = present({"name": config.owners.get(event.owner), "email": email}) | found
    if "attributes" in found:
        found["attributes"] = {config.attributes.get(key, key): value for key, value in found["attributes"].items()}
    return found


# --- problems ---------------------------------------------------------------------------------------------------


def problems_of(error: ValidationError, item_place: str) -> list[Problem]:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:PROBLEMS_PER_ITEM]
    return [problem(details, item_place) for details in found]


def problem(details: Any, item_place: str) -> Problem:
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return Problem(join(item_place, ["kind"]), f"must be one of {', '.join(DATA)}")
    # The first step is the kind by which pydantic chose the model; it is not in the payload.
    place = join(item_place, [step for step in details["loc"][1:] if step != "[key]"])
    sentence = SENTENCES.get(details["type"]) or details["msg"].removeprefix("Value error, ")
    return Problem(place or "body", sentence)


def join(place: str, steps: Sequence[int | str]) -> str:
    """`[3]` and `lead`, `ids` → `[3].lead.ids`."""
    for step in steps:
        place += f"[{step}]" if isinstance(step, int) else f".{shown(step)}"
    return place.removeprefix(".")


def shown(name: str) -> str:
    """A key of the sender's making, short and printable."""
    return "".join(c if c.isprintable() else "?" for c in name[:60])
