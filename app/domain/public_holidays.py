"""Public holidays of a country, out of the holidays package."""

from __future__ import annotations

import difflib
from datetime import date

import holidays

from app.domain.language import text
from app.domain.refusals import Refusal, Refused

#: Codes of languages, written where the country is asked for.
COLLOQUIAL = {"JA": "JP", "KO": "KR", "ZH": "CN"}


def country_code(written: str) -> str:
    """`jp` → `JP`. Raises Refused for an unknown country, naming the one that was probably meant."""
    code = written.upper()
    if code not in holidays.list_supported_countries():
        raise _unknown("country", written, COLLOQUIAL.get(code) or _code_of_name(written))
    return code


def public_holidays(country: str, subdivision: str | None, years: set[int]) -> dict[date, str]:
    """Date → name in the country's language. Raises Refused for an unknown subdivision."""
    try:
        language = holidays.country_holidays(country, subdiv=subdivision).default_language
    except NotImplementedError:
        written, known = subdivision or "", holidays.list_supported_countries()[country]
        near = difflib.get_close_matches(written, known, n=1, cutoff=0.4)
        raise _unknown("subdivision", written, near[0] if near else None) from None
    # Without a language the names follow the environment of the process.
    found = holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)
    return {day: name for day, name in sorted(found.items()) if day.year in years}


def _code_of_name(written: str) -> str | None:
    """`Japan` → `JP`."""
    country = getattr(holidays, written.title().replace(" ", ""), None)
    code = getattr(country, "country", None)
    return code if isinstance(code, str) else None


def _unknown(field: str, written: str, meant: str | None) -> Refused:
    message = "No public holidays are known for `{written}`."
    if meant:
        message = "No public holidays are known for `{written}`; did you mean `{word}`?"
    en, ja = (text(locale, message, written=written, word=meant) for locale in ("en", "ja"))
    return Refused([Refusal(f"/{field}", f"unknown_{field}", en, ja, meant)])
