"""What a CloudEvents source can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors.contract import EventKind
from connectors.standard.connector import StandardConfig


class CloudEventsConfig(StandardConfig):
    """`data` holds Tasuki's own events, so the configuration is that of a standard source.

    CloudEvents' http-webhook.md knows tokens only: in `token_header`, or as `access_token` in the URL.
    """

    auth: Literal["token"] = "token"
    #: `type` of your events → Tasuki's kind, where the data itself has no `kind`.
    kinds: dict[str, EventKind] = Field(default_factory=dict)
