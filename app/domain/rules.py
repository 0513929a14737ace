"""The MQL condition: read it, ask whether it holds for a lead at a moment, and say so in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from app.domain.conditions import (
    Activity,
    AttributeCondition,
    Condition,
    CountCondition,
    Facts,
    RecencyCondition,
    Rule,
    ScoreCondition,
    Scored,
    as_text,
)
from app.domain.language import text
from app.domain.refusals import validated

__all__ = [
    "DEFAULT_RULE",
    "PRESETS",
    "SCORE_ONLY",
    "Activity",
    "Facts",
    "Finding",
    "Judgement",
    "Rule",
    "Scored",
    "activities_needed",
    "explain_finding",
    "explain_rule",
    "holds",
    "judge",
    "longest_window",
    "read_rule",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one condition of the rule saw."""

    #: The condition as it is written in the rule, e.g. `{"score": {"at_least": 80}}`.
    condition: dict[str, Any]
    held: bool
    #: The score; how many counted; the time of the latest activity (ISO 8601); the attribute's value.
    value: int | float | str | None
    #: The events behind the value.
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    held: bool
    #: One for each leaf of the rule, in its order.
    findings: tuple[Finding, ...]


def read_rule(data: Any) -> Rule:
    """The rule that was written, as a form, YAML or JSON gives it; raises Refused."""
    return validated(Rule, data)


SCORE_80 = {"score": {"at_least": 80}}
PRESETS = {
    "article": read_rule({"all": [SCORE_80, {"count": {"activity": "download", "at_least": 3}}]}),
    "score_only": read_rule(SCORE_80),
}
DEFAULT_RULE = PRESETS["article"]
SCORE_ONLY = PRESETS["score_only"]


# --- the answer


def judge(rule: Rule, facts: Facts, at: datetime) -> Judgement:
    """Whether the rule holds at this moment, and what every condition saw."""
    return Judgement(rule.test(facts, at), tuple(_finding(leaf, facts, at) for leaf in rule.leaves()))


def _finding(rule: Rule, facts: Facts, at: datetime) -> Finding:
    value, event_ids = rule.leaf.evidence(facts, at)
    return Finding(rule.model_dump(), rule.test(facts, at), value, event_ids)


def holds(rule: Rule, facts: Facts, at: datetime) -> bool:
    """The same answer without evidence; cheap enough for every event."""
    return rule.test(facts, at)


def activities_needed(rule: Rule) -> frozenset[str] | None:
    """The kinds of activity the rule looks at; None: all of them."""
    looking = [leaf.count or leaf.recency for leaf in rule.leaves()]
    kinds = {condition.activity for condition in looking if condition}
    return None if None in kinds else frozenset(kind for kind in kinds if kind)


def longest_window(rule: Rule) -> timedelta | None:
    """How far back activities matter; None: for ever, so none may be forgotten. Zero: no activity matters."""
    looking = [leaf.count or leaf.recency for leaf in rule.leaves()]
    windows = [condition.within_days for condition in looking if condition]
    return None if None in windows else timedelta(days=max((days for days in windows if days), default=0))


# --- in words

#: Kinds of activity that have words of their own; others are shown as they are.
ACTIVITY_WORDS = {
    "download": "downloads",
    "form": "form submissions",
    "seminar": "seminar attendances",
    "webinar": "webinar attendances",
    "event": "event attendances",
    "visit": "site visits",
    "page_view": "page views",
    "email_open": "e-mail opens",
    "email_click": "e-mail clicks",
}


#: That a condition holds, and that it does not.
SENTENCES = {
    "score": ("score of {n} or more", "score below {n}"),
    "count": ("{n} or more {what}", "fewer than {n} {what}"),
    "distinct": ("{n} or more different {what}", "fewer than {n} different {what}"),
    "recency": ("some {what}", "no {what}"),
    "attribute": ("{name} is {wanted}", "{name} is not {wanted}"),
}
#: What was found where amounts are asked for: enough, not yet enough.
AMOUNTS = {
    "score": ("score {value} ({n} or more)", "score {value} (not yet {n})"),
    "count": ("{what}: {value} ({n} or more)", "{what}: {value} (not yet {n})"),
    "distinct": ("{what}: {value} different ({n} or more)", "{what}: {value} different (not yet {n})"),
}


def explain_rule(rule: Rule, locale: str) -> str:
    """`スコアが80以上 かつ 資料ダウンロードが3回以上`."""
    if rule.not_:
        return _not_in_words(rule.not_, locale)
    if not rule.branches():
        return _condition_in_words(rule.leaf, 0, locale)
    parts = [_branch_in_words(branch, locale) for branch in rule.branches()]
    joined = "{first} and {second}" if rule.all else "{first} or {second}"
    return reduce(lambda first, second: text(locale, joined, first=first, second=second), parts)


