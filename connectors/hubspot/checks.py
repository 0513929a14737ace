"""What whoever connects an account wants to know first: may the app read everything, and do the names fit?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from connectors.contract import AskFailed, Checked, Problem
from connectors.hubspot.answers import OBJECTS
from connectors.hubspot.api import Api, NotAllowed
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.wire import record_id
from connectors.wire import entries, flag, mapping, plain

#: Seconds for all questions together: the account, one search for each object, the contact's properties.
PATIENCE = 30.0
A_LITTLE: dict[str, Any] = {"filterGroups": [], "sorts": [], "properties": [], "limit": 1}


def check(config: HubSpotConfig, credential: str, http: httpx.Client) -> Checked:
    """Raises AskFailed when HubSpot does not take the credential at all."""
    api = Api(config, credential, http, PATIENCE)
    account = record_id(api.account().get("portalId")) or ""
    problems = [*wrong_account(account, config), *unreadable(api)]
    try:
        known = {plain(one.get("name")): one for one in map(mapping, entries(api.contact_properties().get("results")))}
    except NotAllowed as refused:
        return Checked(account, (*problems, Problem("properties", str(refused))))
    named = (*problems, *unknown_properties(known, config))
    return Checked(account, named, tuple(options(known.get(config.status_property, {}))))


def wrong_account(account: str, config: HubSpotConfig) -> Iterator[Problem]:
    if account and config.portal_id is None:
        yield Problem(
            "portal_id", f"set portal_id to {account}, so that records have links and no other account is taken"
        )
    elif account and account != str(config.portal_id):
        yield Problem("portal_id", f"the access token belongs to the account {account}, portal_id says another")


def unreadable(api: Api) -> Iterator[Problem]:
    for objects, kind in OBJECTS.items():
        try:
            api.search(kind, A_LITTLE)
        except AskFailed as failed:
            if failed.retry_after is None and not isinstance(failed, NotAllowed):
                raise
            yield Problem(objects, str(failed))


def unknown_properties(known: Mapping[str, Any], config: HubSpotConfig) -> Iterator[Problem]:
    """HubSpot answers questions about properties that do not exist with silence."""
    named = {
        **dict.fromkeys(config.attributes, "attributes"),
        **dict.fromkeys(config.activity_properties, "activity_properties"),
        **{getattr(config, name): name for name in PROPERTY_NAMES},
    }
    for name, setting in named.items():
        if name and name not in known:
            yield Problem(setting, f"contacts have no property {name}; name yours as {setting}")


PROPERTY_NAMES = ("score_property", "owner_property", "status_property", "lifecycle_property")


def options(status: Mapping[str, Any]) -> Iterator[str]:
    """The values that people can choose, by their internal names."""
    for option in map(mapping, entries(status.get("options"))):
        word = plain(option.get("value"))
        if word and not flag(option.get("hidden")):
            yield word
