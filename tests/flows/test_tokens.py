"""Tokens: shown once, kept as a hash, worth what their scopes say."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.domain.refusals import Refused
from app.flows import tokens
from app.flows.tokens import NoSuchToken
from app.models import ApiToken
from tests.conftest import FRIDAY


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], {"read"}),
        (["write"], {"read", "write"}),
        (["admin"], {"read", "write", "admin"}),
        (["read", "write"], {"read", "write"}),
    ],
)
def test_scopes_hold_lesser_ones(database, scopes, allowed) -> None:
    with database.write() as c:
        secret = tokens.create(c, " 基幹連携 ", scopes, FRIDAY)
    with database.read() as c:
        found = tokens.find(c, secret)
        (listed,) = tokens.listed(c)
    assert found == listed
    assert (found.name, found.scopes) == ("基幹連携", allowed)


def test_only_a_hash_is_kept(database) -> None:
    with database.write() as c:
        secret, other = (tokens.create(c, "a", ["read"], FRIDAY) for _ in range(2))
        rows = c.execute(select(ApiToken.__table__)).all()
    assert secret.startswith("tsk_")
    assert len(secret) == 4 + 43
    assert secret != other
    assert secret[4:] not in str(rows)
    assert len(rows[0].hash) == 64


def test_a_revoked_token_opens_nothing(database) -> None:
    with database.write() as c:
        kept, gone = (tokens.create(c, name, ["read"], FRIDAY) for name in ("kept", "gone"))
        tokens.revoke(c, 2, FRIDAY)
        assert tokens.find(c, gone) is None
        assert tokens.find(c, kept) is not None
        assert [token.revoked_at for token in tokens.listed(c)] == [None, FRIDAY]
        for unknown in ("", "tsk_", "\ud800", kept[:-1]):
            assert tokens.find(c, unknown) is None
        with pytest.raises(NoSuchToken):
            tokens.revoke(c, 3, FRIDAY)


@pytest.mark.parametrize(
    ("name", "scopes", "place"),
    [
        ("", ["read"], "/name"),
        ("a\nb", ["read"], "/name"),
        ("a" * 101, ["read"], "/name"),
        ("a", [], "/scopes"),
        ("a", ["root"], "/scopes"),
    ],
)
def test_nonsense_is_refused(database, name, scopes, place) -> None:
    with database.write() as c, pytest.raises(Refused) as why:
        tokens.create(c, name, scopes, FRIDAY)
    assert [refusal.place for refusal in why.value.refusals] == [place]
