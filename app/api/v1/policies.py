"""Policies: the SLA, version by version."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import AfterValidator, ConfigDict, Field, Strict

from app.api.auth import Admin, needs, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.schemas import Asked, Moment, Nothing, Shown, Written, storable
from app.api.v1 import previews
from app.api.v1.previews import Difference, Preview
from app.domain.differences import differences
from app.domain.policy import Policy
from app.domain.roles import Right
from app.domain.rules import explain_rule
from app.flows import lists, policies, publish
from app.flows.lists import PolicyEntry

router = noun("/policies", "Policies", sees=Right.SEE_FIGURES, changes=Right.AGREE)

PolicyKey = Annotated[str, Path(max_length=64, description="The policy's key.", examples=["mql"])]
Number = Annotated[int, Path(ge=1, le=10**6, description="The version.", examples=[3])]
DOCUMENT: dict[str, Any] = {
    "key": "mql",
    "name": "MQL 9営業時間",
    "rule": {"all": [{"score": {"at_least": 80}}, {"count": {"activity": "download", "at_least": 3}}]},
    "clock": "business_hours",
    "target": 9,
    "calendar": "default",
    "warn_when_left": 0.25,
    "alerts": [{"channel": "slack", "to": "default", "on": ["at_risk", "breached", "withdrawn"]}],
}
EXAMPLE: dict[str, Any] = {
    "key": "mql",
    "version": 3,
    "calendar_version": 2,
    "effective_from": "2026-10-05T00:00:00Z",
    "created_at": "2026-09-25T02:10:00Z",
    "created_by": "revops",
    "note": "会議 #18 の決定 D1",
    "rule_ja": "スコアが80以上 かつ 資料ダウンロードが3回以上",
    "rule_en": "score of 80 or more and 3 or more downloads",
    "policy": DOCUMENT,
}


class PolicyVersion(Shown):
    """A version of a policy, and how it came about."""

    key: str
    version: int
    calendar_version: int = Field(description="The version of its calendar that its deadlines are computed with.")
    effective_from: datetime | None = Field(description="null: since ever.")
    created_at: datetime
    created_by: str
    note: str
    rule_ja: str
    rule_en: str
    policy: Policy

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class AppliedPolicy(PolicyVersion):
    """The version that now is the newest, and what became of the clocks that ran."""

    new: bool = Field(description="false: the newest version says the same, and none was made.")
    moved: int = Field(description="Deadlines that changed; the audit log names them.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"new": True, "moved": 0}]})


class Publication(Written):
    """The next version of a policy."""

    policy: Policy
    effective_from: Moment | None = Field(None, description="From now on at the earliest; left out: now.")
    note: Annotated[str, Field(max_length=2000), AfterValidator(storable)] = Field(
        "", description="Why, for whoever reads the versions later."
    )
    migrate_open: Annotated[bool, Strict()] = Field(
        False, description="Move the clocks that run to this version. What is overdue or met stays as it is."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "policy": DOCUMENT,
                    "effective_from": "2099-10-05T09:00:00+09:00",
                    "note": "会議 #18 の決定 D1",
                }
            ]
        }
    )


class DiffAsked(Asked):
    before: Annotated[int, Field(ge=1, le=10**6)] = Field(alias="from", description="The one version.", examples=[2])
    after: Annotated[int, Field(ge=1, le=10**6)] = Field(alias="to", description="The other.", examples=[3])


class Diff(Shown):
    """What differs between two versions of a policy."""

    key: str
    before: int = Field(alias="from")
    after: int = Field(alias="to")
    calendar_version_from: int
    calendar_version_to: int
    differences: list[Difference]

    model_config = ConfigDict(
        validate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "key": "mql",
                    "from": 2,
                    "to": 3,
                    "calendar_version_from": 1,
                    "calendar_version_to": 2,
                    "differences": [
                        {"pointer": "/clock", "before": "elapsed", "after": "business_hours"},
                        {"pointer": "/target", "before": 24, "after": 9},
                    ],
                }
            ]
        },
    )


@router.get("", operation_id="list_policies", dependencies=[reads])
def list_policies(state: Here, _: Annotated[Nothing, Query()]) -> Listing[PolicyVersion]:
    """The newest version of every policy."""
    with state.database.read() as c:
        newest = {entry.version.policy.key: entry for entry in lists.policy_versions(c, state.versions.read(c))}
    return Listing(items=[_shown(entry) for entry in newest.values()])


@router.post(
    "",
    operation_id="apply_policy",
    status_code=201,
    responses={200: {"model": AppliedPolicy, "description": "The newest version says the same."}},
)
def apply_policy(
    body: Publication, token: Admin, state: Here, response: Response, _: Annotated[Nothing, Query()]
) -> AppliedPolicy:
    """Add the policy's next version, on the newest version of its calendar.

    Handoffs that run keep the version they started under, unless `migrate_open`.
    """
    published = publish.policy(
        state.database,
        state.versions,
        body.policy,
        by=token.name,
        now=state.clock(),
        effective_from=body.effective_from,
        note=body.note,
        migrate_open=body.migrate_open,
    )
    response.headers["Location"] = f"/v1/policies/{body.policy.key}/versions/{published.version}"
    response.status_code = 201 if published.new else 200
    with state.database.read() as c:
        entry = lists.policy_version(c, state.versions.read(c), body.policy.key, published.version)
    return AppliedPolicy(**dict(_shown(entry)), new=published.new, moved=len(published.moves))


@router.post("/preview", operation_id="preview_policy", dependencies=[needs(Right.SEE_LEADS), reads])
def preview_policy(body: Publication, state: Here, _: Annotated[Nothing, Query()]) -> Preview:
    """What applying it would change: the document, deadlines of new leads, and those that `migrate_open` moves.

    Nothing is written.
    """
    now, start = state.clock(), body.effective_from
    with state.database.read() as c:
        return previews.shown(
            publish.preview_policy(c, body.policy, now=now, effective_from=start, migrate_open=body.migrate_open)
        )


@router.get("/{key}", operation_id="list_policy_versions", dependencies=[reads])
def list_policy_versions(key: PolicyKey, state: Here, _: Annotated[Nothing, Query()]) -> Listing[PolicyVersion]:
    """All versions of one policy, the oldest first."""
    with state.database.read() as c:
        entries = lists.policy_versions(c, state.versions.read(c), key)
    if not entries:
        raise lists.NoSuchPolicy(key)
    return Listing(items=[_shown(entry) for entry in entries])


@router.get("/{key}/versions/{number}", operation_id="get_policy_version", dependencies=[reads])
def get_policy_version(key: PolicyKey, number: Number, state: Here, _: Annotated[Nothing, Query()]) -> PolicyVersion:
    """One version of a policy."""
    with state.database.read() as c:
        return _shown(lists.policy_version(c, state.versions.read(c), key, number))


@router.get("/{key}/diff", operation_id="diff_policy_versions", dependencies=[reads])
def diff_policy_versions(key: PolicyKey, asked: Annotated[DiffAsked, Query()], state: Here) -> Diff:
    """What differs between two versions."""
    with state.database.read() as c:
        known = state.versions.read(c)
        old, new = (lists.policy_version(c, known, key, number).version for number in (asked.before, asked.after))
    return Diff(
        key=key,
        before=old.version,
        after=new.version,
        calendar_version_from=old.calendar_version,
        calendar_version_to=new.calendar_version,
        differences=previews.differences_shown(
            differences(policies.document_of(old.policy), policies.document_of(new.policy))
        ),
    )


def _shown(entry: PolicyEntry) -> PolicyVersion:
    version = entry.version
    return PolicyVersion(
        key=version.policy.key,
        version=version.version,
        calendar_version=version.calendar_version,
        effective_from=version.effective_from,
        created_at=entry.created_at,
        created_by=entry.created_by,
        note=entry.note,
        rule_ja=explain_rule(version.policy.rule, "ja"),
        rule_en=explain_rule(version.policy.rule, "en"),
        policy=version.policy,
    )
