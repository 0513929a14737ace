"""Users, passwords, sessions, one-time links and counted attempts, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, insert, select

from app.domain.passwords import check
from app.domain.refusals import Refused
from app.flows import links, passwords, sessions, sign_in, users
from app.flows.administer import Admin
from app.flows.sign_in import Attempt, Wait, Wrong, network
from app.models import AuditEntry, SignInAttempt, UserSession
from app.models import User as UserRow
from tests.conftest import FRIDAY

H, M = timedelta(hours=1), timedelta(minutes=1)
PASSWORD = "correct horse battery"


class Counted(PasswordHasher):
    """Fast, and counts what it verifies."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"time_cost": 1, "memory_cost": 64, "parallelism": 1} | more)
        self.verified = 0

    def verify(self, *given: Any) -> Any:
        self.verified += 1
        return super().verify(*given)


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(passwords, "HASHER", counted)
    return counted


def add(database: Any, email: str = "mai@example.jp", role: str = "rep", password: str | None = PASSWORD) -> int:
    by = Admin("cli:test", FRIDAY)
    with database.write() as c:
        made = users.create(c, by, email=email, name="田中 舞", role=role)
        if password:
            users.set_password(c, by, made.id, passwords.hashed(password))
    return made.id


def enter(
    database: Any, password: str = PASSWORD, *, email: str = "mai@example.jp", at: Any = FRIDAY, **more: str
) -> str:
    address = more.get("address", "192.0.2.1")
    return sign_in.run(database, Attempt(email, password, address, more.get("agent", "Browser")), at)


def known(database: Any, token: str, at: Any) -> Any:
    with database.read() as c:
        return sessions.find(c, token, at)


# --- signing in


def test_the_right_password_begins_a_session(database) -> None:
    number = add(database)
    session = known(database, enter(database, email=" Mai@Example.JP "), FRIDAY)
    assert (session.visitor.id, session.visitor.name, session.visitor.role) == (number, "田中 舞", "rep")
    with database.read() as c:
        stored = c.execute(select(UserRow.password_hash)).scalar_one()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


@pytest.mark.parametrize("who", ["nobody", "invited", "disabled", "wrong", "strange"])
def test_nobody_learns_which_accounts_exist(database, hasher, who) -> None:
    """The same answer after the same work."""
    number = add(database, password=None if who == "invited" else PASSWORD)
    add(database, "boss@example.jp", "admin")
    if who == "disabled":
        with database.write() as c:
            users.disable(c, Admin("x", FRIDAY), number)
    email = {"nobody": "no@example.jp", "strange": "\x00mai@example.jp"}.get(who, "mai@example.jp")
    hasher.verified = 0
    with pytest.raises(Wrong):
        enter(database, "wrong" if who == "wrong" else PASSWORD, email=email)
    assert hasher.verified == 1


def test_a_hash_with_old_parameters_is_made_anew(database, monkeypatch) -> None:
    add(database)
    monkeypatch.setattr(passwords, "HASHER", Counted(time_cost=2))
    enter(database)
    with database.read() as c:
        assert ",t=2," in c.execute(select(UserRow.password_hash)).scalar_one()
    assert enter(database, at=FRIDAY + M)


@pytest.mark.parametrize("email", ["mai@example.jp", "nobody@example.jp"])
def test_five_failures_with_a_login_make_it_wait(database, email) -> None:
    add(database)
    for n in range(5):
        with pytest.raises(Wrong):
            enter(database, "wrong", email=email, at=FRIDAY + n * M, address=f"192.0.2.{n}")
    for _ in range(3):  # asking again does not make it longer
        with pytest.raises(Wait) as why:
            enter(database, email=email, at=FRIDAY + 10 * M, address="192.0.2.9")
        assert why.value.until == FRIDAY + 15 * M
    if email.startswith("mai"):
        assert enter(database, at=FRIDAY + 15 * M)


def test_success_forgets_the_failures_of_the_login(database) -> None:
    add(database)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Wrong):
                enter(database, "wrong")
        enter(database)


def test_twenty_failures_from_one_address_make_it_wait(database) -> None:
    add(database)
    for n in range(20):
        with pytest.raises(Wrong):
            enter(database, "wrong", email=f"{n}@example.jp", address=f"2001:db8::{n + 1:x}")
    with pytest.raises(Wait):
        enter(database, address="2001:db8::ffff")
    assert enter(database, address="2001:db8:0:1::1")


