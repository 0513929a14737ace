"""`tasuki` as a person calls it: in a folder of its own, with a database of its own, in English."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner, Result

from app.cli import app
from app.settings import read_settings
from app.state import State, open_state

#: The console script beside the interpreter that runs the tests.
SCRIPT = Path(sys.executable).with_name("tasuki")


class Tasuki:
    """Runs commands. Every run must end without a traceback."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env

    def __call__(self, *words: str, stdin: str | None = None, exits: int = 0, **env: str) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=self.env | env)
        assert result.exit_code == exits, result.output
        assert "Traceback" not in result.output
        return result

    def json(self, *words: str, **more: Any) -> Any:
        return json.loads(self(*words, "--json", **more).stdout)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """A real process."""
        return subprocess.Popen(
            [SCRIPT, *words],
            cwd=self.folder,
            env={**clean_environment(), **self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, exits: int = 0, **env: str) -> str:
        """A real process to its end; everything it wrote."""
        process = self.start(*words, **env)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        assert process.returncode == exits, out + err
        return out + err


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TASUKI_")}


@pytest.fixture
def tasuki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path) -> Tasuki:
    """On SQLite, with the default SLA."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tasuki.db").write_bytes(sqlite_template.read_bytes())
    return _tasuki(tmp_path, monkeypatch, {})


@pytest.fixture
def tasuki_anywhere(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasuki:
    """Once on each kind of database."""
    return _tasuki(tmp_path, monkeypatch, {"TASUKI_DATABASE_URL": database_url})


def _tasuki(folder: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]) -> Tasuki:
    for name in [n for n in os.environ if n.startswith("TASUKI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    env = {"TASUKI_DATA_DIR": str(folder / "data"), "TASUKI_LOCALE": "en"}
    return Tasuki(folder, env | {"TASUKI_SECRET_KEY": Fernet.generate_key().decode()} | more)


@pytest.fixture
def state_of() -> Iterator[Callable[[Tasuki], State]]:
    """The process state on the database that a `tasuki` works with."""
    opened: list[State] = []

    def open_it(tasuki: Tasuki) -> State:
        given = {name.removeprefix("TASUKI_").lower(): value for name, value in tasuki.env.items()}
        opened.append(open_state(read_settings(_env_file=None, **given)))
        return opened[-1]

    yield open_it
    for state in opened:
        state.close()


@pytest.fixture
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


Started = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts a command and waits until it says that it runs: the process, and what it said. None outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def start(tasuki: Tasuki, *words: str, **env: str) -> tuple[subprocess.Popen[str], str]:
        process = tasuki.start(*words, **env)
        running.append(process)
        assert process.stdout is not None
        said = ""
        while "Ctrl+C" not in said:
            line = process.stdout.readline()
            assert line, process.communicate()
            said += line
        return process, said

    yield start
    for process in running:
        process.kill()
        process.communicate()
