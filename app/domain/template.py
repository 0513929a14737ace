"""Agenda templates: the items of a meeting of 60, 75 or 90 minutes, who leads each and how long it may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from app.domain.labels import one_line
from app.domain.language import text
from app.domain.refusals import complaint


class Role(StrEnum):
    """What somebody is in the company, as far as the meeting is concerned."""

    MARKETING_LEAD = "marketing_lead"
    SALES_LEAD = "sales_lead"
    INSIDE_SALES = "inside_sales"
    REVOPS = "revops"
    EXECUTIVE = "executive"
    OTHER = "other"


class Duty(StrEnum):
    """What somebody does in the meeting besides taking part."""

    FACILITATOR = "facilitator"
    NOTE_TAKER = "note_taker"


class Block(StrEnum):
    """What an item is about, and so what Tasuki fills it with."""

    ACTIONS = "actions"
    KPI_REVIEW = "kpi_review"
    SLA_BREACHES = "sla_breaches"
    CONVERSION = "conversion"
    CONTENT_CHANNELS = "content_channels"
    BUDGET = "budget"
    DATA_QUALITY = "data_quality"
    SLA_REVIEW = "sla_review"
    DECISIONS = "decisions"
    RETROSPECTIVE = "retrospective"
    #: Whatever the company wants; nothing is filled in.
    FREE = "free"


#: Message ids.
ROLE_NAMES: Mapping[Role | Duty, str] = {
    Role.MARKETING_LEAD: "Head of marketing",
    Role.SALES_LEAD: "Head of sales",
    Role.INSIDE_SALES: "Inside sales",
    Role.REVOPS: "MA/SFA operations",
    Role.EXECUTIVE: "Executive",
    Role.OTHER: "Other",
    Duty.FACILITATOR: "Facilitator",
    Duty.NOTE_TAKER: "Note taker",
}
TITLES: Mapping[Block, str] = {
    Block.ACTIONS: "Action items of the last meeting",
    Block.KPI_REVIEW: "KPI review",
    Block.SLA_BREACHES: "SLA breaches and their causes",
    Block.CONVERSION: "MQL to SQL, and what keeps leads from becoming opportunities",
    Block.CONTENT_CHANNELS: "Customer information, content and channels",
    Block.BUDGET: "Allocation of the budget",
    Block.DATA_QUALITY: "Use of MA/SFA and data quality",
    Block.SLA_REVIEW: "Review of the hand-over criteria (SLA)",
    Block.DECISIONS: "Decisions and action items read back, rating of the meeting",
    Block.RETROSPECTIVE: "Looking back on the meeting itself",
    Block.FREE: "Item of your own",
}
QUESTIONS: Mapping[Block, str] = {
    Block.ACTIONS: "Which are not done? Why, and until when now?",
    Block.KPI_REVIEW: "Which figure missed its target, and which measure is to change?",
    Block.SLA_BREACHES: "Why was nobody there in time? What removes the cause?",
    Block.CONVERSION: "Why do leads not become opportunities? Which cause can we remove until the next meeting?",
    Block.CONTENT_CHANNELS: "What does sales need to know of a customer? Which content and which channel win deals?",
    Block.BUDGET: "Where would the next part of the budget achieve more?",
    Block.DATA_QUALITY: "Which data can we not rely on? Who puts it right until when?",
    Block.SLA_REVIEW: "Do score and deadline still fit? Keep them, change them or try others?",
    Block.DECISIONS: "Has every action item an owner, a due date and a definition of done?",
    Block.RETROSPECTIVE: "What shall we stop, start and continue in this meeting?",
    Block.FREE: "What has to be decided here?",
}
#: Who leads an item that names nobody.
OWNERS: Mapping[Block, Role | Duty] = {
    **dict.fromkeys((Block.ACTIONS, Block.DECISIONS, Block.RETROSPECTIVE, Block.FREE), Duty.FACILITATOR),
    **dict.fromkeys((Block.KPI_REVIEW, Block.CONTENT_CHANNELS, Block.BUDGET), Role.MARKETING_LEAD),
    **dict.fromkeys((Block.SLA_BREACHES, Block.CONVERSION, Block.SLA_REVIEW), Role.SALES_LEAD),
    Block.DATA_QUALITY: Role.REVOPS,
}
#: Blocks in which people report and decide nothing.
STATUS: frozenset[Block] = frozenset({Block.ACTIONS, Block.KPI_REVIEW, Block.DATA_QUALITY})

#: Of a template, and of a series.
KEY = r"[a-z0-9][a-z0-9_-]{0,63}"
Length = Literal[60, 75, 90]
LENGTHS: tuple[Length, ...] = (60, 75, 90)
#: Items that a company may write down; the retrospective comes on top.
MOST_ITEMS = 20
RETROSPECTIVE_MINUTES = 5
#: Every so many meetings look back on the meeting itself.
RETROSPECTIVE_EVERY = 4


class Item(BaseModel):
    """One item of the agenda with its time box."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    block: Block
    minutes: Annotated[int, Field(ge=1, le=60)]
    #: Empty: the block's own, in the reader's language.
    title: Annotated[str, Field(max_length=100, validate_default=True), AfterValidator(one_line)] = ""
    #: None: who usually leads that block.
    owner: Role | Duty | None = None
    #: Empty: the block's own.
    question: Annotated[str, Field(max_length=300), AfterValidator(one_line)] = ""

    @field_validator("title")
    @classmethod
    def own_items_have_a_title(cls, title: str, info: ValidationInfo) -> str:
        if not title and info.data.get("block") is Block.FREE:
            raise complaint("needed", "Give an item of your own a title.")
        return title


