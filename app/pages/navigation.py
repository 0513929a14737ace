"""What stands in the head of every page: the few places that people go to."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.roles import Right


@dataclass(frozen=True, slots=True)
class Place:
    path: str
    #: Message id.
    word: str
    #: Pages whose path begins with one of these belong to the place too.
    holds: tuple[str, ...] = ()
    #: Who finds something there.
    right: Right = Right.SEE_FIGURES

    def here(self, path: str) -> bool:
        return path == self.path or any(path == start or path.startswith(start + "/") for start in self._starts())

    def _starts(self) -> tuple[str, ...]:
        return self.holds if self.path == "/" else (self.path, *self.holds)


PLACES = (
    Place("/", "Today"),
    Place("/queue", "Queue", ("/leads",), Right.SEE_LEADS),
    Place("/handoffs", "Handoffs", right=Right.SEE_LEADS),
    Place("/meetings", "Meetings", ("/actions",), Right.SEE_LEADS),
    Place("/kpi", "KPI", ("/channels",)),
    Place("/sla", "SLA", ("/calendars",)),
    Place("/quality", "Data quality"),
    Place("/settings", "Settings", ("/setup", "/sources", "/deliveries", "/users", "/tokens"), Right.ADMINISTER),
)
