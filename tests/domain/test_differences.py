"""What differs between two documents, leaf by leaf."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.differences import Difference, differences


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("/a", 1, 2)]),
        ({"a": 1}, {}, [("/a", 1, None)]),
        ({}, {"a": {"b": 1}}, [("/a", None, {"b": 1})]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, [("/a/b", 1, 3)]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("/a/1", 2, 3)]),
        ({"a": [1, 2]}, {"a": [1]}, [("/a", [1, 2], [1])]),
        ({"a/b~": 1}, {"a/b~": 2}, [("/a~1b~0", 1, 2)]),
        ({"a": None}, {}, []),
        (1, 2, [("", 1, 2)]),
    ],
)
def test_differences(before: Any, after: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert list(differences(before, after)) == [Difference(*each) for each in found]
