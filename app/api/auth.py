"""Who calls: `Authorization: Bearer …`, and what the token allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

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
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(scheme)] = None
) -> Token:
    """The caller's token. Raises Problem 401."""
    if given is None:
        raise _unknown("Bearer")
    with request.app.state.tasuki.database.read() as c:
        token = tokens.find(c, given.credentials)
    if token is None:
        raise _unknown('Bearer error="invalid_token"')
    return token


def _unknown(challenge: str) -> Problem:
    return Problem(401, "not_signed_in", headers={"WWW-Authenticate": challenge})


def needs(scope: Scope) -> Callable[[Token], Token]:
    """A dependency: the caller's token, if it has the scope. Raises Problem 401 or 403."""

    def allowed(token: Annotated[Token, Depends(caller)]) -> Token:
        if scope not in token.scopes:
            raise Problem(
                403,
                "not_allowed",
                "The token {name} lacks the scope {scope}.",
                values={"name": token.name, "scope": scope.value},
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope.value}"'},
            )
        return token

    return allowed


Reader = Annotated[Token, Depends(needs(Scope.READ))]
Writer = Annotated[Token, Depends(needs(Scope.WRITE))]
Admin = Annotated[Token, Depends(needs(Scope.ADMIN))]
reads, writes, administers = (Depends(needs(scope)) for scope in Scope)
