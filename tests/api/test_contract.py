"""What holds for every operation of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel, RootModel
from starlette.testclient import TestClient

from app.api.schemas import Shown, Written
from app.api.v1.follow_ups import FollowUp
from app.db import Database
from app.main import create_app

PUBLIC = {"/health", "/health/live", "/health/ready", "/feeds/{secret}.ics", "/webhooks/{source}"}
#: Something of the right form for every name in a path.
NAMES = {"key": "mql", "number": "1", "name": "hubspot", "secret": "none", "source": "none"}
#: No body: FastAPI's checks of the query come with those of the body.
BODY: dict[str, Any] = {"json": {}}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    made: dict[str, Any] = client.get("/openapi.json").json()
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: NAMES.get(m[1], "1"), path)


def test_without_a_token_nothing_but_health_feeds_and_webhooks_answers(client, document) -> None:
    protected = [(method, path) for method, path, operation in operations(document) if path not in PUBLIC]
    assert len(protected) > 40
    for method, path in protected:
        answer = client.request(method, filled(path), json={})
        assert (answer.status_code, path) == (401, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "x-tasuki" not in answer.text


def test_the_document_names_the_scope_that_is_checked(client, document, token) -> None:
    order = ("read", "write", "admin")
    headers = {scope: token(scope) for scope in order}
    for method, path, operation in operations(document):
        if path in PUBLIC:
            assert "security" not in operation, path
            continue
        ((scope,),) = (each["token"] for each in operation["security"])
        for given in order:
            answer = client.request(method, filled(path), json={"unknown": 1}, headers=headers[given])
            enough = order.index(given) >= order.index(scope)
            assert (answer.status_code == 403) is not enough, (method, path, given, answer.text)
            if not enough:
                assert scope in answer.json()["detail"]


def test_every_operation_refuses_a_parameter_it_does_not_know(client, document, token) -> None:
    headers = token("admin")
    for method, path, _ in operations(document):
        if path.startswith(("/feeds", "/webhooks")):
            continue
        answer = client.request(method, filled(path) + "?verdikt=met", json={}, headers=headers)
        assert answer.status_code == 400, (method, path, answer.text)
        assert [error["parameter"] for error in answer.json()["errors"]] == ["verdikt"]


def test_the_document_is_valid_and_complete(document) -> None:
    OpenAPI.model_validate(document)
    schemas = document["components"]["schemas"]
    assert {ref.rpartition("/")[2] for ref in re.findall(r'#/components/schemas/[^"\']+', str(document))} <= set(
        schemas
    )
    assert "HTTPValidationError" not in schemas
    identifiers = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(identifiers) == len(set(identifiers))
    for method, path, operation in operations(document):
        assert operation["description"], (method, path)
        for status, answer in operation["responses"].items():
            if status >= "4" and not path.startswith("/webhooks"):
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
            for content in answer.get("content", {}).values() if status < "4" else ():
                assert content.get("example") is not None, (method, path, status)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content.get("example") is not None, (method, path)


def test_every_parameter_is_described_or_shown(document) -> None:
    bare = [
        (path, parameter["name"])
        for _, path, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not (parameter.get("description") or parameter["schema"].get("description") or parameter.get("examples"))
    ]
    assert [each for each in bare if each[1] not in ("lead_id", "handoff_id", "reason")] == []


def subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from subclasses(each)


def test_the_examples_are_what_they_are_examples_of() -> None:
    checked = 0
    for model in {*subclasses(Shown), *subclasses(Written), FollowUp}:
        for example in (model.model_config.get("json_schema_extra") or {}).get("examples", []):
            shown = model.model_validate(example).model_dump(mode="json", by_alias=True, exclude_unset=True)
            checked += 1
            if issubclass(model, RootModel | Written):
                continue  # bodies are read more freely than answers are written
            assert set(shown) == set(example), model
    assert checked > 25


def test_docs_list_every_operation_and_load_nothing(client, document) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for method, path, _ in operations(document):
        assert f"{method.upper()} {path}" in page.text
    assert "<script" not in page.text
    assert not re.search(r'(src|href)="https?:', page.text)
    assert "山田製作所" in page.text


def test_a_failure_tells_the_client_nothing_but_the_request_id(settings, state, caplog) -> None:
    def breaks() -> None:
        raise RuntimeError("sato@yamada.example")

    app = create_app(settings, scheduled=False, state=state)
    app.add_api_route("/breaks", breaks)
    careful = TestClient(app, base_url="https://tasuki.example.com", raise_server_exceptions=False)
    answer = careful.get("/breaks")
    said = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert set(said) == {"type", "title", "status", "instance", "request_id"}
    (line,) = [record.getMessage() for record in caplog.records if record.name == "tasuki"]
    assert said["request_id"] in line
    assert "sato" not in line


def test_a_database_that_does_not_answer_is_503(client, state, token) -> None:
    headers, working = token("read"), state.database
    state.database = Database("postgresql://127.0.0.1:1/nothing")
    try:
        answers = [client.get("/v1/leads", headers=headers), client.get("/health/ready"), client.get("/health")]
    finally:
        state.database.close()
        state.database = working
    assert [answer.status_code for answer in answers] == [503] * 3
    assert {answer.headers["retry-after"] for answer in answers} == {"10"}
    assert client.get("/health/live").json() == {"status": "live"}
