"""What a rule consists of: the tree as people write it, and how each condition looks at a lead."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from math import isfinite
from operator import attrgetter
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Dump
from pydantic_core import PydanticKnownError

from app.domain.refusals import complaint, listed

#: The same asset again within this time is the same download (a double click, a second device).
REPEAT = timedelta(minutes=10)
MAX_DEPTH = 20
MAX_NODES = 200


# --- what is known about a lead


@dataclass(frozen=True, slots=True)
class Scored:
    value: float
    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Activity:
    at: datetime
    event_id: str
    activity: str
    asset: str | None
    title: str | None
    topics: tuple[str, ...]


@dataclass(slots=True)
class Facts:
    """A lead at one moment."""

    #: The score in force.
    score: Scored | None
    #: Ordered by (at, event_id). What lies after the moment of judgement is not looked at.
    activities: Sequence[Activity]
    attributes: Mapping[str, Any]


# --- values as tools send them: `"80"`, `80`, `true`


def as_number(value: Any) -> int | float | None:
    """A finite number or the text of one; whole ones as int. None for everything else, also for true and false."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if isinstance(value, int) or not isfinite(number):
        return value if isinstance(value, int) else None
    return int(number) if number.is_integer() else number


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def _filled(value: Any) -> bool:
    return value is not None and as_text(value) != ""


def _blank(value: Any) -> bool:
    return not _filled(value)


def _reaches(least: float, value: Any) -> bool:
    number = as_number(value)
    return number is not None and number >= least


def _stays_below(most: float, value: Any) -> bool:
    number = as_number(value)
    return number is not None and number <= most


def _same_as_one(wanted: tuple[str | float, ...], value: Any) -> bool:
    return _filled(value) and any(_same(each, value) for each in wanted)


def _same(wanted: str | float, value: Any) -> bool:
    """Equal as numbers where the rule names a number, else equal as text: tools send `"80"`, `80` and `true`."""
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return as_number(value) == wanted
    return _folded(wanted) == _folded(value)


def _folded(value: Any) -> str:
    return unicodedata.normalize("NFKC", as_text(value)).casefold()


# --- the tree


def _number(value: Any) -> Any:
    """A finite number; a form's `"80"` is one, `true` is not."""
    number = as_number(value)
    if number is None:
        raise PydanticKnownError("float_type")
    return number


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool):
        return value
    number = as_number(value)
    if number is None:
        raise complaint("plain_value", "Must be text, a number, or true or false; put a date into quotes.")
    return number


