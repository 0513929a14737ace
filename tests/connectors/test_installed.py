"""A connector in a package outside of the tree, exactly as docs/connectors.md prints it, is found and works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

DOCS = Path(__file__).parents[2] / "docs" / "connectors.md"
SCRIPT = Path(sys.executable).with_name("tasuki")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def tasuki(tmp_path: Path) -> Any:
    """`tasuki` in an environment in which the package is installed."""
    site, data = tmp_path / "site", tmp_path / "data"
    info = site / "acme_tasuki-1.0.dist-info"
    info.mkdir(parents=True)
    data.mkdir()
    (site / "acme_tasuki.py").write_text(block("python"))
    points = re.search(r'\[project\.entry-points\."(.*?)"\]\n(.*)\n', block("toml"))
    assert points
    (info / "entry_points.txt").write_text(f"[{points[1]}]\n{points[2].replace(chr(34), '')}\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tasuki\nVersion: 1.0\n")
    known = {name: value for name, value in os.environ.items() if not name.startswith("TASUKI_")}
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"TASUKI_DATA_DIR": str(data), "TASUKI_LOCALE": "en", "TASUKI_SECRET_KEY": Fernet.generate_key().decode()}

    def run(*words: str) -> str:
        env = known | own | {"PYTHONPATH": path}
        ran = subprocess.run([SCRIPT, *words], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run


def test_it_is_connected_and_rehearsed(tasuki: Any) -> None:
    tasuki("source", "add", "acme", "acme", "-c", "score_field=engagement")
    told = json.loads(tasuki("source", "test", "acme", "--json"))
    assert [event["kind"] for event in told["events"]] == ["lead", "score"]
    assert told["events"][1]["data"] == {"score": 82}
    assert told["events"][0]["lead"] == ["acme:51", "email:yamada@example.jp"]
    fields = json.loads(tasuki("source", "schema", "acme", "--json"))["fields"]
    assert {(f["field"], f["meaning"]) for f in fields} == {
        ("name", "name"),
        ("mail", "email"),
        ("engagement", "score"),
    }
