"""Who calls: `Authorization: Bearer …`, and what the token allows."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from app.api.problems import Problem
from app.flows import tokens
from app.flows.tokens import Scope, Token

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
    """The caller's token, if it has the scopes that the endpoint wants. Raises Problem 401 or 403."""
    if given is None:
        raise _unknown("Bearer")
    with request.app.state.tasuki.database.read() as c:
        token = tokens.find(c, given.credentials)
    if token is None:
        raise _unknown('Bearer error="invalid_token"')
    for scope in wanted.scopes:
        if scope not in token.scopes:
            raise _lacking(token, scope)
    return token


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
