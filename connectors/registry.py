"""Which connectors there are. A connector is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from connectors.contract import Connector

#: Other packages add connectors as entry points of this group: name = kind, value = `module:CONNECTOR`.
GROUP = "tasuki.connectors"
#: Kind → the module whose `CONNECTOR` is it.
BUILT_IN = {
    "standard": "connectors.standard.connector",
    "hubspot": "connectors.hubspot.connector",
    "salesforce": "connectors.salesforce.connector",
    "pipedrive": "connectors.pipedrive.connector",
    "kintone": "connectors.kintone.connector",
    "marketo": "connectors.marketo.connector",
    "pardot": "connectors.pardot.connector",
    "zoho": "connectors.zoho.connector",
    "dynamics": "connectors.dynamics.connector",
    "cloudevents": "connectors.cloudevents.connector",
    "twenty": "connectors.twenty.connector",
    "mautic": "connectors.mautic.connector",
    "espocrm": "connectors.espocrm.connector",
    "webform": "connectors.webform.connector",
}


class UnknownKind(LookupError):
    """No connector of this kind is installed."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"there is no connector {kind!r}; known are {', '.join(kinds())}")
        self.kind = kind


@cache
def connector(kind: str) -> Connector[Any]:
    """The one connector of this kind; UnknownKind names the known ones."""
    if kind in BUILT_IN:
        return cast("Connector[Any]", import_module(BUILT_IN[kind]).CONNECTOR)
    added = installed()
    if kind not in added:
        raise UnknownKind(kind)
    return cast("Connector[Any]", added[kind].load())


def kinds() -> list[str]:
    """Every kind that `connector` knows, our own first. Nothing is imported."""
    return [*BUILT_IN, *sorted(set(installed()) - set(BUILT_IN))]


def installed() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
