"""A lead's brief in words, in both tongues: a part of which nothing is known says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.brief import PastTouch, Read
from app.domain.completeness import ATTRIBUTE, FIELDS, BriefField, Completeness, Score
from app.domain.language import day, moment, text
from app.domain.outcomes import reason_in_words
from app.domain.rules import explain_finding
from app.domain.statistics import Share, share_in_words
from app.flows.brief import Brief, Handover
from app.pages.words import CHANNELS, OUTCOMES, STATES
from connectors.contract import Outcome


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the brief, with its words final."""

    key: str
    title: str
    #: None: nothing is known.
    lines: tuple[str, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class Tongue:
    """Who reads, and where they are."""

    locale: str
    zone: ZoneInfo


def sections(brief: Brief, locale: str, zone: ZoneInfo) -> list[Section]:
    """All of it, in reading order."""
    tongue = Tongue(locale, zone)
    return [
        _section(locale, "why", "Why MQL", _why(brief, locale)),
        _section(
            locale, "activities", "Last activities", (read_in_words(each, tongue) for each in brief.past.activities)
        ),
        *background(brief, locale, zone),
    ]


def background(brief: Brief, locale: str, zone: ZoneInfo) -> list[Section]:
    """What a page does not show yet that shows the handoff."""
    tongue = Tongue(locale, zone)
    topics = (text(locale, "{name} ({times})", name=topic.name, times=topic.times) for topic in brief.past.topics)
    return [
        _section(locale, "topics", "Topics of interest", topics),
        _section(
            locale, "touches", "Past touches", (touch_in_words(t, brief.handover, tongue) for t in brief.past.touches)
        ),
        _section(locale, "earlier", "Earlier handoffs", (_earlier(each, tongue) for each in brief.earlier)),
        _section(locale, "opportunities", "Opportunities", (_deal(each, tongue) for each in brief.opportunities)),
        _section(locale, "company", "The company", _company(brief, locale)),
    ]


def _section(locale: str, key: str, title: str, lines: Iterable[str]) -> Section:
    told = tuple(" ".join(line.split()) for line in lines)
    return Section(key, text(locale, title), told or (text(locale, "no information"),), bool(told))


def _why(brief: Brief, locale: str) -> Iterator[str]:
    findings = brief.handover.episode.findings if brief.handover else ()
    return (explain_finding(finding, locale) for finding in findings if finding.held)


def read_in_words(read: Read, tongue: Tongue) -> str:
    """`9/18(金) 17:30 料金表 2026(資料ダウンロード)`."""
    activity = text(tongue.locale, read.activity)
    what = _with(read.title, activity, tongue.locale) if read.title else activity
    return f"{moment(read.at, tongue.zone, tongue.locale)}  {what}"


def touch_in_words(touch: PastTouch, handover: Handover | None, tongue: Tongue) -> str:
    """`2025-11-05(水) 電話(不在) 田中 舞 ・引き渡し前`."""
    locale = tongue.locale
    told = [
        moment(touch.at, tongue.zone, locale, year=True),
        _with(text(locale, CHANNELS[touch.channel]), touch.result, locale),
        touch.by or "",
        text(locale, "before this handoff") if handover and touch.at < handover.episode.qualified_at else "",
    ]
    return "  ".join(filter(None, told))


def _earlier(handover: Handover, tongue: Tongue) -> str:
    """`2026-03-02(月) 差戻し(時期尚早)`."""
    episode, locale = handover.episode, tongue.locale
    if episode.outcome is None:
        came = text(locale, "no outcome on record")
    else:
        reason = reason_in_words(episode.outcome_reason, locale) if episode.outcome_reason else None
        came = _with(text(locale, OUTCOMES[Outcome(episode.outcome)]), reason, locale)
    return f"{day(episode.qualified_at, tongue.zone, locale, year=True)}  {came}"


def _deal(deal: Any, tongue: Tongue) -> str:
    locale, opened = tongue.locale, day(deal.opened_at, tongue.zone, tongue.locale, year=True)
    told = (opened, deal.name or "", _with(text(locale, STATES[deal.state]), deal.stage, locale))
    return "  ".join(filter(None, told))


def _company(brief: Brief, locale: str) -> Iterator[str]:
    said = {
        FIELDS[BriefField.COMPANY]: brief.lead.company,
        FIELDS[BriefField.SOURCE]: brief.source,
        FIELDS[BriefField.CAMPAIGN]: brief.campaign,
    }
    told = [(text(locale, label), value) for label, value in said.items() if value]
    return (text(locale, "{name}: {value}", name=name, value=value) for name, value in (*told, *brief.company))


def _with(words: str, detail: str | None, locale: str) -> str:
    return text(locale, "{words} ({detail})", words=words, detail=detail) if detail else words


# --- how complete it is


def field_in_words(field: str, locale: str) -> str:
    if field.startswith(ATTRIBUTE):
        return field.removeprefix(ATTRIBUTE)
    return text(locale, FIELDS[BriefField(field)])


def score_in_words(score: Score, locale: str) -> str:
    """`5/7 (不足: 業種・電話番号)`."""
    told = f"{score.present}/{score.wanted}"
    if not score.missing:
        return told
    missing = ("・" if locale == "ja" else ", ").join(field_in_words(field, locale) for field in score.missing)
    return text(locale, "{share} (missing: {fields})", share=told, fields=missing)


def completeness_in_words(found: Completeness, locale: str) -> list[tuple[str, str]]:
    """Label and value; a share never without its n."""
    average = f"{found.average:.0%}" if found.average is not None else text(locale, "no information")
    missing = ("・" if locale == "ja" else ", ").join(f"{field_in_words(f, locale)} {n}" for f, n in found.missing)
    return [
        (text(locale, "MQLs in the period"), str(found.mqls)),
        (text(locale, "Fields filled, on average"), average),
        (text(locale, "Complete briefs"), _share(found.complete, locale)),
        (text(locale, "Most often missing"), missing or "–"),
        (text(locale, "Found helpful"), _share(found.helpful, locale)),
    ]


def _share(share: Share, locale: str) -> str:
    return share_in_words(share, locale) if share.whole else text(locale, "no information")
