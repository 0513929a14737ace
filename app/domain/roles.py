"""Who may do what: a role has rights, and everything that people see or do needs one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    REP = "rep"
    MANAGER = "manager"
    MARKETER = "marketer"
    ADMIN = "admin"
    EXECUTIVE = "executive"


class Right(StrEnum):
    #: Aggregates and agreements: no lead, nobody's work.
    SEE_FIGURES = "see_figures"
    #: Personal data: leads, handoffs, briefs, meetings with what was said in them.
    SEE_LEADS = "see_leads"
    #: Follow-ups, acknowledging, rejecting, rating a brief, joining and splitting leads.
    WORK_LEADS = "work_leads"
    #: Owners, absences, bursts.
    ASSIGN = "assign"
    #: Writing in meetings and action items.
    HOLD_MEETINGS = "hold_meetings"
    #: Policies, proposals, process rules, KPI definitions, the meeting's days and templates.
    AGREE = "agree"
    #: Spend, visits, contents, channels.
    MARKETING = "marketing"
    #: Sources, tokens, users, calendars, imports, deliveries, the audit log.
    ADMINISTER = "administer"


_SALES = frozenset({Right.SEE_FIGURES, Right.SEE_LEADS, Right.WORK_LEADS, Right.HOLD_MEETINGS})
#: Role → rights. Executives see aggregates and no personal data.
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.REP: _SALES,
    Role.MANAGER: _SALES | {Right.ASSIGN, Right.AGREE},
    Role.MARKETER: frozenset({Right.SEE_FIGURES, Right.SEE_LEADS, Right.HOLD_MEETINGS, Right.AGREE, Right.MARKETING}),
    Role.ADMIN: frozenset(Right),
    Role.EXECUTIVE: frozenset({Right.SEE_FIGURES}),
}
#: Role → its name, a message id.
ROLE_NAMES = {
    Role.REP: "Sales rep",
    Role.MANAGER: "Sales manager",
    Role.MARKETER: "Marketer",
    Role.ADMIN: "Administrator",
    Role.EXECUTIVE: "Executive",
}
#: Right → what it allows, a message id.
RIGHT_NAMES = {
    Right.SEE_FIGURES: "see figures and agreements",
    Right.SEE_LEADS: "see leads and what was said about them",
    Right.WORK_LEADS: "work on leads",
    Right.ASSIGN: "assign owners and handle absences",
    Right.HOLD_MEETINGS: "write in meetings and action items",
    Right.AGREE: "change the SLA and other agreements",
    Right.MARKETING: "maintain spend, visits, content and channels",
    Right.ADMINISTER: "administer Tasuki",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who signed in."""

    #: 0: the built-in visitor of open pages, who has no account.
    id: int
    email: str
    name: str
    role: Role
    team: str | None
    #: The language that the visitor chose; None: as the browser asks.
    locale: str | None

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS[self.role]

    @property
    def by(self) -> str:
        """As the audit log names the visitor: names are not unique, addresses are."""
        return self.email or self.name

    def may(self, right: Right | str) -> bool:
        return right in self.rights
