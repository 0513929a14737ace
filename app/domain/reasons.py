"""Why sales gave a lead back: a short list, each reason with what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.contract import Outcome


class Needs(StrEnum):
    """What has to be said besides the reason."""

    AGAIN_ON = "again_on"
    DETAIL = "detail"


@dataclass(frozen=True, slots=True)
class Reason:
    outcome: Outcome
    #: For people; a message id.
    label: str
    needs: Needs | None = None


#: Rejected is before contact, disqualified after it. Texts of tools are kept as they are; these are for people who
#: decide in Tasuki.
REASONS = {
    "routing": Reason(Outcome.REJECTED, "Wrong person"),
    "incomplete": Reason(Outcome.REJECTED, "Incomplete data"),
    "out_of_definition": Reason(Outcome.REJECTED, "Does not meet the definition"),
    "duplicate": Reason(Outcome.REJECTED, "Duplicate, or a running opportunity"),
    "unreachable": Reason(Outcome.DISQUALIFIED, "Not reached after the agreed attempts"),
    "no_need": Reason(Outcome.DISQUALIFIED, "No need"),
    "timing": Reason(Outcome.DISQUALIFIED, "Too early", Needs.AGAIN_ON),
    "no_budget": Reason(Outcome.DISQUALIFIED, "No budget"),
    "no_fit": Reason(Outcome.DISQUALIFIED, "Not a fit", Needs.DETAIL),
    "competitor": Reason(Outcome.DISQUALIFIED, "Chose a competitor"),
    "invalid": Reason(Outcome.EXCLUDED, "Student, competitor, applicant or test"),
}
#: Rejected with one of these, the handoff does not count.
NOT_COUNTED = frozenset({"duplicate"})


def of(outcome: Outcome) -> list[str]:
    """The codes that may be given for this outcome; none: any text."""
    return [code for code, reason in REASONS.items() if reason.outcome is outcome]
