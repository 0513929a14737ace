"""Why something a person wrote cannot be used: the place, a sentence in both tongues, and what was probably meant.

Serves every pydantic model: policies, rules, source configurations, API bodies.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError, SchemaValidator

from app.domain.language import text

Model = TypeVar("Model", bound=BaseModel)
#: A node of pydantic's core schema.
Schema = Mapping[str, Any]
Part = str | int

#: What was wanted → pydantic's codes for not getting it.
WANTED = {
    "text": "string_type string_sub_type string_unicode",
    "a whole number": "int_type int_parsing int_from_float int_parsing_size",
    "a number": "float_type float_parsing finite_number decimal_type decimal_parsing",
    "true or false": "bool_type bool_parsing",
    "a list": "list_type tuple_type set_type frozen_set_type iterable_type",
    "a mapping of names to values": "model_type model_attributes_type dict_type mapping_type dataclass_type",
    "a date and time with time zone, such as 2026-09-24T17:30:00+09:00": "datetime_type datetime_parsing "
    "datetime_from_date_parsing datetime_object_invalid timezone_aware",
    "a date, such as 2026-09-24": "date_type date_parsing date_from_datetime_parsing date_from_datetime_inexact",
    "a time of day, such as 17:30": "time_type time_parsing",
    "a length of time, such as PT24H": "time_delta_type time_delta_parsing",
    "a web address, such as https://example.com/": "url_type url_parsing url_syntax_violation url_scheme url_too_long",
    "a UUID": "uuid_type uuid_parsing uuid_version",
    "nothing": "none_required",
}
WANTED_BY_CODE = {code: wanted for wanted, codes in WANTED.items() for code in codes.split()}

#: Errors looked at; nobody mends more at a time.
MOST = 500

#: pydantic's code → the sentence; names in braces come from the error's context.
SENTENCES = {
    "greater_than_equal": "Must be {ge} or more.",
    "greater_than": "Must be more than {gt}.",
    "less_than_equal": "Must be {le} or less.",
    "less_than": "Must be less than {lt}.",
    "multiple_of": "Must be a multiple of {multiple_of}.",
    "too_short": "Needs {min_length} or more entries.",
    "too_long": "May have {max_length} entries at most.",
    "string_too_short": "Needs {min_length} or more characters.",
    "string_too_long": "May have {max_length} characters at most.",
    "string_pattern_mismatch": "Does not have the form {pattern}.",
    "json_invalid": "This is not valid JSON: {error}",
}
#: Codes whose context lists the values that would have been right, and under which name.
CHOICES = {"literal_error": "expected", "enum": "expected", "union_tag_invalid": "expected_tags"}
#: How pydantic calls a branch of a union that is no class.
BRANCH_NAME = re.compile(r"[a-z-]+\[.*\]|int|float|str|bool|none|date|datetime|url|constrained-[a-z]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing to mend."""

    #: JSON pointer into what was written, e.g. `/all/1/count/at_least`; empty for the whole.
    place: str
    #: Stable name of the reason: pydantic's, or the one given to `complaint`.
    code: str
    message_en: str
    message_ja: str
    #: The word that was probably meant, bare.
    suggestion: str | None = None

    def message(self, locale: str) -> str:
        return self.message_ja if locale == "ja" else self.message_en


class Refused(ValueError):
    """What was written cannot be used; whoever wrote it mends the places named in `refusals`."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("\n".join(f"{r.place or '/'}: {r.message_en}" for r in refusals))
        self.refusals = tuple(refusals)


def complaint(code: str, message: str, /, **values: object) -> PydanticCustomError:
    """For validators to raise: `message` is an English message id, translated like any other."""
    return PydanticCustomError(code, message, {**values, "message": message})


def refused(place: str, code: str, message: str, /, **values: object) -> Refused:
    """To raise outside of models: one refusal; `message` is an English message id."""
    return Refused([Refusal(place, code, text("en", message, **values), text("ja", message, **values))])


def validated(model: type[Model], data: Any, *, under: str = "") -> Model:
    """An instance of the model; raises Refused. `under` is the place of `data` in the whole document."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = refusals_of(error, model)
        raise Refused([replace(refusal, place=under + refusal.place) for refusal in found]) from None


