"""Which part of the work list somebody looks at, as its address says it; what makes no sense is not asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from app.domain.bands import Section
from app.flows.queue import Wanted

#: For `?owner=`: nobody.
NOBODY = "none"
#: Characters of what was asked for; ids and names are shorter.
LONGEST = 200
PAGE = re.compile(r"[1-9][0-9]{0,6}")


@dataclass(frozen=True, slots=True)
class Asked:
    #: None: the beginning of all of them.
    band: Section | None = None
    page: int = 1
    owner: str = ""
    team: str = ""
    policy: str = ""
    q: str = ""

    @property
    def narrowed(self) -> bool:
        return any((self.owner, self.team, self.policy, self.q))

    @property
    def wanted(self) -> Wanted:
        nobody = self.owner == NOBODY
        owner = None if nobody else self.owner or None
        return Wanted(owner, nobody, self.team or None, self.policy or None, self.q)

    def query(self, **changed: str) -> dict[str, str]:
        """The address's query; `changed` with an empty value leaves out."""
        page = str(self.page) if self.page > 1 else ""
        said = {"band": self.band or "", "page": page, "owner": self.owner, "team": self.team}
        said |= {"policy": self.policy, "q": self.q} | changed
        return {name: value for name, value in said.items() if value}

    @property
    def written(self) -> str:
        """For a form that comes back to this place; never empty, because forms lose empty fields."""
        return f"?{urlencode(self.query())}"


def asked(pairs: Iterable[tuple[str, str]]) -> Asked:
    given = dict(pairs)
    band, page = given.get("band", ""), given.get("page", "")
    return Asked(
        band=Section(band) if band in set(Section) else None,
        page=int(page) if PAGE.fullmatch(page) else 1,
        **{name: _word(given, name) for name in ("owner", "team", "policy", "q")},
    )


def asked_again(written: str) -> Asked:
    """What `Asked.written` said."""
    return asked(parse_qsl(written.removeprefix("?")))


def _word(given: Mapping[str, str], name: str) -> str:
    return given.get(name, "").replace("\x00", "").strip()[:LONGEST]
