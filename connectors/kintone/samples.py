"""What kintone would send, with the field codes that the source is configured with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.contract import WebhookRequest
from connectors.kintone.config import KintoneConfig
from connectors.tool import with_token
from connectors.wire import compact


def sample(config: KintoneConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
    """A lead was edited; where there is no lead app yet, it comes from an app 0, which the source does not know."""
    app = config.lead
    status = next(iter(config.statuses), "処理中")
    own = {
        app.name: field("SINGLE_LINE_TEXT", "山田 太郎"),
        app.company: field("SINGLE_LINE_TEXT", "株式会社みなと精機"),
        app.email: field("LINK", "yamada@minato.example"),
        app.owner: field("USER_SELECT", [{"code": "sato", "name": "佐藤 花子"}]),
        app.score: field("NUMBER", "86"),
        app.key: field("SINGLE_LINE_TEXT", "L-0002"),
        app.status or "ステータス": field("DROP_DOWN" if app.status else "STATUS", status),
        app.updated: field("UPDATED_TIME", f"{now:%Y-%m-%dT%H:%M:00Z}"),
    }
    named = {code: value for code, value in own.items() if code}
    system = {"$id": field("__ID__", "2"), "$revision": field("__REVISION__", "4")}
    notice = {
        "id": "01234567-0123-0123-0123-0123456789ab",
        "type": "UPDATE_RECORD",
        "app": {"id": str(app.app), "name": "リード管理"},
        "record": named | system,
        "recordTitle": "山田 太郎",
        "url": f"{config.base or 'https://example.cybozu.com'}/k/{app.app}/show#record=2",
    }
    return WebhookRequest("POST", with_token(url, secret), {"content-type": "application/json"}, compact(notice), now)


def field(type_: str, value: Any) -> dict[str, Any]:
    return {"type": type_, "value": value}
