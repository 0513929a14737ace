"""Who calls: `Authorization: Bearer …` and what the token's scopes allow, or the cookie of somebody who signed in and
what the role's rights allow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from app.api.problems import Problem, locale_of
from app.domain.language import text
from app.domain.roles import RIGHT_NAMES, ROLE_NAMES, Right
from app.flows import tokens
from app.flows.sessions import Session
from app.flows.tokens import Scope, Token
from app.pages import session

scheme = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="tsk_…",
    description="Made by `tasuki token create`, with the scopes `read`, `write` (holds `read`) or `admin` (holds all).",
)


def caller(
    request: Request,
    wanted: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(scheme)] = None,
) -> Token:
    """The caller's token, if it has the scopes that the endpoint wants; of somebody who signed in, one that stands for
    the session. Raises Problem 401 or 403."""
    if given is None:
        return _signed_in(request)
    with request.app.state.tasuki.database.read() as c:
        token = tokens.find(c, given.credentials)
    if token is None:
        raise _unknown('Bearer error="invalid_token"')
    for scope in wanted.scopes:
        if scope not in token.scopes:
            raise _lacking(token, scope)
    return token


class Needs:
    """A dependency: the rights that people need for an endpoint's readings and for its changes. `caller` asks for them,
    and so does this where `caller` came first."""

    def __init__(self, sees: Right, changes: Right) -> None:
        self.sees, self.changes = sees, changes

    async def __call__(self, request: Request) -> None:
        request.state.right = self.sees if request.method in session.SAFE else self.changes
        demand(request, request.state.right)


def needs(right: Right) -> Any:
    """For one endpoint that needs another right than its noun; it must imply that of the noun, or stand before
    `reads` and `writes`."""
    return Depends(Needs(right, right))


def _signed_in(request: Request) -> Token:
    found = session.of(request)
    if found is None:
        raise _unknown("Bearer")
    try:
        session.check_origin(request)
    except session.FromElsewhere:
        raise Problem(403, "from_elsewhere") from None
    request.state.visitor = found.visitor
    demand(request, request.state.right)
    return _as_token(found)


def demand(request: Request, right: Right) -> None:
    """The right, if a person asks; tokens have scopes instead. Raises Problem 403."""
    visitor = session.visitor_or_none(request)
    if visitor and not visitor.may(right):
        locale = locale_of(request)
        said = {"role": text(locale, ROLE_NAMES[visitor.role]), "deed": text(locale, RIGHT_NAMES[right])}
        words = "Your role, {role}, may not {deed}. An administrator can give you another role."
        raise Problem(403, "wrong_role", words, values=said)


def _as_token(found: Session) -> Token:
    """Rights decide for people, so the scopes are all there."""
    return Token(0, found.visitor.by, frozenset(Scope), found.created_at, None)


def _unknown(challenge: str) -> Problem:
    return Problem(401, "not_signed_in", headers={"WWW-Authenticate": challenge})


def _lacking(token: Token, scope: str) -> Problem:
    return Problem(
        403,
        "not_allowed",
        "The token {name} lacks the scope {scope}.",
        values={"name": token.name, "scope": scope},
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


reads = Security(caller, scopes=[Scope.READ.value])
writes = Security(caller, scopes=[Scope.WRITE.value])
administers = Security(caller, scopes=[Scope.ADMIN.value])
Writer = Annotated[Token, writes]
Admin = Annotated[Token, administers]
