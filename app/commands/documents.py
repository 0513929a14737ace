"""Files that people write, YAML or JSON: read them, and name the line of a refusal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from app.domain.refusals import Refusal, Refused, refused
from app.domain.written import NotYaml, as_yaml, parsed

__all__ = ["LARGEST", "STDIN", "Document", "RefusedFile", "as_data", "as_yaml", "read_document", "value_of"]

STDIN = "-"
#: A policy, a calendar or a source's configuration is far smaller.
LARGEST = 1024 * 1024


class RefusedFile(Exception):
    """What a file says cannot be used."""

    def __init__(self, file: str, places: list[tuple[int | None, Refusal]]) -> None:
        super().__init__(file)
        self.file = file
        #: The line, where one is known, and what to mend there.
        self.places = places


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content, and on which line each part of it stands (from 1, by JSON pointer)."""

    #: Empty: it was typed into the command line.
    file: str
    data: Any
    lines: dict[str, int]

    def line_of(self, place: str) -> int | None:
        """The line of the place, or of the nearest part around it."""
        while place not in self.lines and place:
            place = place.rpartition("/")[0]
        return self.lines.get(place)

    @contextmanager
    def answerable(self) -> Iterator[None]:
        """Refusals inside the block become RefusedFile, with lines."""
        try:
            yield
        except Refused as why:
            if not self.file:
                raise
            raise RefusedFile(self.file, [(self.line_of(r.place), r) for r in why.refusals]) from None


def read_document(file: str) -> Document:
    """A YAML or JSON file; `-` is stdin. Raises RefusedFile, OSError."""
    name = "stdin" if file == STDIN else file
    try:
        written = sys.stdin.read(LARGEST + 1) if file == STDIN else _read(Path(file))
        if len(written) > LARGEST:
            raise refused("", "too_large", "The file is larger than a mebibyte.")
        return Document(name, *parsed(written))
    except NotYaml as why:
        raise RefusedFile(name, [(why.line, refused("", "syntax", why.message, **why.values).refusals[0])]) from None
    except Refused as why:
        raise RefusedFile(name, [(None, refusal) for refusal in why.refusals]) from None


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[: LARGEST + 1].decode("utf-8-sig")
    except FileNotFoundError:
        raise refused("", "no_file", "There is no such file.") from None
    except UnicodeDecodeError:
        raise refused("", "encoding", "The file must be text in UTF-8.") from None


def value_of(written: str) -> Any:
    """`62515`, `true`, `[a, b]` and `{77: Sato}` as YAML reads them; anything else is text."""
    try:
        return parsed(written)[0]
    except NotYaml:
        return written


def as_data(model: BaseModel) -> dict[str, Any]:
    """A document as people write it: without what is left empty."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
