"""How tools write moments, numbers and texts; reading them never raises."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from connectors.standard.schema import address

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)


def moment(value: object, zone: tzinfo = UTC) -> datetime | None:
    """Milliseconds since 1970 as a number or as text, or ISO 8601; `zone`: of texts that name none. In UTC."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        value = int(value)
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def seconds(value: object) -> datetime | None:
    """Seconds since 1970, as a number or as text."""
    known = number(value)
    return moment(known * 1000) if known is not None else None


def milliseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


def plain(value: object, limit: int = 500) -> str:
    """The text without what no database takes (NUL, lone surrogates) and at most `limit` characters; else empty."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "ignore").decode().replace("\0", "").strip()[:limit].strip()


def full_name(given: str, family: str) -> str:
    """`山田 太郎` but `Taro Yamada`: names in Chinese characters, kana or hangul begin with the family."""
    ours = re.search(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", family + given)
    parts = (family, given) if ours else (given, family)
    return " ".join(part for part in parts if part)


def mail_address(value: object) -> str:
    """The address in canonical form; empty when it is none."""
    try:
        return address(plain(value))
    except ValueError:
        return ""


def number(value: object) -> int | float | None:
    """`"87"` → 87, `"87.5"` → 87.5; None for everything that is not a plain finite decimal number."""
    digits = plain(value, limit=40)
    if not NUMBER.fullmatch(digits):
        return None
    exact = float(digits)
    return int(exact) if exact.is_integer() else exact


def scalar(value: object) -> str | int | float | bool | None:
    """What an attribute of a lead may hold: texts, numbers and flags as they are; of lists and objects nothing."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return number(value)
    return plain(value) or None


def flag(value: object) -> bool:
    """True, 1, "true", "1", "yes"; everything else is no."""
    return value is True or plain(value).lower() in ("1", "true", "yes")


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def entries(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def at_path(value: object, path: str) -> Any:
    """`fields.core.email.value` within nested objects; None where there is no such place."""
    for step in path.split("."):
        value = mapping(value).get(step)
    return value


def read_json(body: bytes) -> Any:
    """ValueError, with one sentence that says what is wrong, when the body is no JSON in UTF-8."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {str(error)[:100]}") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is None or empty."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}
