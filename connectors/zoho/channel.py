"""The notification channel: Zoho forgets it after a week at most, so it is told again and again where to send.

https://www.zoho.com/crm/developer/docs/api/v7/notifications/enable.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.api import Api
from connectors.asking import body_of
from connectors.contract import AskFailed
from connectors.wire import entries, mapping, moment, plain
from connectors.zoho.api import stamp
from connectors.zoho.config import ZohoConfig
from connectors.zoho.facts import FACTS

#: A week is the longest that Zoho takes; what is longer by its clock becomes an hour.
LIFE = timedelta(days=7) - timedelta(hours=1)
#: Characters of the token that notifications bring back.
LONGEST = 50


def subscribe(api: Api, config: ZohoConfig, secret: str, url: str, now: datetime) -> datetime:
    """A channel that Zoho still knows is prolonged, one that it has forgotten is made anew. Until when it sends."""
    if len(secret) > LONGEST:
        raise AskFailed(f"Zoho takes secrets of at most {LONGEST} characters: give the source a shorter one")
    channel = {
        "channel_id": channel_of(config, url),
        "events": [f"{module}.all" for module in FACTS],
        "channel_expiry": stamp(now + LIFE),
        "token": secret,
        "notify_url": url,
    }
    answer = told(api, "PUT", channel)
    if refusal(answer):
        answer = told(api, "POST", channel)
    if why := refusal(answer):
        raise AskFailed(f"Zoho does not take the notification channel ({why}): check the source's public address")
    return min(expiries(answer), default=now + LIFE)


def told(api: Api, method: str, channel: Mapping[str, Any]) -> dict[str, Any]:
    content = json.dumps({"watch": [channel]}).encode()
    return mapping(body_of(api.answer(method, "/actions/watch", content=content, answers=(400, 404))))


def refusal(answer: Mapping[str, Any]) -> str:
    """Zoho's word for it, also where the answer as a whole is a success; empty: it was taken."""
    told = entries(answer.get("watch")) or [answer]
    codes = [plain(mapping(one).get("code"), 40) or "no answer" for one in told]
    return next((code for code in codes if code != "SUCCESS"), "")


def expiries(answer: Mapping[str, Any]) -> Iterator[datetime]:
    for one in entries(answer.get("watch")):
        for event in entries(mapping(mapping(one).get("details")).get("events")):
            if at := moment(mapping(event).get("channel_expiry")):
                yield at


def channel_of(config: ZohoConfig, url: str) -> str:
    """A number of at most 18 digits that stays the same for the source."""
    return config.channel_id or str(int(hashlib.sha256(url.encode()).hexdigest()[:14], 16))