def refusals_of(error: ValidationError, model: type[BaseModel] | None = None) -> tuple[Refusal, ...]:
    """What to mend, in the order of the model. Without the model there are no suggestions for misspelt keys."""
    return refusals_in(error.errors(include_url=False), model)


def refusals_in(errors: Iterable[Mapping[str, Any]], model: type[BaseModel] | None = None) -> tuple[Refusal, ...]:
    """The same for a list of errors, such as a web framework hands over; places start at the model."""
    schema: Schema | None = model.__pydantic_core_schema__ if model else None
    faults = _one_per_place(_meant([_located(error, schema) for error in islice(errors, MOST)]))
    refusals = [_refusal(fault) for fault in faults if not _echo(fault, faults)]
    return tuple(r for r in refusals if not _missing_for_a_typo(r, refusals))


# --- where: pydantic's locations name the branch of a union, which nobody wrote


@dataclass(frozen=True, slots=True)
class _Fault:
    """One error of pydantic with its place taken apart."""

    code: str
    #: pydantic's location with the branches of unions in it …
    location: tuple[Part, ...]
    #: … and the indexes in `location` at which they stand, outermost first; those already decided are gone.
    branches: tuple[int, ...]
    place: tuple[Part, ...]
    #: What could have stood at the end of the place: keys, or values.
    allowed: tuple[str, ...]
    #: Kinds of value that would have been right.
    wanted: tuple[str, ...]
    error: Mapping[str, Any]


def _located(error: Mapping[str, Any], schema: Schema | None) -> _Fault:
    code, location = error["type"], tuple(p for p in error["loc"] if p != "[key]")
    branches, keys = _route(schema, location) if schema else (_branches_by_look(location), ())
    place = tuple(part for i, part in enumerate(location) if i not in branches)
    context = error.get("ctx") or {}
    if code in ("union_tag_invalid", "union_tag_not_found") and (key := _quoted(context.get("discriminator", ""))):
        place += (key[0],)
    values = _quoted(context[CHOICES[code]]) if code in CHOICES else ()
    allowed = keys if code == "extra_forbidden" else values
    wanted = (WANTED_BY_CODE[code],) if code in WANTED_BY_CODE else ()
    return _Fault(code, location, branches, place, allowed, wanted, error)


def _quoted(listing: str) -> tuple[str, ...]:
    """`'a', 'b' or 'c'` → a, b, c."""
    return tuple(item.strip("'") for item in re.split(r", | or ", listing) if item and not item.endswith("()"))


def _branches_by_look(location: Sequence[Part]) -> tuple[int, ...]:
    return tuple(i for i, part in enumerate(location) if isinstance(part, str) and BRANCH_NAME.fullmatch(part))


