"""The arrow of imports: connectors know nothing of the app, the domain does no I/O and reads no clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Room → what it may import of this project.
MAY_IMPORT = {
    "connectors": ("connectors",),
    "app.domain": ("app.domain", "connectors.contract"),
    "app.models": ("app.models", "app.domain", "connectors.contract"),
    "app.notify": ("app.notify",),
    "app.flows": ("app.flows", "app.domain", "app.models", "app.notify", "app.db", "app.settings", "connectors"),
}
NO_IO = {"sqlalchemy", "httpx", "fastapi", "sqlite3", "psycopg", "smtplib", "requests", "os", "socket"}
MODULES = sorted(path for top in ("app", "connectors") for path in (ROOT / top).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_imports_against_the_arrow(path: Path) -> None:
    room = next((room for room in MAY_IMPORT if within(name_of(path), room)), None)
    ours = [name for name in imports_of(path) if name.split(".")[0] in ("app", "connectors")]
    if room:
        assert [name for name in ours if not any(within(name, allowed) for allowed in MAY_IMPORT[room])] == []


@pytest.mark.parametrize("path", [p for p in MODULES if within(name_of(p), "app.domain")], ids=name_of)
def test_the_domain_is_pure(path: Path) -> None:
    assert NO_IO.isdisjoint(name.split(".")[0] for name in imports_of(path))
    assert ".now(" not in path.read_text()
    assert "utcnow" not in path.read_text()
