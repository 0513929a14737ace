"""The product's words in two tongues, and how moments and spans of time are written.

Message ids are English; `app/locales/<locale>/*.po` hold the translations, one file an area.
"""

from __future__ import annotations

import gettext
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from io import BytesIO, StringIO
from zoneinfo import ZoneInfo

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = ("ja", "en")
WEEKDAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


def known_locale(wanted: str) -> str:
    """`ja`, `en`, `en-US`, an Accept-Language value … → the first locale we speak; Japanese otherwise."""
    for tag in wanted.replace(";", ",").split(","):
        if tag.strip()[:2].lower() in LOCALES:
            return tag.strip()[:2].lower()
    return "ja"


@cache
def translations(locale: str) -> gettext.NullTranslations:
    """All catalogues of one locale as one gettext object."""
    if locale == "en":
        return gettext.NullTranslations()
    merged = Catalog(locale=locale)
    for file in sorted((resources.files("app") / "locales" / locale).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".po"):
            for message in read_po(StringIO(file.read_text(encoding="utf-8")), locale=locale):
                if message.id:
                    merged[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def text(locale: str, message: str, /, **values: object) -> str:
    """The message in the locale with its `{names}` filled in."""
    words = translations(locale).gettext(message)
    return words.format(**values) if values else words


def moment(at: datetime, zone: ZoneInfo, locale: str, *, year: bool = False) -> str:
    """`9/24(木) 17:30`, with the year `2026-09-24(木) 17:30`; English `Thu 9/24 17:30`."""
    return f"{day(at, zone, locale, year=year)} {at.astimezone(zone):%H:%M}"


def day(at: datetime, zone: ZoneInfo, locale: str, *, year: bool = False) -> str:
    """`9/24(木)`; English `Thu 9/24`."""
    local = at.astimezone(zone)
    date = f"{local:%Y-%m-%d}" if year else f"{local.month}/{local.day}"
    weekday = WEEKDAYS[locale][local.weekday()]
    return f"{date}({weekday})" if locale == "ja" else f"{weekday} {date}"


def span(length: timedelta, locale: str) -> str:
    """`2時間10分`, `3日4時間`; English `2h10m`, `3d4h`. Whole minutes, rounded down."""
    minutes = int(abs(length).total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    d, h, m = ("日", "時間", "分") if locale == "ja" else ("d", "h", "m")
    if days:
        return f"{days}{d}{hours}{h}" if hours else f"{days}{d}"
    return (f"{hours}{h}" if hours else "") + (f"{rest}{m}" if rest or not hours else "")


def person_name(name: str, locale: str) -> str:
    """A lead's name as it stands in a message: `佐藤 様`; plain in English."""
    return f"{name} 様" if locale == "ja" else name
