"""What Salesforce says when it does not answer, as one sentence that tells a person what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.asking import LATER, body_of, retry_after
from connectors.contract import AskFailed

#: Seconds until another try after the organisation used up its API requests: they come back little by little.
LIMIT_PAUSE = 15 * 60.0
#: Codes that time mends, whatever the HTTP status.
PASSING = frozenset(
    {"SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "UNABLE_TO_LOCK_ROW", "UNKNOWN_EXCEPTION", "REQUEST_TIMEOUT"}
)
NO_COLUMN = re.compile(r"No such column '([\w.]{1,80})' on entity '(\w{1,80})'", re.ASCII)
NO_OBJECT = re.compile(r"sObject type '(\w{1,80})' is not supported", re.ASCII)
SENTENCES = {
    "INVALID_SESSION_ID": "Salesforce no longer accepts the credential: renew it in the source's settings",
    "API_DISABLED_FOR_ORG": "the API is off for this user or edition: give the user the permission API Enabled",
    "API_CURRENTLY_DISABLED": "the API is off for this user or edition: give the user the permission API Enabled",
    "INSUFFICIENT_ACCESS": "the API user may not read these records: give it View All on the objects in the README",
    "OPERATION_TOO_LARGE": "the API user sees too little for so wide a question: give it View All Data",
    "NOT_FOUND": "there is no Salesforce API at this address: check instance_url of the credential",
    "URL_NOT_RESET": "the organisation has moved: use its My Domain address as instance_url of the credential",
}
GRANTS = {
    "invalid_client_id": "check client_id of the credential",
    "invalid_client": "check client_secret of the credential",
    "invalid_app_access": "let the API user use the connected app",
    "inactive_user": "the API user is not active",
    "inactive_org": "the organisation is locked or closed",
    "unsupported_grant_type": "turn the flow on in the connected app, and use the My Domain address as instance_url",
    "invalid_grant": "check that the flow is on in the connected app with its run-as user, that the user may use the"
    " app, and that instance_url is the My Domain address (login_url for a sandbox)",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused question, of its own or inside a composite answer."""

    status: int
    #: Salesforce's `errorCode`, e.g. INVALID_FIELD.
    code: str
    message: str
    #: Seconds that Salesforce asked to wait.
    wait: float | None = None

    def as_failure(self) -> AskFailed:
        if self.code == "REQUEST_LIMIT_EXCEEDED":
            limit = "Salesforce does not answer before the organisation has API requests left again"
            return AskFailed(f"{limit} (REQUEST_LIMIT_EXCEEDED)", self.wait or LIMIT_PAUSE)
        if self.code in PASSING or self.status >= 500:
            return AskFailed(f"Salesforce could not answer just now ({self.code or self.status})", self.wait or LATER)
        return AskFailed(f"{self.sentence()} ({self.code or self.status})")

    def sentence(self) -> str:
        if self.code == "INVALID_FIELD" and (found := NO_COLUMN.search(self.message)):
            field, record = found.groups()
            mend = "allow it to the API user (field-level security), or correct its name in the source's settings"
            return f"Salesforce does not show the field {field} of {record}: {mend}"
        if self.code == "INVALID_TYPE" and (found := NO_OBJECT.search(self.message)):
            return f"Salesforce does not show the object {found.group(1)}: give the API user the permission to read it"
        return SENTENCES.get(self.code) or f"Salesforce refused the question{said(self.message)}"


def refusal(response: httpx.Response) -> Refusal:
    return refusal_in(response.status_code, body_of(response), retry_after(response))


def refusal_in(status: int, body: Any, wait: float | None = None) -> Refusal:
    """`[{"errorCode": …, "message": …}]`; anything else has neither."""
    first = body[0] if isinstance(body, list) and body else body
    told = first if isinstance(first, dict) else {}
    return Refusal(status, text(told.get("errorCode")), text(told.get("message")), wait)


def no_token(response: httpx.Response) -> AskFailed:
    body = body_of(response)
    told = body if isinstance(body, dict) else {}
    code, described = text(told.get("error")), said(text(told.get("error_description")))
    mend = GRANTS.get(code, "check the credential and the connected app")
    return AskFailed(f"Salesforce gives no access token{described}; {mend} ({code or response.status_code})")


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def said(message: str) -> str:
    """`: the words`, at most 200 characters, without addresses."""
    words = " ".join(re.sub(r"https?://\S+|\S+@\S+", "…", message).split())
    return f": {words[:200]}" if words else ""
