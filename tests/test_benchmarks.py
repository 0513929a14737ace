"""The benchmarks run, in a very small form; nothing is timed here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("name", "small", "said"),
    [
        ("sweep", {"BENCH_HANDOFFS": "1000"}, "8 sweepers"),
        ("kpis", {"BENCH_LEADS": "300"}, "PostgreSQL: funnel of"),
        ("late", {"BENCH_HANDOFFS": "100"}, "PostgreSQL: 100 judged again"),
    ],
)
def test_runs(name: str, small: dict[str, str], said: str) -> None:
    command, root = [sys.executable, "-m", f"benchmarks.{name}"], Path(__file__).parents[1]
    ran = subprocess.run(command, env=os.environ | small, cwd=root, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert said in ran.stdout