def _route(schema: Schema, location: Sequence[Part]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Which parts of the location are branches of unions, and which keys were possible at its end."""
    known = {each["ref"]: each for each in schema.get("definitions", ())}
    branches: list[int] = []
    keys: tuple[str, ...] = ()
    here: Schema | None = schema
    for i, part in enumerate(location):
        here = _bare(here, known)
        if here is None:
            break
        if here["type"] in ("union", "tagged-union"):
            branches.append(i)
        keys = tuple(name for name, _ in _fields(here))
        here = _inside(here, part, known)
    return tuple(branches), keys


#: Wrappers of a core schema that leave no trace in a location → where they keep what they wrap.
WRAPPERS = {
    "definitions": "schema",
    "nullable": "schema",
    "default": "schema",
    "function-before": "schema",
    "function-after": "schema",
    "function-wrap": "schema",
    "model": "schema",
    "dataclass": "schema",
    "lax-or-strict": "lax_schema",
    "json-or-python": "python_schema",
}


def _bare(schema: Schema | None, known: Mapping[str, Schema]) -> Schema | None:
    while schema is not None and (schema["type"] in WRAPPERS or schema["type"] == "definition-ref"):
        wrapped = schema["type"] in WRAPPERS
        schema = schema.get(WRAPPERS[schema["type"]]) if wrapped else known.get(schema["schema_ref"])
    return schema


def _inside(schema: Schema, part: Part, known: Mapping[str, Schema]) -> Schema | None:
    """The schema one step further along a location."""
    match schema["type"]:
        case "union":
            return next((c for label, c in _choices(schema, known) if label == part), None)
        case "tagged-union":
            return next((c for tag, c in schema["choices"].items() if str(tag) == str(part)), None)
        case "list" | "set" | "frozenset":
            return schema.get("items_schema")
        case "tuple":
            return _item(schema, part)
        case "dict":
            return schema.get("values_schema")
    return next((field["schema"] for name, field in _fields(schema) if name == part), None)


def _item(schema: Schema, part: Part) -> Schema | None:
    items, variadic = schema["items_schema"], schema.get("variadic_item_index")
    index = part if isinstance(part, int) and (variadic is None or part < variadic) else variadic
    return items[index] if index is not None and index < len(items) else None


def _choices(union: Schema, known: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """The branches with the names pydantic gives them in locations."""
    for choice in union["choices"]:
        schema, label = choice if isinstance(choice, tuple) else (choice, None)
        whole: Any = {"type": "definitions", "schema": schema, "definitions": list(known.values())}
        yield label or SchemaValidator(whole).title, schema


def _fields(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The keys of a model as people write them."""
    fields = schema.get("fields", ())
    for field in fields.items() if isinstance(fields, Mapping) else ((f["name"], f) for f in fields):
        name, alias = field[0], field[1].get("validation_alias")
        while isinstance(alias, list) and alias:
            alias = alias[0]
        yield alias if isinstance(alias, str) else name, field[1]


# --- which: of all branches of a union, only the one that was meant


def _meant(faults: list[_Fault]) -> list[_Fault]:
    """The faults of the branches that were meant, in order."""
    groups: dict[tuple[bool, tuple[Part, ...]], list[_Fault]] = {}
    for fault in faults:
        union = fault.location[: fault.branches[0]] if fault.branches else fault.location
        groups.setdefault((bool(fault.branches), union), []).append(fault)
    return [
        fault
        for (in_union, _), group in groups.items()
        for fault in (_meant(_best_branch(group)) if in_union else group)
    ]


def _best_branch(faults: list[_Fault]) -> list[_Fault]:
    branches: dict[Part, list[_Fault]] = {}
    for fault in faults:
        branch = fault.location[fault.branches[0]]
        branches.setdefault(branch, []).append(replace(fault, branches=fault.branches[1:]))
    at = faults[0].branches[0] + 1
    best = min(_distance(branch, at) for branch in branches.values())
    nearest = [branch for branch in branches.values() if _distance(branch, at) == best]
    return nearest[0] if len(nearest) == 1 else _undecided([fault for branch in nearest for fault in branch], at)


def _undecided(faults: list[_Fault], at: int) -> list[_Fault]:
    """Several branches are equally near: the strange keys alone, or else that one of the missing keys is needed."""
    strange = [f for f in faults if f.code == "extra_forbidden" and len(f.location) == at + 1]
    missing = [f for f in faults if f.code == "missing" and len(f.location) == at + 1]
    if strange or len(missing) < 2:
        return strange or faults
    either = tuple(str(f.place[-1]) for f in missing)
    return [replace(missing[0], place=missing[0].place[:-1], allowed=either), *(f for f in faults if f not in missing)]


def _distance(branch: list[_Fault], start: int) -> tuple[bool, int, int, bool]:
    """How far what was written is from a branch: another kind of value, strange keys, missing keys."""
    whole = [f for f in branch if len(f.location) == start]
    keys = [f for f in branch if len(f.location) == start + 1]
    strange = [f for f in keys if f.code == "extra_forbidden"]
    missing = sum(f.code == "missing" for f in keys)
    unlike = any(f.wanted or f.code in CHOICES for f in whole)
    return unlike, len(strange) - sum(_near(f) is not None for f in strange), missing, bool(strange)


def _one_per_place(faults: list[_Fault]) -> list[_Fault]:
    """Branches that are equally near speak with one voice: their keys, values and kinds are put together."""
    places: dict[tuple[Part, ...], _Fault] = {}
    for fault in faults:
        if before := places.get(fault.place):
            allowed, wanted = (*before.allowed, *fault.allowed), (*before.wanted, *fault.wanted)
            fault = replace(before, allowed=tuple(dict.fromkeys(allowed)), wanted=tuple(dict.fromkeys(wanted)))
        places[fault.place] = fault
    return list(places.values())


def _echo(fault: _Fault, faults: list[_Fault]) -> bool:
    """pydantic calls a list too short when its entries were refused; the entries have spoken already."""
    deeper = (f for f in faults if len(f.place) > len(fault.place) and f.place[: len(fault.place)] == fault.place)
    return fault.code == "too_short" and any(deeper)


def _missing_for_a_typo(refusal: Refusal, refusals: list[Refusal]) -> bool:
    """`atleast` was written: that `at_least` is missing need not be said as well."""
    typos = (r for r in refusals if r.code == "extra_forbidden" and r.suggestion)
    meant = [f"{r.place.rpartition('/')[0]}/{_escaped(r.suggestion or '')}" for r in typos]
    return refusal.code == "missing" and refusal.place in meant


# --- what: the sentence


def _refusal(fault: _Fault) -> Refusal:
    suggestion = _near(fault)
    en, ja = (_sentence(fault, suggestion, locale) for locale in ("en", "ja"))
    return Refusal("".join(f"/{_escaped(part)}" for part in fault.place), fault.code, en, ja, suggestion)


def _escaped(part: Part) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _near(fault: _Fault) -> str | None:
    """The allowed key or value that looks most like the one written."""
    written = _written(fault)
    by_folded = {name.casefold(): name for name in fault.allowed}
    close = difflib.get_close_matches(written.casefold(), by_folded, n=1) if written else []
    return by_folded[close[0]] if close else None


def _written(fault: _Fault) -> str:
    if fault.code == "extra_forbidden":
        return str(fault.location[-1])
    if fault.code == "union_tag_invalid":
        return str(fault.error["ctx"]["tag"])
    written = fault.error.get("input") if fault.code != "missing" else None
    return written if isinstance(written, str) else ""


def _sentence(fault: _Fault, suggestion: str | None, locale: str) -> str:
    words = _complaint(fault, locale)
    if suggestion:
        words += ("" if locale == "ja" else " ") + text(locale, "Did you mean `{word}`?", word=suggestion)
    return words


def _complaint(fault: _Fault, locale: str) -> str:
    context: dict[str, Any] = {name: _plainly(value) for name, value in (fault.error.get("ctx") or {}).items()}
    if "message" in context:
        return text(locale, context["message"], **context)
    if fault.code in ("missing", "extra_forbidden", "union_tag_not_found"):
        return _about_a_key(fault, locale)
    if fault.wanted or fault.code in CHOICES:
        return _about_a_value(fault, locale)
    if context.get("min_length") == 1:
        return text(locale, "Must not be empty.")
    if fault.code in SENTENCES:
        return text(locale, SENTENCES[fault.code], **context)
    return _in_its_own_words(fault, locale)


def _plainly(value: object) -> object:
    """A bound of 1.0 is read as 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _about_a_key(fault: _Fault, locale: str) -> str:
    key = fault.place[-1] if fault.place else ""
    if fault.code != "extra_forbidden" and fault.allowed:
        return text(locale, "One of these is missing: {names}.", names=listed(fault.allowed))
    if fault.code != "extra_forbidden":
        return text(locale, "`{key}` is missing.", key=key)
    if not fault.allowed or _near(fault):
        return text(locale, "`{key}` is not known here.", key=key)
    return text(locale, "`{key}` is not known here; possible: {names}.", key=key, names=listed(fault.allowed))


def _about_a_value(fault: _Fault, locale: str) -> str:
    possible = [text(locale, wanted) for wanted in fault.wanted] + [f"`{value}`" for value in fault.allowed]
    message = "Must be {wanted}." if len(possible) == 1 else "Must be one of: {wanted}."
    return text(locale, message, wanted=text(locale, ", ").join(possible))


def listed(names: Iterable[str]) -> str:
    """Keys or values as they are typed: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)


def _in_its_own_words(fault: _Fault, locale: str) -> str:
    """A validator that raised ValueError("…"): its words, translated where a translation exists."""
    cause = (fault.error.get("ctx") or {}).get("error")
    if cause is not None and fault.code in ("value_error", "assertion_error"):
        return text(locale, str(cause))
    return text(locale, "This value cannot be used: {reason}", reason=fault.error["msg"])