def test_many_at_once_do_not_slip_through(database) -> None:
    add(database)
    came: list[str] = []

    def attempt() -> None:
        try:
            enter(database, "wrong")
        except (Wrong, Wait) as why:
            came.append(type(why).__name__)

    crowd = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert came.count("Wrong") <= 5
    assert len(came) == 12


def test_old_attempts_are_forgotten(database) -> None:
    add(database)
    with pytest.raises(Wrong):
        enter(database, "wrong")
    with pytest.raises(Wrong):
        enter(database, "wrong", at=FRIDAY + 16 * M)
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(SignInAttempt)) == 1


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_addresses_are_counted_as_subscribers(address, counted) -> None:
    assert network(address).replace("c000:201", "192.0.2.1") == counted


# --- sessions


@pytest.mark.parametrize(
    ("seen_after", "asked_after", "open_"),
    [
        (0 * H, 12 * H - M, True),
        (0 * H, 12 * H, False),
        (11 * H, 22 * H, True),
        (30 * 24 * H - M, 30 * 24 * H - M, True),
        (30 * 24 * H - M, 30 * 24 * H, False),
    ],
)
def test_a_session_ends_idle_and_after_thirty_days(database, seen_after, asked_after, open_) -> None:
    add(database)
    token = enter(database)
    session = known(database, token, FRIDAY)
    with database.write() as c:
        sessions.seen(c, session, FRIDAY + seen_after)
    assert (known(database, token, FRIDAY + asked_after) is not None) is open_


def test_sessions_are_revoked_one_or_all_and_by_disabling(database) -> None:
    number, other = add(database), add(database, "ito@example.jp", "admin")
    add(database, "boss@example.jp", "admin")
    tokens = [enter(database, agent=f"Browser {n}\r\n") for n in range(4)]
    with database.write() as c:
        found = sessions.of_user(c, number, FRIDAY)
        assert [each.user_agent for each in found] == ["Browser 3", "Browser 2", "Browser 1", "Browser 0"]
        with pytest.raises(sessions.NoSuchSession):
            sessions.revoke(c, other, found[0].id, FRIDAY)
        sessions.revoke(c, number, found[0].id, FRIDAY)
        assert sessions.revoke_all(c, number, FRIDAY, but=found[1].id) == 2
    assert [known(database, token, FRIDAY) is not None for token in tokens] == [False, False, True, False]
    with database.write() as c:
        users.disable(c, Admin("x", FRIDAY), number)
    assert known(database, tokens[2], FRIDAY) is None
    with database.write() as c:
        users.enable(c, Admin("x", FRIDAY), number)
    assert known(database, tokens[2], FRIDAY) is None


def test_only_a_digest_of_the_token_is_kept(database) -> None:
    add(database)
    token = enter(database)
    with database.read() as c:
        row = c.execute(select(UserSession.__table__)).one()
    assert token not in str(row)
    assert known(database, row.digest, FRIDAY) is None


def test_a_new_role_counts_at_once(database) -> None:
    number = add(database)
    token = enter(database)
    with database.write() as c:
        users.change(c, Admin("x", FRIDAY), number, role="executive", team=None)
    assert known(database, token, FRIDAY).visitor.role == "executive"


# --- one-time links


def test_a_link_works_once(database) -> None:
    number = add(database, password=None)
    with database.write() as c:
        given = links.give(c, Admin("cli:test", FRIDAY), number)
    for _ in range(2):  # looking at it does not use it up
        with database.read() as c:
            assert links.find(c, given.token, FRIDAY).email == "mai@example.jp"
    with database.write() as c:
        links.choose_password(c, given.token, passwords.hashed(PASSWORD), FRIDAY)
    with database.write() as c, pytest.raises(links.NoSuchLink):
        links.choose_password(c, given.token, passwords.hashed("something else"), FRIDAY)
    assert enter(database)


def test_wrong_expired_and_overtaken_links_do_not(database) -> None:
    number = add(database, password=None)
    with database.write() as c:
        first = links.give(c, Admin("cli:test", FRIDAY), number)
        second = links.give(c, Admin("cli:test", FRIDAY), number)
    with database.read() as c:
        for token, at in ((first.token, FRIDAY), ("wrong", FRIDAY), ("", FRIDAY), (second.token, second.expires_at)):
            with pytest.raises(links.NoSuchLink):
                links.find(c, token, at)
        assert links.find(c, second.token, second.expires_at - M)


