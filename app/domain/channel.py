"""The channels that leads come by, and which of them a tool's word for it means (definitions.md, 2.3).

A lead's source is what a tool calls it; somebody decides once which channel that is. Until then it is unknown, with
its own count: what a word usually means is only suggested.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from app.domain.language import LOCALES, text

#: Characters of a source's word.
LONGEST = 200


class ChannelKey(StrEnum):
    SEARCH = "search"
    ADS = "ads"
    EXHIBITION = "exhibition"
    WEBINAR = "webinar"
    EMAIL = "email"
    REFERRAL = "referral"
    OUTBOUND = "outbound"
    OTHER = "other"


#: Message ids.
NAMES = {
    ChannelKey.SEARCH: "Search",
    ChannelKey.ADS: "Ads",
    ChannelKey.EXHIBITION: "Exhibition",
    ChannelKey.WEBINAR: "Webinar",
    ChannelKey.EMAIL: "Email",
    ChannelKey.REFERRAL: "Referral",
    ChannelKey.OUTBOUND: "Outbound",
    ChannelKey.OTHER: "Other",
}
#: What tools and people usually write, folded, words apart by one blank.
USUAL = {
    ChannelKey.SEARCH: "google organic|yahoo organic|bing organic|organic search|organic|seo|自然検索|オーガニック検索|"
    "検索|検索エンジン|google検索|web検索",
    ChannelKey.ADS: "google cpc|yahoo cpc|bing cpc|cpc|ppc|paid search|paid social|display|google ads|google広告|"
    "yahoo広告|meta広告|facebook広告|リスティング|リスティング広告|ディスプレイ広告|web広告|sns広告|広告|advertisement",
    ChannelKey.EXHIBITION: "展示会|展示会来場|event|events|trade show|tradeshow|exhibition|イベント|カンファレンス",
    ChannelKey.WEBINAR: "webinar|webinars|ウェビナー|ウエビナー|オンラインセミナー|webセミナー|セミナー|seminar",
    ChannelKey.EMAIL: "email|e mail|mail|email marketing|newsletter|メール|メルマガ|メールマガジン|メール配信",
    ChannelKey.REFERRAL: "紹介|顧客紹介|パートナー紹介|代理店紹介|partner referral|customer referral|employee referral|"
    "external referral|partner|word of mouth",
    ChannelKey.OUTBOUND: "営業開拓|テレアポ|アウトバウンド|アウトバウンドコール|飛び込み|outbound|cold call|cold email|"
    "phone inquiry|purchased list|linkedin outreach",
    ChannelKey.OTHER: "other|その他",
}
#: Between words, where tools write `google / organic`, `google_organic` or `ORGANIC-SEARCH`.
BETWEEN = re.compile(r"[\s/_\-|:+・>]+")


def folded(raw: str) -> str:
    """The form in which words are compared: `ＳＥＯ ` and `seo` are one."""
    return unicodedata.normalize("NFKC", raw).casefold().strip()


def channel_of(raw: str | None, mapping: Mapping[str, ChannelKey]) -> ChannelKey | None:
    """What somebody decided that a lead's source means; None: unknown. `mapping`: by folded word."""
    return mapping.get(folded(raw)) if raw else None


def channel_written(word: str, mapping: Mapping[str, ChannelKey]) -> ChannelKey | None:
    """The channel that a budget or a report names: as it was decided, else by a channel's own name; None: unknown."""
    return channel_of(word, mapping) or _by_name().get(folded(word))


def usual(raw: str) -> ChannelKey | None:
    """What the word usually means, to suggest it; never to count by it."""
    return _usual().get(BETWEEN.sub(" ", folded(raw)).strip())


@cache
def _by_name() -> Mapping[str, ChannelKey]:
    names = {folded(text(locale, name)): key for key, name in NAMES.items() for locale in LOCALES}
    return names | {key.value: key for key in ChannelKey}


@cache
def _usual() -> Mapping[str, ChannelKey]:
    return {word: key for key, words in USUAL.items() for word in words.split("|")}
