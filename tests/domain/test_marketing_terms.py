"""Channels, conversion rates and stale content, decided without a database."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain.channel import USUAL, ChannelKey, channel_of, channel_written, usual
from app.domain.content import is_stale, months_before
from app.domain.labels import name_of
from app.domain.language import text
from app.domain.refusals import Refused
from app.domain.statistics import wilson
from app.domain.website import Unit, Visits, conversion_rate

DECIDED = {"google / organic": ChannelKey.SEARCH, "展示会2026": ChannelKey.EXHIBITION, "search": ChannelKey.ADS}


@pytest.mark.parametrize(
    ("raw", "of_lead", "written"),
    [
        ("Google / Organic ", "search", "search"),
        ("展示会２０２６", "exhibition", "exhibition"),
        ("展示会", None, "exhibition"),
        ("Exhibition", None, "exhibition"),
        ("email", None, "email"),
        ("search", "ads", "ads"),
        ("mautic-07", None, None),
        ("", None, None),
    ],
)
def test_only_what_somebody_decided_counts(raw: str, of_lead: str | None, written: str | None) -> None:
    assert channel_of(raw, DECIDED) == of_lead
    assert channel_written(raw, DECIDED) == written


def test_a_lead_without_a_source_has_no_channel() -> None:
    assert channel_of(None, DECIDED) is None


@pytest.mark.parametrize(
    ("raw", "channel"),
    [
        ("google / organic", "search"),
        ("ORGANIC_SEARCH", "search"),
        ("google/cpc", "ads"),
        ("Ｗｅｂ広告", "ads"),
        ("Trade Show", "exhibition"),
        ("ウェビナー", "webinar"),
        ("E-mail", "email"),
        ("Partner Referral", "referral"),
        ("テレアポ", "outbound"),
        ("utm-77", None),
        ("", None),
    ],
)
def test_what_a_word_usually_means_is_suggested(raw: str, channel: str | None) -> None:
    assert usual(raw) == channel


def test_every_usual_word_is_found_and_means_one_channel() -> None:
    words = [(word, key) for key, said in USUAL.items() for word in said.split("|")]
    assert [(word, usual(word)) for word, _ in words] == words


@pytest.mark.parametrize(
    ("visits", "per", "rate"),
    [
        (Visits(200, 150, 30, 7), Unit.SESSIONS, 0.15),
        (Visits(200, 150, 30, 7), Unit.USERS, 0.2),
        (Visits(200, None, 30, 7), Unit.USERS, None),
        (Visits(0, 0, 0, 1), Unit.SESSIONS, None),
        (Visits(0, None, 0, 0), Unit.SESSIONS, None),
    ],
)
def test_conversion_rate(visits: Visits, per: Unit, rate: float | None) -> None:
    found = conversion_rate(visits, per)
    assert (found.rate if found else None) == rate


def test_the_rate_names_its_unit_and_its_interval() -> None:
    found = conversion_rate(Visits(200, 150, 30, 7))
    assert found is not None
    assert (text("ja", found.label), text("en", found.label)) == ("CVR(対セッション)", "CVR (per session)")
    assert found.interval == wilson(30, 200)


def test_more_conversions_than_sessions_have_a_rate_and_no_interval() -> None:
    found = conversion_rate(Visits(10, None, 12, 1))
    assert found is not None
    assert (found.rate, found.interval) == (1.2, None)


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 9, 18), 6, date(2026, 3, 18)),
        (date(2026, 8, 31), 6, date(2026, 2, 28)),
        (date(2024, 8, 31), 6, date(2024, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2026, 12, 1), 12, date(2025, 12, 1)),
    ],
)
def test_months_before(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


@pytest.mark.parametrize(("reviewed", "stale"), [(None, True), (date(2026, 3, 17), True), (date(2026, 3, 18), False)])
def test_stale(reviewed: date | None, stale: bool) -> None:
    assert is_stale(reviewed, date(2026, 9, 18), 6) is stale


@pytest.mark.parametrize("words", ["", "  ", "a\nb", "a\x00b", "a\ud800", "a\u2028b", "x" * 21])
def test_names_that_cannot_be(words: str) -> None:
    with pytest.raises(Refused):
        name_of(words, 20)


def test_a_name_stands_without_blanks() -> None:
    assert name_of("  google / organic ", 20) == "google / organic"