def test_a_reset_ends_all_sessions_and_lasts_a_day(database) -> None:
    number = add(database)
    token = enter(database)
    with database.write() as c:
        given = links.give(c, Admin("cli:test", FRIDAY), number)
    assert given.expires_at == FRIDAY + 24 * H
    assert known(database, token, FRIDAY)
    with database.write() as c:
        links.choose_password(c, given.token, passwords.hashed("another long one"), FRIDAY)
    assert known(database, token, FRIDAY) is None
    with pytest.raises(Wrong):
        enter(database)


# --- administering


def test_somebody_who_can_administer_stays(database) -> None:
    boss, by = add(database, "boss@example.jp", "admin"), Admin("x", FRIDAY)
    add(database, "invited@example.jp", "admin", password=None)
    deeds = (
        lambda c: users.disable(c, by, boss),
        lambda c: users.change(c, by, boss, role="rep", team=None),
    )
    for deed in deeds:
        with pytest.raises(Refused) as why, database.write() as c:
            deed(c)
        assert why.value.refusals[0].code == "last_admin"
    add(database, "second@example.jp", "admin")
    with database.write() as c:
        users.change(c, by, boss, role="rep", team=None)


def test_two_admins_cannot_leave_at_the_same_time(database) -> None:
    numbers = [add(database, f"{n}@example.jp", "admin") for n in range(2)]
    refused: list[int] = []

    def leave(number: int) -> None:
        try:
            with database.write() as c:
                users.disable(c, Admin("x", FRIDAY), number)
        except Refused:
            refused.append(number)

    leaving = [threading.Thread(target=leave, args=(number,)) for number in numbers]
    for thread in leaving:
        thread.start()
    for thread in leaving:
        thread.join()
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"email": "no address"}, "/email"),
        ({"email": "MAI@example.jp"}, "/email"),
        ({"email": "a@b\x00"}, "/email"),
        ({"name": " "}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"role": "root"}, "/role"),
        ({"team": "x" * 101}, "/team"),
    ],
)
def test_what_makes_no_user(database, given, place) -> None:
    add(database)
    wanted = {"email": "new@example.jp", "name": "新人", "role": "rep", "team": ""} | given
    with pytest.raises(Refused) as why, database.write() as c:
        users.create(c, Admin("x", FRIDAY), **wanted)
    assert [refusal.place for refusal in why.value.refusals] == [place]


def test_every_change_is_in_the_audit_log_without_secrets(database) -> None:
    number, by = add(database), Admin("boss@example.jp", FRIDAY)
    with database.write() as c:
        users.change(c, by, number, role="manager", team="東日本")
        users.change(c, by, number, role="manager", team="東日本")
        users.rename(c, by, number, name="田中", locale="en")
        given = links.give(c, by, number)
        users.disable(c, by, number)
        users.disable(c, by, number)
        users.enable(c, by, number)
        users.revoke_sessions(c, by, number)
        entries = c.execute(select(AuditEntry.__table__).order_by(AuditEntry.id)).all()
    assert [entry.action.removeprefix("user.") for entry in entries] == [
        "created", "password_set", "changed", "changed", "link_made", "disabled", "enabled", "sessions_revoked",
    ]  # fmt: skip
    assert entries[2].before == {"role": "rep", "team": None}
    assert entries[2].after == {"role": "manager", "team": "東日本"}
    assert given.token not in str(entries)
    assert "argon2" not in str(entries)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("elevenchars", "too_short"),
        ("a" * 201, "too_long"),
        ("mai.tanaka@example.jp", "like_email"),
        ("MAI.TANAKA@EXAMPLE.JP", "like_email"),
        ("Password1234", "common"),
        ("123456789012", "common"),
        ("qwertyuiop123", "common"),
        ("aaaaaaaaaaaaab", "common"),
        ("correct horse", None),
        ("襷を渡す人の名前は誰ですか", None),
    ],
)
def test_which_passwords_are_taken(password, code) -> None:
    try:
        check(password, "mai.tanaka@example.jp")
        came = None
    except Refused as why:
        came = why.refusals[0].code
    assert came == code


def test_an_old_session_row_is_swept(database) -> None:
    number = add(database)
    old = FRIDAY - timedelta(days=90)
    row = {"digest": "x", "user_id": number, "created_at": old, "seen_at": old, "expires_at": old, "user_agent": ""}
    with database.write() as c:
        c.execute(insert(UserSession).values(row))
    enter(database)
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(UserSession)) == 1
