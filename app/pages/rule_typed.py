"""The rule of an agreement in a form: a score and a number of activities in fields of their own, all else as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from app.domain.conditions import CountCondition, ScoreCondition
from app.domain.refusals import Refusal, Refused, refused, validated
from app.domain.rules import ACTIVITY_WORDS, Rule
from app.pages import forms
from app.pages.forms import Fields

#: Characters of a rule that is written as JSON.
LONGEST = 20_000
#: Last part of a place in the rule → the field that says it.
FIELDS = {"score": "score", "count": "count", "within_days": "days", "activity": "activity"}


def as_typed(rule: Rule, *, in_fields: bool) -> dict[str, str]:
    """What stands in the form; `shape` says which of the two it is."""
    written = json.dumps(rule.model_dump(), ensure_ascii=False, indent=2)
    parts = _parts(rule) if in_fields else None
    if parts is None:
        return {"shape": "text", "rule": written}
    score, count = parts
    return {
        "shape": "fields",
        "score": f"{score.at_least}" if score else "",
        "activity": count.activity if count else "download",
        "count": f"{count.at_least}" if count else "",
        "days": f"{count.within_days or ''}" if count else "",
    }


def _parts(rule: Rule) -> tuple[ScoreCondition | None, CountCondition | None] | None:
    """None: it says more than the fields can."""
    leaves = rule.all or (() if rule.branches() else (rule,))
    scores = [leaf.score for leaf in leaves if leaf.score]
    counts = [leaf.count for leaf in leaves if leaf.count and set(leaf.count.written_keys()) <= _PLAIN]
    if not leaves or len(scores) > 1 or len(counts) > 1 or len(scores) + len(counts) != len(leaves):
        return None
    return (scores[0] if scores else None), (counts[0] if counts else None)


_PLAIN = {"activity", "at_least", "within_days"}


def activities(typed: Fields) -> list[tuple[str, str]]:
    """Kind → message id; a kind without words of its own stands as it is."""
    known = dict(ACTIVITY_WORDS)
    if own := typed.get("activity", ""):
        known.setdefault(own, own)
    return list(known.items())


def read(sent: Fields) -> Rule:
    """Raises Refused; places are the form's fields."""
    if sent.get("shape") == "fields":
        return _from_fields(sent)
    written = forms.words(sent, "rule", LONGEST)
    try:
        document = json.loads(written)
    except (ValueError, RecursionError) as why:
        raise refused("/rule", "json_invalid", "This is not valid JSON: {error}", error=str(why)) from None
    try:
        return validated(Rule, document)
    except Refused as why:
        raise Refused([replace(each, place="/rule") for each in why.refusals]) from None


def _from_fields(sent: Fields) -> Rule:
    score, count = (forms.words(sent, name, 20) for name in ("score", "count"))
    leaves: list[dict[str, Any]] = []
    if score:
        leaves.append({"score": {"at_least": score}})
    if count:
        leaves.append({"count": _count(sent, count)})
    if not leaves:
        raise refused("/score", "needed", "Write a score, a number of activities, or both.")
    try:
        return validated(Rule, {"all": leaves} if len(leaves) > 1 else leaves[0])
    except Refused as why:
        raise Refused([_beside(each) for each in why.refusals]) from None


def _count(sent: Fields, count: str) -> dict[str, Any]:
    days = forms.words(sent, "days", 20)
    asked: dict[str, Any] = {"activity": forms.words(sent, "activity", 500), "at_least": count}
    return asked | ({"within_days": days} if days else {})


def _beside(refusal: Refusal) -> Refusal:
    """Its place is the field that was typed into."""
    parts = refusal.place.split("/")
    field = FIELDS.get(parts[-1]) or next((FIELDS[part] for part in parts if part in FIELDS), "score")
    return replace(refusal, place=f"/{field}")