def _not_in_words(denied: Rule, locale: str) -> str:
    if denied.branches():
        return text(locale, "not ({condition})", condition=explain_rule(denied, locale))
    return _condition_in_words(denied.leaf, 1, locale)


def _branch_in_words(branch: Rule, locale: str) -> str:
    words = explain_rule(branch, locale)
    return f"({words})" if len(branch.branches()) > 1 else words


def _condition_in_words(condition: Condition, denied: int, locale: str) -> str:
    message = SENTENCES[_sort(condition)][denied]
    match condition:
        case ScoreCondition():
            return text(locale, message, n=_shown(condition.at_least))
        case CountCondition():
            return text(locale, message, n=condition.at_least, what=_what(condition, locale))
        case RecencyCondition():
            return text(locale, message, what=_what(condition, locale))
    return text(locale, message, name=condition.name, wanted=_wanted_in_words(condition, locale))


def _sort(condition: Condition) -> str:
    match condition:
        case ScoreCondition():
            return "score"
        case CountCondition():
            return "distinct" if condition.distinct else "count"
        case RecencyCondition():
            return "recency"
    return "attribute"


def _what(condition: CountCondition | RecencyCondition, locale: str) -> str:
    """`直近30日の資料ダウンロード(資料「pricing-2026」)`."""
    kind, details = condition.activity, _details(condition, locale)
    what = text(locale, ACTIVITY_WORDS[kind]) if kind in ACTIVITY_WORDS else kind or text(locale, "activities")
    if details:
        what = text(locale, "{what} ({details})", what=what, details=text(locale, ", ").join(details))
    if condition.within_days is None:
        return what
    message = "{what} in the last 24 hours" if condition.within_days == 1 else "{what} in the last {days} days"
    return text(locale, message, what=what, days=condition.within_days)


def _details(condition: CountCondition | RecencyCondition, locale: str) -> list[str]:
    if isinstance(condition, RecencyCondition):
        return []
    asset = [text(locale, "asset “{asset}”", asset=condition.asset)] if condition.asset else []
    return asset + ([text(locale, "topic “{topic}”", topic=condition.topic)] if condition.topic else [])


def _wanted_in_words(condition: AttributeCondition, locale: str) -> str:
    if condition.exists is not None:
        return text(locale, "filled in" if condition.exists else "left empty")
    if condition.at_least is not None:
        return text(locale, "{n} or more", n=_shown(condition.at_least))
    if condition.at_most is not None:
        return text(locale, "{n} or less", n=_shown(condition.at_most))
    values = [text(locale, "“{value}”", value=_value_in_words(value, locale)) for value in condition.wanted()]
    return text(locale, "one of {values}", values=text(locale, ", ").join(values)) if condition.in_ else values[0]


def explain_finding(finding: Finding, locale: str) -> str:
    """`スコア 86(80以上)`, `資料ダウンロード 2回(3回まであと1回)`."""
    condition = Rule.model_validate(finding.condition).leaf
    match condition:
        case ScoreCondition() | CountCondition():
            return _amount_in_words(condition, finding, locale)
        case RecencyCondition():
            message = "{what}: yes" if finding.held else "{what}: none yet"
            return text(locale, message, what=_what(condition, locale))
    value = _value_in_words(finding.value, locale)
    if condition.exists is not None:
        return text(locale, "{name}: {value}", name=condition.name, value=value)
    message = "{name}: {value} ({wanted})" if finding.held else "{name}: {value} (not {wanted})"
    return text(locale, message, name=condition.name, value=value, wanted=_wanted_in_words(condition, locale))


def _amount_in_words(condition: ScoreCondition | CountCondition, finding: Finding, locale: str) -> str:
    n = _shown(condition.at_least)
    if not isinstance(finding.value, int | float):
        return text(locale, "no score yet ({n} or more needed)", n=n)
    message = AMOUNTS[_sort(condition)][0 if finding.held else 1]
    what = _what(condition, locale) if isinstance(condition, CountCondition) else ""
    missing = _shown(condition.at_least - finding.value)
    return text(locale, message, what=what, value=_shown(finding.value), n=n, missing=missing)


def _value_in_words(value: float | str | None, locale: str) -> str:
    if value is None:
        return text(locale, "left empty")
    return _shown(value) if isinstance(value, int | float) and not isinstance(value, bool) else as_text(value)


def _shown(number: float) -> str:
    """At most two decimals, none for whole numbers."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
