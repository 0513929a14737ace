"""Text that people write, YAML or JSON, as data with the lines on which its parts stand; and data written back."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

#: Parts of one text; an alias in YAML makes many of few.
MOST_PARTS = 50_000


class NotYaml(Exception):
    """What is written is neither. `message`: a message id, with `values`."""

    def __init__(self, line: int | None, message: str, **values: object) -> None:
        super().__init__(message)
        self.line, self.message, self.values = line, message, values


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


def parsed(written: str) -> tuple[Any, dict[str, int]]:
    """The data, and the line of each of its parts by JSON pointer, from 1. Raises NotYaml."""
    looks_like_json = written.lstrip()[:1] in ("{", "[")
    if not looks_like_json:
        return _from_yaml(written)
    try:
        data = json.loads(written)
    except json.JSONDecodeError as wrong:
        return _flow_style(written, wrong)
    except RecursionError:
        raise NotYaml(None, "This is not valid JSON: {error}", error="nested too deeply") from None
    return data, _from_yaml(written.replace("\t", " "))[1]  # JSON may indent with tabs, YAML may not


def _flow_style(written: str, not_json: json.JSONDecodeError) -> tuple[Any, dict[str, int]]:
    """`{at_least: 3}` is no JSON, but YAML; what is neither was meant as JSON."""
    try:
        return _from_yaml(written)
    except NotYaml:
        message = "This is not valid JSON: {error}"
        raise NotYaml(not_json.lineno, message, error=not_json.msg) from None


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
        raise NotYaml(line, "This is not valid YAML: {problem}", problem=wrong.problem) from None
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise NotYaml(None, "This is not valid YAML: {problem}", problem=str(wrong).split("\n")[0]) from None


def _note(node: Any, place: str, lines: dict[str, int]) -> None:
    """Write down where each part begins. A key that stands twice is a mistake that YAML would hide."""
    lines[place] = node.start_mark.line + 1
    if len(lines) > MOST_PARTS:
        raise NotYaml(None, "These are more entries than anybody writes.")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inside = f"{place}/{str(key.value).replace('~', '~0').replace('/', '~1')}"
            if inside in lines:
                raise NotYaml(key.start_mark.line + 1, "`{key}` stands here twice.", key=key.value)
            key.tag = "tag:yaml.org,2002:str"  # names are text, whatever they look like
            _note(value, inside, lines)
            lines[inside] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note(value, f"{place}/{index}", lines)


def as_yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
