"""GET /docs: what there is, read from the OpenAPI document; no script, nothing from another host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

router = APIRouter(include_in_schema=False)
pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
pages.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, indent=2)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    document = request.app.openapi()
    page = pages.get_template("docs.html").render(info=document["info"], operations=_operations(document))
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse(page, headers=headers)


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**operation, "path": path, "method": method.upper(), "examples": list(_examples(operation))}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _examples(operation: dict[str, Any]) -> Any:
    """(what it is, media type, example) of the body and of the answers that are no problems."""
    parts = [("Body", operation["requestBody"])] if "requestBody" in operation else []
    parts += [(status, answer) for status, answer in operation["responses"].items() if status < "4"]
    for what, part in parts:
        for media, content in part.get("content", {}).items():
            yield what, media, content.get("example")
