"""How HubSpot writes ids; reading them never raises."""

from __future__ import annotations

import re


def record_id(value: object) -> str | None:
    """`123` or `"123"` → `"123"`. HubSpot's ids are digits and may exceed 32 bits."""
    digits = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(digits, str) and re.fullmatch(r"[1-9]\d{0,19}", digits, re.ASCII):
        return digits
    return None
