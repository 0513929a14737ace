"""Agenda templates: what comes with Tasuki, and the company's own in versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import BeforeValidator, ConfigDict, Field

from app.api.auth import Admin, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import locale_of
from app.api.schemas import Nothing, Shown
from app.domain.language import text
from app.domain.roles import Right
from app.domain.template import (
    KEY,
    LENGTHS,
    ROLE_NAMES,
    Block,
    Duty,
    Item,
    Length,
    Role,
    Template,
    built_in,
    owner_of,
    question_of,
    title_of,
    warnings,
)
from app.flows import administer, templates
from app.flows.templates import StoredTemplate
from app.state import State

router = noun("/agenda-templates", "Agenda templates", sees=Right.SEE_FIGURES, changes=Right.AGREE)

TemplateKey = Annotated[str, Path(pattern=f"^{KEY}$", description="The template's key.", examples=["weekly-60"])]


def _length(written: object) -> object:
    """A part of a path is text."""
    return int(written) if written in {str(length) for length in LENGTHS} else written


Minutes = Annotated[Length, BeforeValidator(_length), Path(description="How long the meeting takes.", examples=[60])]
DOCUMENT: dict[str, Any] = {
    "name": "週次60分",
    "minutes": 60,
    "items": [
        {"block": "actions", "minutes": 10},
        {"block": "sla_breaches", "minutes": 20},
        {"block": "free", "minutes": 10, "title": "展示会の準備", "owner": "marketing_lead"},
        {"block": "sla_review", "minutes": 15, "question": "対応期限は今のままでよいか。"},
        {"block": "decisions", "minutes": 5},
    ],
}
ITEM: dict[str, Any] = {
    "block": "sla_breaches",
    "minutes": 20,
    "title": "SLA違反の確認と原因",
    "owner": "sales_lead",
    "owner_in_words": "営業責任者",
    "question": "なぜ期限内に対応できなかったのか。原因をなくすには何を変えるか。",
}
DESCRIBED: dict[str, Any] = {
    "template": DOCUMENT,
    "agenda": [ITEM],
    "status_minutes": 10,
    "status_share": 0.167,
    "warnings": [],
}
VERSION: dict[str, Any] = {
    "key": "weekly-60",
    "version": 2,
    **DESCRIBED,
    "created_at": "2026-09-18T08:30:00Z",
    "by": "ops",
}


class TemplateWritten(Template):
    model_config = ConfigDict(json_schema_extra={"examples": [DOCUMENT]})


class ItemInWords(Shown):
    """An item as the meeting sees it."""

    block: Block
    minutes: int
    title: str
    owner: Role | Duty
    owner_in_words: str
    question: str


class TemplateShown(Shown):
    """A template, and what it comes to."""

    template: Template
    agenda: list[ItemInWords] = Field(description="The items with everything that the template leaves to Tasuki.")
    status_minutes: int = Field(description="Minutes of items in which people only report.")
    status_share: float = Field(description="Their share of the meeting, 0 to 1.")
    warnings: list[str] = Field(description="What speaks against it although it can be held so.")

    model_config = ConfigDict(json_schema_extra={"examples": [DESCRIBED]})


class TemplateVersion(TemplateShown):
    """A version of a template; past meetings keep the one that they were held by."""

    key: str
    version: int
    created_at: datetime
    by: str

    model_config = ConfigDict(json_schema_extra={"examples": [VERSION]})


class TemplateVersions(TemplateVersion):
    """The newest version, and all there were."""

    used_by: list[str] = Field(description="Keys of the meeting series that are held by it.")
    versions: list[TemplateVersion] = Field(description="The newest first.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [VERSION | {"used_by": ["default"], "versions": [VERSION]}]}
    )


@router.get("", operation_id="list_agenda_templates", dependencies=[reads])
def list_templates(state: Here, request: Request, _: Annotated[Nothing, Query()]) -> Listing[TemplateVersion]:
    """The newest version of each of the company's own templates."""
    locale = locale_of(request)
    with state.database.read() as c:
        return Listing(items=[TemplateVersion(**_version(each, locale)) for each in templates.all_templates(c)])


@router.get("/built-in/{minutes}", operation_id="get_built_in_template", dependencies=[reads])
def get_built_in(minutes: Minutes, request: Request, _: Annotated[Nothing, Query()]) -> TemplateShown:
    """What comes with Tasuki for a meeting of that length, to begin one's own with."""
    locale = locale_of(request)
    found = built_in(minutes)
    return TemplateShown(**_described(found.model_copy(update={"name": text(locale, found.name)}), locale))


@router.get("/{key}", operation_id="get_agenda_template", dependencies=[reads])
def get_template(key: TemplateKey, state: Here, request: Request, _: Annotated[Nothing, Query()]) -> TemplateVersions:
    """The newest version of a template, and all there were."""
    return _all(state, key, locale_of(request))


@router.put("/{key}", operation_id="set_agenda_template")
def set_template(
    key: TemplateKey, body: TemplateWritten, token: Admin, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> TemplateVersions:
    """Add the template or its next version, by which the next meetings are held."""
    with state.database.write() as c:
        templates.save(c, administer.Admin(token.name, state.clock()), key, body)
    return _all(state, key, locale_of(request))


def _all(state: State, key: str, locale: str) -> TemplateVersions:
    with state.database.read() as c:
        found, users = templates.versions(c, key), templates.users(c, key)
    versions = [TemplateVersion(**_version(each, locale)) for each in found]
    return TemplateVersions(**_version(found[0], locale), used_by=[each.key for each in users], versions=versions)


def _version(stored: StoredTemplate, locale: str) -> dict[str, Any]:
    known = {"key": stored.key, "version": stored.version, "created_at": stored.created_at, "by": stored.by}
    return _described(stored.template, locale) | known


def _described(template: Template, locale: str) -> dict[str, Any]:
    return {
        "template": template,
        "agenda": [_in_words(item, locale) for item in template.items],
        "status_minutes": template.status_minutes,
        "status_share": round(template.status_share, 3),
        "warnings": [text(locale, said) for said in warnings(template)],
    }


def _in_words(item: Item, locale: str) -> ItemInWords:
    return ItemInWords(
        block=item.block,
        minutes=item.minutes,
        title=title_of(item, locale),
        owner=owner_of(item),
        owner_in_words=text(locale, ROLE_NAMES[owner_of(item)]),
        question=question_of(item, locale),
    )
