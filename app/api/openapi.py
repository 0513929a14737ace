"""The OpenAPI document: FastAPI's, and what it cannot know: problems, webhooks, examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

Json = dict[str, Any]
PROBLEM_TYPE = "application/problem+json"
#: FastAPI's own shape of an error, which no answer has.
NOT_OURS = ("HTTPValidationError", "ValidationError")
DESCRIPTION = (
    "No lead handed from marketing to sales is dropped. Times are RFC 3339; answers are in UTC, spans end in "
    "`_seconds`. Lists come in pages: pass `next_cursor` as `cursor`, or follow the header `Link`. "
    "Errors are problem documents (RFC 9457) in the language of `Accept-Language`."
)
PROBLEM: Json = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page that says what to do."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "description": "By which the operator finds the request."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Mistake"}},
    },
    "examples": [
        {
            "type": "https://tasuki.example.com/problems/refused",
            "title": "このままでは受け付けられません",
            "status": 422,
            "instance": "/v1/follow-ups",
            "request_id": "5f0c6e0a3d0b4c1f9f4c2f7a5e7b1c9d",
            "errors": [
                {
                    "pointer": "/reason",
                    "code": "reason_needed",
                    "message_en": "Say why; marketing learns from it.",
                    "message_ja": "理由を入力してください。マーケティングの改善に使われます。",
                }
            ],
        }
    ],
}
MISTAKE: Json = {
    "type": "object",
    "title": "Mistake",
    "description": "One thing to mend: at a `pointer` into the body, in a `parameter` or in a `header`.",
    "required": ["code", "message_en", "message_ja"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON pointer (RFC 6901); empty: the whole body."},
        "parameter": {"type": "string"},
        "header": {"type": "string"},
        "code": {"type": "string"},
        "message_en": {"type": "string"},
        "message_ja": {"type": "string"},
        "suggestion": {"type": "string", "description": "What was probably meant."},
    },
}
#: Status → what it means, where nothing more special is said.
MEANINGS = {
    "400": "A parameter is not known; `errors` names it.",
    "401": "No valid token was sent.",
    "403": "The token lacks the scope that `detail` names.",
    "404": "There is no such thing.",
    "409": "Somebody else changed the same thing at this moment.",
    "413": "The body is too large.",
    "422": "Something has to be mended first; `errors` names the fields.",
    "503": "The database does not answer; try again after the seconds in Retry-After.",
}
WEBHOOK_PATH = "/webhooks/{source}"
WEBHOOK: Json = {
    "post": {
        "tags": ["Webhooks"],
        "summary": "Receive Webhook",
        "operationId": "receive_webhook",
        "description": "What a tool sends, verified by its own signature and stored before it is answered. "
        "The status and body of the answer are those that the tool expects.",
        "parameters": [
            {
                "name": "source",
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
                "description": "The source's name.",
                "examples": {"hubspot": {"value": "hubspot"}},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"*/*": {"schema": {}, "example": '[{"eventId": 1, "subscriptionType": "contact.creation"}]'}},
        },
        "responses": {
            "202": {
                "description": "Stored; it will not be lost.",
                "content": {"application/json": {"schema": {"type": "object"}, "example": {"status": "accepted"}}},
            },
            **{
                status: {"description": meaning}
                for status, meaning in {
                    "401": "The request does not prove that it comes from the source; nothing was stored.",
                    "404": "No active source has that name.",
                    "413": "The body is too large.",
                    "503": "It could not be stored; send it again.",
                }.items()
            },
        },
    }
}


def document(app: FastAPI) -> Json:
    """The complete document; made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
        app.openapi_schema = _completed(made)
    return app.openapi_schema


def _completed(made: Json) -> Json:
    schemas = made["components"]["schemas"]
    for name in NOT_OURS:
        schemas.pop(name, None)
    schemas |= {"Problem": PROBLEM, "Mistake": MISTAKE}
    made["paths"][WEBHOOK_PATH] = WEBHOOK
    for path, operation in _operations(made):
        for status in _problems(path, operation):
            said = operation["responses"].get(status, {}).get("description")
            meaning = MEANINGS[status] if said in (None, "Validation Error") else said
            operation["responses"][status] = _problem(status, meaning)
        for content in _contents(operation):
            example = _example(content.get("schema", {}), schemas)
            if example is not None:
                content.setdefault("example", example)
    return made


def _operations(made: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in made["paths"].items():
        for operation in methods.values():
            yield path, operation


def _problems(path: str, operation: Json) -> list[str]:
    """The statuses of the problems that this operation can answer with."""
    declared = [status for status in operation["responses"] if status >= "4"]
    if path == WEBHOOK_PATH:
        return declared
    found = {*declared, "400", "503"}
    found |= {"401", "403"} if operation.get("security") else set()
    found |= {"404"} if "parameters" in operation else set()
    found |= {"413", "422"} if "requestBody" in operation else set()
    return sorted(found)


def _problem(status: str, meaning: str) -> Json:
    example = PROBLEM["examples"][0] if status == "422" else None
    content: Json = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": meaning, "content": {PROBLEM_TYPE: content | ({"example": example} if example else {})}}


def _contents(operation: Json) -> Iterator[Json]:
    """The content of the body and of every answer that is no problem."""
    parts = [operation["requestBody"]] if "requestBody" in operation else []
    parts += [answer for status, answer in operation["responses"].items() if status < "4"]
    for part in parts:
        yield from part.get("content", {}).values()


def _example(schema: Json, schemas: Json) -> Any:
    """The first example of what the schema refers to; of a list, one with its items' example."""
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    named = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    if named.get("examples"):
        return named["examples"][0]
    items = named.get("properties", {}).get("items", {}).get("items")
    if items is None:
        return None
    rest = (
        {"next_cursor": "WyIyMDI2LTA5LTE5VDA4OjMwOjAwKzAwOjAwIiw4MTJd"} if "next_cursor" in named["properties"] else {}
    )
    return {"items": [_example(items, schemas)], **rest}