Number = Annotated[int | float, BeforeValidator(_number)]
Times = Annotated[int, BeforeValidator(_no_truth_value), Field(ge=1, le=10_000)]
Days = Annotated[int, BeforeValidator(_no_truth_value), Field(ge=1, le=3650)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Plain = Annotated[str | int | float | bool, BeforeValidator(_plain)]
#: A value and the events behind it.
Evidence = tuple[float | str | None, tuple[str, ...]]
#: Whether a condition holds. Made once for a rule of plain functions, because it runs on every event
#: and reading a field of a pydantic model costs as much as the comparison.
Test = Callable[[Facts, datetime], bool]


class _Written(BaseModel):
    """Dumps to the form in which it was written, whatever the options of the dump."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    @model_serializer(mode="wrap")
    def _as_written(self, dump: Dump):  # type: ignore[no-untyped-def] # a return type would hide the fields in OpenAPI
        parts = dump(self).items()
        return {key: list(part) if isinstance(part, tuple) else part for key, part in parts if part is not None}

    def written_keys(self) -> list[str]:
        fields = type(self).model_fields.items()
        return [field.alias or name for name, field in fields if getattr(self, name) is not None]


class ScoreCondition(_Written):
    """The score is high enough."""

    at_least: Number

    def test(self) -> Test:
        return partial(_score_reaches, self.at_least)

    def evidence(self, facts: Facts, _: datetime) -> Evidence:
        return (facts.score.value, (facts.score.event_id,)) if facts.score else (None, ())


class CountCondition(_Written):
    """An activity happened often enough."""

    activity: Name
    at_least: Times
    #: Looking back from the moment of judgement; None: ever.
    within_days: Days | None = None
    #: Every asset counts once, however often it was fetched.
    distinct: bool | None = None
    asset: Name | None = None
    topic: Name | None = None

    def test(self) -> Test:
        return partial(_happened_often, self.at_least, self._counting())

    def evidence(self, facts: Facts, at: datetime) -> Evidence:
        counted = tuple(activity.event_id for activity in self._counting()(facts, at))
        return len(counted), counted

    def _counting(self) -> Counting:
        return partial(_counted, self.activity, self.within_days, bool(self.distinct), self.asset, self.topic)


class RecencyCondition(_Written):
    """An activity happened lately."""

    #: None: any activity.
    activity: Name | None = None
    within_days: Days

    def test(self) -> Test:
        return partial(_happened_lately, self.activity, self.within_days)

    def evidence(self, facts: Facts, at: datetime) -> Evidence:
        latest = _latest(self.activity, self.within_days, facts, at)
        return (latest.at.isoformat(), (latest.event_id,)) if latest else (None, ())


class AttributeCondition(_Written):
    """Something known about the lead passes exactly one test. Text is compared without regard to case and to full
    or half width. What is not known passes nothing but `exists: false`."""

    name: Name
    is_: Plain | None = Field(None, alias="is")
    in_: Annotated[tuple[Plain, ...], Field(min_length=1, max_length=1000)] | None = Field(None, alias="in")
    at_least: Number | None = None
    at_most: Number | None = None
    exists: bool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> AttributeCondition:
        if len(self.written_keys()) != 2:
            raise complaint(
                "one_test",
                "Write exactly one test beside `name`: `is`, `in`, `at_least`, `at_most` or `exists` "
                "(for an empty value `exists: false`).",
            )
        return self

    def test(self) -> Test:
        return partial(_attribute_passes, self.name, self._value_test())

    def _value_test(self) -> Callable[[Any], bool]:
        if self.exists is not None:
            return _filled if self.exists else _blank
        if self.at_least is not None:
            return partial(_reaches, self.at_least)
        if self.at_most is not None:
            return partial(_stays_below, self.at_most)
        return partial(_same_as_one, self.wanted())

    def wanted(self) -> tuple[str | float, ...]:
        """The values of which one must be there."""
        return self.in_ or (() if self.is_ is None else (self.is_,))

    def evidence(self, facts: Facts, _: datetime) -> Evidence:
        value = facts.attributes.get(self.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value, ()
        return (as_text(value) if _filled(value) else None), ()


Condition = ScoreCondition | CountCondition | RecencyCondition | AttributeCondition
Branches = Annotated[tuple["Rule", ...], Field(min_length=1)]


class Rule(_Written):
    """One node of the tree: exactly one of these keys. Immutable and hashable."""

    all: Branches | None = None
    any: Branches | None = None
    not_: Rule | None = Field(None, alias="not")
    score: ScoreCondition | None = None
    count: CountCondition | None = None
    recency: RecencyCondition | None = None
    attribute: AttributeCondition | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_too_big(cls, data: Any) -> Any:
        for nodes, depth in enumerate(_depths(data), start=1):
            if depth > MAX_DEPTH:
                raise complaint("rule_too_deep", "Conditions may be nested {limit} deep at most.", limit=MAX_DEPTH)
            if nodes > MAX_NODES:
                raise complaint("rule_too_large", "A rule may have {limit} conditions at most.", limit=MAX_NODES)
        return data

    @model_validator(mode="after")
    def _one_key(self) -> Rule:
        keys = self.written_keys()
        if not keys:
            possible = [field.alias or name for name, field in type(self).model_fields.items()]
            raise complaint("no_condition", "The condition is missing; possible: {keys}.", keys=listed(possible))
        if len(keys) > 1:
            raise complaint(
                "one_condition",
                "One condition per entry, here are {keys}: give each an entry of its own under `all` or `any`.",
                keys=listed(keys),
            )
        return self

    @cached_property
    def test(self) -> Test:
        tests = tuple(branch.test for branch in self.branches())
        if self.not_ is not None:
            return partial(_fails, tests[0])
        return partial(_all_hold if self.all else _any_holds, tests) if tests else self.leaf.test()

    def __copy__(self) -> Rule:
        """Without the test: `model_copy(update=…)` would keep the old one."""
        copied = super().__copy__()
        copied.__dict__.pop("test", None)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Rule:
        return self.__copy__()

    @property
    def leaf(self) -> Condition:
        """The condition of a node without branches."""
        leaf = self.score or self.count or self.recency or self.attribute
        assert leaf is not None, "only asked where there are no branches"
        return leaf

    def branches(self) -> tuple[Rule, ...]:
        return self.all or self.any or (() if self.not_ is None else (self.not_,))

    def leaves(self) -> Iterator[Rule]:
        branches = self.branches()
        for branch in branches:
            yield from branch.leaves()
        if not branches:
            yield self


def _depths(data: Any) -> Iterator[int]:
    """The depth of every node, of what was written or of a rule; endless for what contains itself."""
    waiting = [(data, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield depth
        waiting += [(branch, depth + 1) for branch in _branches_as_written(node)]


def _branches_as_written(node: Any) -> list[Any]:
    if isinstance(node, Rule):
        return list(node.branches())
    if not isinstance(node, Mapping):
        return []
    lists = [branches for key in ("all", "any") if isinstance(branches := node.get(key), list | tuple)]
    return [*(branch for branches in lists for branch in branches), *([node["not"]] if "not" in node else [])]


# --- how conditions look at a lead

Counting = Callable[[Facts, datetime], Iterator[Activity]]


def _all_hold(tests: tuple[Test, ...], facts: Facts, at: datetime) -> bool:
    for test in tests:  # noqa: SIM110 – all(…) takes twice as long
        if not test(facts, at):
            return False
    return True


def _any_holds(tests: tuple[Test, ...], facts: Facts, at: datetime) -> bool:
    return any(test(facts, at) for test in tests)


def _fails(test: Test, facts: Facts, at: datetime) -> bool:
    return not test(facts, at)


def _score_reaches(at_least: float, facts: Facts, _: datetime) -> bool:
    return facts.score is not None and facts.score.value >= at_least


def _happened_often(times: int, counting: Counting, facts: Facts, at: datetime) -> bool:
    for nth, _ in enumerate(counting(facts, at), start=1):  # noqa: SIM110 – as above
        if nth == times:
            return True
    return False


def _counted(
    kind: str, days: int | None, distinct: bool, asset: str | None, topic: str | None, facts: Facts, at: datetime
) -> Iterator[Activity]:
    """Those that count, oldest first. A repeat is measured from the last that counted, inside the window only,
    so that forgetting what lies before the window changes nothing. What has no asset repeats nothing."""
    last: dict[str, datetime] = {}
    for activity in _between(facts.activities, days, at):
        if activity.activity != kind or not (asset is None or activity.asset == asset):
            continue
        if not (topic is None or topic in activity.topics):
            continue
        if activity.asset is not None:
            before = last.get(activity.asset)
            if before is not None and (distinct or activity.at - before <= REPEAT):
                continue
            last[activity.asset] = activity.at
        yield activity


def _happened_lately(kind: str | None, days: int, facts: Facts, at: datetime) -> bool:
    return _latest(kind, days, facts, at) is not None


def _latest(kind: str | None, days: int, facts: Facts, at: datetime) -> Activity | None:
    recent = reversed(_between(facts.activities, days, at))
    return next((activity for activity in recent if kind in (None, activity.activity)), None)


def _attribute_passes(name: str, passes: Callable[[Any], bool], facts: Facts, _: datetime) -> bool:
    return passes(facts.attributes.get(name))


_AT = attrgetter("at")


def _between(activities: Sequence[Activity], days: int | None, at: datetime) -> Sequence[Activity]:
    """Those after `at` - `days` and not after `at`."""
    if not activities:
        return activities
    start = bisect_right(activities, at - timedelta(days=days), key=_AT) if days else 0
    end = len(activities) if activities[-1].at <= at else bisect_right(activities, at, key=_AT)
    return activities[start:end] if start or end < len(activities) else activities
