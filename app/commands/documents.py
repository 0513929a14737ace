"""Files that people write, YAML or JSON: read them, name the line of a refusal, and write them back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from app.domain.refusals import Refusal, Refused, refused

STDIN = "-"
#: A policy, a calendar or a source's configuration is far smaller.
LARGEST = 1024 * 1024


class RefusedFile(Exception):
    """What a file says cannot be used."""

    def __init__(self, file: str, places: list[tuple[int | None, Refusal]]) -> None:
        super().__init__(file)
        self.file = file
        #: The line, where one is known, and what to mend there.
        self.places = places


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content, and on which line each part of it stands (from 1, by JSON pointer)."""

    #: Empty: it was typed into the command line.
    file: str
    data: Any
    lines: dict[str, int]

    def line_of(self, place: str) -> int | None:
        """The line of the place, or of the nearest part around it."""
        while place not in self.lines and place:
            place = place.rpartition("/")[0]
        return self.lines.get(place)

    @contextmanager
    def answerable(self) -> Iterator[None]:
        """Refusals inside the block become RefusedFile, with lines."""
        try:
            yield
        except Refused as why:
            if not self.file:
                raise
            raise RefusedFile(self.file, [(self.line_of(r.place), r) for r in why.refusals]) from None


class Plain(yaml.SafeLoader):
    """What JSON knows, in YAML: `on`, `no`, `10:30` and dates are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012 as its base declares it


for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", "[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    Plain.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read_document(file: str) -> Document:
    """A YAML or JSON file; `-` is stdin. Raises RefusedFile, OSError."""
    name = "stdin" if file == STDIN else file
    try:
        written = sys.stdin.read(LARGEST + 1) if file == STDIN else _read(Path(file))
        if len(written) > LARGEST:
            raise refused("", "too_large", "The file is larger than a mebibyte.")
        return Document(name, *_parsed(written))
    except _NotYaml as why:
        raise RefusedFile(name, [(why.line, refused("", "syntax", why.message, **why.values).refusals[0])]) from None
    except Refused as why:
        raise RefusedFile(name, [(None, refusal) for refusal in why.refusals]) from None


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[: LARGEST + 1].decode("utf-8-sig")
    except FileNotFoundError:
        raise refused("", "no_file", "There is no such file.") from None
    except UnicodeDecodeError:
        raise refused("", "encoding", "The file must be text in UTF-8.") from None


class _NotYaml(Exception):
    def __init__(self, line: int | None, message: str, **values: object) -> None:
        super().__init__(message)
        self.line, self.message, self.values = line, message, values


def _parsed(written: str) -> tuple[Any, dict[str, int]]:
    """The data and the lines of its parts. Raises _NotYaml."""
    looks_like_json = written.lstrip()[:1] in ("{", "[")
    if not looks_like_json:
        return _from_yaml(written)
    try:
        data = json.loads(written)
    except json.JSONDecodeError as wrong:
        return _flow_style(written, wrong)
    return data, _from_yaml(written.replace("\t", " "))[1]  # JSON may indent with tabs, YAML may not


def _flow_style(written: str, not_json: json.JSONDecodeError) -> tuple[Any, dict[str, int]]:
    """`{at_least: 3}` is no JSON, but YAML; what is neither was meant as JSON."""
    try:
        return _from_yaml(written)
    except _NotYaml:
        message = "This is not valid JSON: {error}"
        raise _NotYaml(not_json.lineno, message, error=not_json.msg) from None


def _from_yaml(written: str) -> tuple[Any, dict[str, int]]:
    try:
        loader = Plain(written)
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        if node is not None:
            _note(node, "", lines)
        return (loader.construct_document(node) if node is not None else None), lines
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else None
        raise _NotYaml(line, "This is not valid YAML: {problem}", problem=wrong.problem) from None
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise _NotYaml(None, "This is not valid YAML: {problem}", problem=str(wrong).split("\n")[0]) from None


def value_of(written: str) -> Any:
    """`62515`, `true`, `[a, b]` and `{77: Sato}` as YAML reads them; anything else is text."""
    try:
        return _parsed(written)[0]
    except _NotYaml:
        return written


def _note(node: Any, place: str, lines: dict[str, int]) -> None:
    """Write down where each part begins. A key that stands twice is a mistake that YAML would hide."""
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inside = f"{place}/{str(key.value).replace('~', '~0').replace('/', '~1')}"
            if inside in lines:
                raise _NotYaml(key.start_mark.line + 1, "`{key}` stands here twice.", key=key.value)
            key.tag = "tag:yaml.org,2002:str"  # names are text, whatever they look like
            _note(value, inside, lines)
            lines[inside] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note(value, f"{place}/{index}", lines)


def as_data(model: BaseModel) -> dict[str, Any]:
    """A document as people write it: without what is left empty."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def as_yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
