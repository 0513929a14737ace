"""What is posted: forms, JSON and CSV, in UTF-8 or Shift_JIS; each message as one level of names and values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from connectors.contract import WebhookRequest
from connectors.webform.config import ENCODINGS
from connectors.wire import at_path, plain, read_json

#: Levels of nested objects, and fields of one form, that are looked at.
DEEPEST, MOST_FIELDS = 6, 500
Message = dict[str, Any]
NO_MESSAGE = "the body is no object and no list of objects; if the list stands in a field, name it as items"


def messages_in(request: WebhookRequest, encoding: str, items: str) -> Iterator[tuple[str, Message]]:
    """Each with its place. ValueError with a sentence when the body as a whole is not understood."""
    type_, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    encoding = encoding or declared(parameters)
    text, type_ = decoded(request.body, encoding), type_.strip()
    if type_ == "multipart/form-data":
        raise ValueError("multipart/form-data is not read: let the tool send application/x-www-form-urlencoded or JSON")
    if type_ in ("text/csv", "application/csv"):
        yield from rows_of(text)
    elif type_.endswith("json") or text.lstrip()[:1] in ("{", "["):  # templates are often sent as something else
        yield from objects_of(read_json(text.encode()), items)
    else:
        yield "", form(text, encoding)


def declared(parameters: str) -> str:
    """The charset of a Content-Type; UTF-8 where it names none."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            known = ENCODINGS.get(value.strip(" \"'"))
            if known is None:
                raise ValueError("the body is in an encoding that Tasuki does not read: send UTF-8 or Shift_JIS")
            return known
    return "utf-8"


def decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        raise ValueError(wrongly_written(encoding)) from None


def wrongly_written(encoding: str) -> str:
    called, other = ("UTF-8", "shift_jis") if encoding == "utf-8" else ("Shift_JIS", "utf-8")
    return f"the body is not {called}: if the tool writes otherwise, set encoding to {other}"


# Forms


def form(text: str, encoding: str) -> Message:
    """Boxes that were ticked together have one name: `a; b`."""
    try:
        pairs = parse_qsl(
            text.strip(), keep_blank_values=True, encoding=encoding, errors="strict", max_num_fields=MOST_FIELDS
        )
    except UnicodeDecodeError:
        raise ValueError(wrongly_written(encoding)) from None
    except ValueError:
        raise ValueError(f"a form has at most {MOST_FIELDS} fields") from None
    if not pairs:
        raise ValueError("the body is empty")
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: "; ".join(filter(None, values)) for name, values in found.items()}


# CSV


def rows_of(text: str) -> Iterator[tuple[str, Message]]:
    """The first line names the fields."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield f"line {reader.line_num}", {name.strip(): value for name, value in row.items() if name and value}
        if reader.line_num < 2:
            raise ValueError("the CSV holds no line under the one that names the fields")
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is no CSV: {error}") from None


# JSON


def objects_of(value: Any, items: str) -> Iterator[tuple[str, Message]]:
    found = at_path(value, items) if items and isinstance(value, dict) else value
    for place, one in enumerate(found) if isinstance(found, list) else [(-1, found)]:
        if not isinstance(one, dict):
            raise ValueError(NO_MESSAGE)  # noqa: TRY004 - as everywhere here
        yield f"[{place}]" if place >= 0 else "", dict(flat(one))


def flat(value: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """`{"a": {"b": 1}}` → `a.b`. Of a list the values with semicolons between them."""
    for name, inner in value.items():
        place = f"{above}{name}"
        if isinstance(inner, list):
            yield from lists(inner, place, depth)
        elif not isinstance(inner, dict):
            yield place, inner
        elif depth < DEEPEST:
            yield from flat(inner, f"{place}.", depth + 1)


def lists(values: list[Any], place: str, depth: int) -> Iterator[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for one in values:
        inner = flat(one, f"{place}.", depth + 1) if isinstance(one, dict) and depth < DEEPEST else [(place, one)]
        for known, value in inner:
            if word := plain(value):
                found.setdefault(known, []).append(word)
    yield from ((known, "; ".join(words)) for known, words in found.items())
