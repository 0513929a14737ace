"""A certified OpenID provider in a process of its own, and a Tasuki that trusts it. What is missing is said loudly."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.web import listening

HERE = Path(__file__).parent
SECRET = "a secret/with+signs"


def missing() -> str:
    if shutil.which("node") is None:
        return "NO NODE: install Node.js 20 or newer"
    if not (HERE / "node_modules" / "oidc-provider").exists():
        return "NO PROVIDER: run `npm ci` in tests/openid"
    return ""


class Issuer:
    """A provider at one address; started again, it has other keys."""

    def __init__(self, redirect: str, told: str) -> None:
        with listening("127.0.0.1", 0, "test") as found:
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.redirect, self.told = redirect, told
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = ["node", "provider.mjs", str(self.port), self.redirect, self.told]
        self.process = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout
        assert self.process.stdout.readline() == "listening\n"

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.communicate(timeout=10)


@pytest.fixture(params=["userinfo", "id_token"])
def issuer(request: pytest.FixtureRequest) -> Iterator[Issuer]:
    if why := missing():
        pytest.skip(why)
    opened = Issuer("https://tasuki.example.com/sign-in/provider/return", request.param)
    opened.start()
    yield opened
    opened.stop()
