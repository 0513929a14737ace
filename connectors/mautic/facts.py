"""What Mautic's contacts, forms, downloads and page hits say.

https://devdocs.mautic.org/en/5.x/webhooks/getting_started.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.contract import EventKind, Outcome
from connectors.mautic.config import MauticConfig
from connectors.records import Finding, Lead, Record
from connectors.wire import at_path, full_name, mapping, plain

#: Webhook's event → what its entry is read as.
EVENTS = {
    "mautic.lead_post_save_new": "contact",
    "mautic.lead_post_save_update": "contact",
    "mautic.lead_points_change": "contact",
    "mautic.lead_company_change": "contact",
    "mautic.lead_post_delete": "deleted",
    "mautic.form_on_submit": "form",
    "mautic.page_on_hit": "hit",
}
#: Type of event in a contact's history → what it is read as; everything that is asked for.
HISTORY = {"asset.download": "download", "form.submitted": "form", "page.hit": "hit"}
FIELDS = {
    "contact": {
        "id": "lead",
        "points": "score",
        "email": "email",
        "firstname": "name",
        "lastname": "name",
        "company": "company",
        "owner": "owner",
        "dateModified": "occurred at",
    },
    "form": {"lead": "lead", "name": "asset", "submission": "key", "at": "occurred at"},
    "download": {"lead": "lead", "name": "asset", "id": "key", "at": "occurred at"},
    "hit": {"lead": "lead", "url": "asset", "name": "title", "at": "occurred at"},
}


def flat(contact: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of all groups beside the rest, the stage by its name. PHP writes `[]` for a group without fields; the
    API repeats them all, as bare values, in `all`."""
    groups = [mapping(group) for name, group in mapping(contact.get("fields")).items() if name != "all"]
    own = {alias: mapping(field).get("value") for group in groups for alias, field in group.items()}
    stage = plain(mapping(contact.get("stage")).get("name"))
    rest = {name: value for name, value in contact.items() if name not in ("fields", "stage")}
    return own | rest | ({"stage": stage} if stage else {})


def submission(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Of a webhook."""
    told = mapping(entry.get("submission"))
    who, form = mapping(told.get("lead")), mapping(told.get("form"))
    email = at_path(who, "fields.core.email.value")
    at = told.get("dateSubmitted")
    return {"submission": told.get("id"), "lead": who.get("id"), "email": email, "name": form.get("name"), "at": at}


def hit(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Of a webhook."""
    told = mapping(entry.get("hit"))
    who, page = mapping(told.get("lead")), mapping(told.get("page"))
    return {"lead": who.get("id"), "url": told.get("url"), "name": page.get("title"), "at": told.get("dateHit")}


def happened(event: Mapping[str, Any]) -> dict[str, Any]:
    """Of a contact's history. `eventId` is the type with the number behind it; hits have none."""
    type_, label = plain(event.get("event")), event.get("eventLabel")
    name, href = (mapping(label).get("label"), mapping(label).get("href")) if isinstance(label, dict) else (label, None)
    number = plain(event.get("eventId")).removeprefix(type_).lstrip(".-")
    url = at_path(event, "details.hit.url") or href
    at, lead = event.get("timestamp"), event.get("contactId")
    return {"id": number, "submission": number, "lead": lead, "name": name, "url": url, "at": at}


def contact(seen: Record, config: MauticConfig) -> Iterator[Finding]:
    lead = seen.person(seen.id, seen.fields.get("email"))
    url = f"{config.base}/s/contacts/view/{seen.id}" if config.base else None
    yield from seen.profile(
        lead, name=full_name(seen.text("firstname"), seen.text("lastname")), company=seen.fields.get("company"), url=url
    )
    yield from seen.score(lead, seen.fields.get(config.score_field or "points"))
    yield from seen.status(lead, seen.fields.get(config.status_field))
    if config.role in ("sfa", "both") and "owner" in seen.fields:
        yield from owner(seen, lead, mapping(seen.fields["owner"]))


def owner(seen: Record, lead: Lead, user: Mapping[str, Any]) -> Iterator[Finding]:
    """Only where sales works in Mautic, too: elsewhere the sales tool says whose a lead is."""
    name = f"{plain(user.get('lastName'))} {plain(user.get('firstName'))}".strip()
    yield from seen.owner(lead, user.get("id"), name=name or user.get("username"))


def deleted(seen: Record, config: MauticConfig) -> Iterator[Finding]:
    said = {"outcome": Outcome.EXCLUDED.value, "reason": "deleted"}
    yield from seen.fact(EventKind.DISPOSITION, seen.person(seen.id), said)


def form(seen: Record, config: MauticConfig) -> Iterator[Finding]:
    lead, name = seen.person(seen.text("lead"), seen.fields.get("email")), seen.text("name")
    word = "download" if name in config.downloads else "form"
    yield from seen.activity(lead[:1], word, seen.at, key=seen.text("submission"), asset=name, title=name)


def download(seen: Record, config: MauticConfig) -> Iterator[Finding]:
    lead, name = seen.person(seen.text("lead")), seen.text("name")
    yield from seen.activity(lead, "download", seen.at, key=seen.text("id"), asset=name, title=name)


def visit(seen: Record, config: MauticConfig) -> Iterator[Finding]:
    if config.visits:
        lead, url = seen.person(seen.text("lead")), seen.text("url")
        yield from seen.activity(lead, "visit", seen.at, key=url, asset=url, title=seen.text("name"))


FACTS: Mapping[str, Callable[[Record, MauticConfig], Iterator[Finding]]] = {
    "contact": contact,
    "deleted": deleted,
    "form": form,
    "download": download,
    "hit": visit,
}