class Template(BaseModel):
    """The items of a meeting in their order; their time boxes fill it exactly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=100), AfterValidator(one_line), Field(min_length=1)]
    minutes: Length
    items: tuple[Item, ...]

    @field_validator("items")
    @classmethod
    def every_block_once_and_a_read_back(cls, items: tuple[Item, ...]) -> tuple[Item, ...]:
        times = Counter(item.block for item in items if item.block is not Block.FREE)
        if twice := [block for block, n in times.items() if n > 1]:
            raise complaint("twice", "`{block}` stands here twice; only `free` may.", block=twice[0].value)
        if Block.DECISIONS not in times:
            raise complaint("no_decisions", "A meeting ends by reading back what was decided: add `decisions`.")
        if len(items) - times[Block.RETROSPECTIVE] > MOST_ITEMS:
            raise complaint("too_long", "May have {max_length} entries at most.", max_length=MOST_ITEMS)
        return items

    @field_validator("items")
    @classmethod
    def boxes_fill_the_meeting(cls, items: tuple[Item, ...], info: ValidationInfo) -> tuple[Item, ...]:
        total, known = sum(item.minutes for item in items), info.data.get("minutes")
        minutes = known or LENGTHS[-1]
        if total > minutes:
            raise complaint("boxes_over", OVER, total=total, minutes=minutes, difference=total - minutes)
        if known and total < minutes:
            raise complaint("boxes_under", UNDER, total=total, minutes=minutes, difference=minutes - total)
        return items

    @property
    def status_minutes(self) -> int:
        return sum(item.minutes for item in self.items if item.block in STATUS)

    @property
    def status_share(self) -> float:
        """0 to 1."""
        return self.status_minutes / self.minutes


OVER = "The time boxes add up to {total} minutes, {difference} more than the meeting's {minutes}."
UNDER = "The time boxes add up to {total} minutes, {difference} fewer than the meeting's {minutes}."
STATUS_ONLY = (
    "More than a third of the time goes to status items; a meeting that only reports progress gets to no real "
    "discussion."
)


def warnings(template: Template) -> tuple[str, ...]:
    """What speaks against it although it can be held so; message ids."""
    return (STATUS_ONLY,) if template.status_minutes * 3 > template.minutes else ()


#: Message ids.
BUILT_IN_NAMES: Mapping[Length, str] = {
    60: "Standard agenda, 60 minutes",
    75: "Standard agenda, 75 minutes",
    90: "Standard agenda, 90 minutes",
}
#: Block → minutes in a meeting of 60, 75 and 90; 0: not in it.
BUILT_IN: Mapping[Block, tuple[int, int, int]] = {
    Block.ACTIONS: (5, 10, 10),
    Block.KPI_REVIEW: (8, 10, 10),
    Block.SLA_BREACHES: (12, 15, 20),
    Block.CONVERSION: (12, 13, 15),
    Block.CONTENT_CHANNELS: (8, 8, 10),
    Block.BUDGET: (0, 4, 5),
    Block.DATA_QUALITY: (5, 5, 5),
    Block.SLA_REVIEW: (5, 5, 10),
    Block.DECISIONS: (5, 5, 5),
}


def built_in(minutes: Length) -> Template:
    """The template of that length that comes with Tasuki; its name is a message id."""
    boxes = {block: each[LENGTHS.index(minutes)] for block, each in BUILT_IN.items()}
    items = tuple(Item(block=block, minutes=box) for block, box in boxes.items() if box)
    return Template(name=BUILT_IN_NAMES[minutes], minutes=minutes, items=items)


def title_of(item: Item, locale: str) -> str:
    return item.title or text(locale, TITLES[item.block])


def question_of(item: Item, locale: str) -> str:
    return item.question or text(locale, QUESTIONS[item.block])


def owner_of(item: Item) -> Role | Duty:
    return item.owner or OWNERS[item.block]


def with_retrospective(template: Template) -> Template:
    """The same with a look back before the decisions; the longest items that are no status give up the minutes for it,
    one by one, and others only when those are down to a minute."""
    if any(item.block is Block.RETROSPECTIVE for item in template.items):
        return template
    boxes = [item.minutes for item in template.items]
    for _ in range(RETROSPECTIVE_MINUTES):
        boxes[max(range(len(boxes)), key=lambda n: _spare(template.items[n].block, boxes[n]))] -= 1
    items = [item.model_copy(update={"minutes": box}) for item, box in zip(template.items, boxes, strict=True)]
    end = next(n for n, item in enumerate(items) if item.block is Block.DECISIONS)
    items.insert(end, Item(block=Block.RETROSPECTIVE, minutes=RETROSPECTIVE_MINUTES))
    return template.model_copy(update={"items": tuple(items)})


def for_meeting(template: Template, number: int) -> Template:
    """What meeting `number` of a series goes through."""
    return template if number % RETROSPECTIVE_EVERY else with_retrospective(template)


def _spare(block: Block, minutes: int) -> tuple[bool, bool, int]:
    """The greatest gives up the next minute."""
    return minutes > 1, block not in STATUS and block is not Block.DECISIONS, minutes
