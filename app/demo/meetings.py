"""Hold the invented company's meetings in the played time, through the same flows as a real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from app.demo.talks import ATTENDEES, REVOPS, SALES, TALKS, Answer, Change, Talk, Task
from app.domain.action import Promise, StepKind
from app.domain.calendar import Weekday
from app.domain.policy import BEGINNING
from app.domain.run import Entry, Presence, ReviewOutcome, Said
from app.domain.series import Meeting, Series
from app.domain.series import meetings as planned
from app.domain.template import Block
from app.flows import actions, funnel, meetings, preparation, record, reviews, sitting
from app.flows.actions import Origin, Person
from app.flows.meetings import DEFAULT
from app.flows.reviews import Wish
from app.pages import papers
from app.state import State

MINUTE = timedelta(minutes=1)
POLICY = "mql"


@dataclass(slots=True)
class Meetings:
    """The series, and the action items that it made so far."""

    state: State
    series: Series
    numbers: dict[Task, int] = field(default_factory=dict)
    #: Those that are played and a few after them, for what is due then.
    dates: Sequence[Meeting] = ()
    held: int = 0

    def plan(self, now: datetime) -> None:
        with self.state.database.write() as c:
            meetings.set_series(c, DEFAULT, self.series, "default", now)
            stored = meetings.read_series(c, DEFAULT)
        self.dates = planned(stored.series, stored.calendar, now, len(TALKS) + 3)

    def turn(self, moment: datetime) -> None:
        """What happens by itself, and the meeting if it begins by then."""
        while funnel.catch_up(self.state.database):
            pass
        preparation.turn(self.state.database, self.state.settings, papers, moment)
        if self.held < len(TALKS) and self.dates[self.held].start <= moment:
            Sitting(self, self.held, TALKS[self.held]).hold()
            self.held += 1

    def day(self, place: int) -> date:
        """Of the meeting at that place, from 0."""
        return self.dates[place].start.astimezone(self.series.zone).date()


def series(first: date) -> Series:
    return Series(
        name="営業×マーケ連携会議",
        weekday=Weekday.THU,
        time="10:00",
        minutes=75,
        every_weeks=2,
        first=first,
        room="会議室A",
        attendees=ATTENDEES,
    )


@dataclass(slots=True)
class Sitting:
    """One meeting while it is held."""

    whole: Meetings
    place: int
    talk: Talk
    now: datetime = BEGINNING

    @property
    def number(self) -> int:
        return self.whole.dates[self.place].number

    def hold(self) -> None:
        state, self.now = self.whole.state, self.whole.dates[self.place].start
        preparation.ready(state.database, state.settings, papers, DEFAULT, self.number, self.now)
        self._say(Said.STARTED, item=1)
        for who in self.talk.absent:
            self._say(Said.ATTENDANCE, email=_address(who), presence=Presence.ABSENT.value)
        with state.database.read() as c:
            items = record.read(c, DEFAULT, self.number, self.now).template.items
        slower = 1 + self.talk.overrun / self.whole.series.minutes
        for number, box in enumerate(items, 1):
            if number > 1:
                self._say(Said.VISITED, item=number)
            self._item(number, box.block)
            self.now += box.minutes * slower * MINUTE
        self._end()

    def _item(self, number: int, block: Block) -> None:
        if block is Block.ACTIONS:
            for answer in self.talk.answers:
                self._answer(answer)
        if words := self.talk.notes.get(block):
            self._say(Said.NOTE, words, item=number)
        for decided in (words for about, words in self.talk.decisions if about is block):
            outcome = {"sla": self.talk.sla} if block is Block.SLA_REVIEW else {}
            self._say(Said.DECISION, decided, item=number, **outcome)
        if block is Block.SLA_REVIEW and block not in dict(self.talk.decisions):
            self._review(number)
        if block is Block.DECISIONS:
            self._tasks(number)

    def _review(self, number: int) -> None:
        if self.talk.change is None:
            self._say(Said.DECISION, "SLAは現状のまま続ける", item=number, sla=ReviewOutcome.KEEP.value)
        else:
            self._change(number, self.talk.change)

    def _change(self, number: int, change: Change) -> None:
        state, held = self.whole.state, self.whole.day(self.place)
        monday = held + timedelta(days=7 - held.weekday())
        wish = Wish(POLICY, change.fields, monday, self.whole.day(self.place + change.review_after))
        said = Entry(0, BEGINNING, "", Said.DECISION, number, "期限を24時間から1営業日に変える", {"sla": self.talk.sla})
        with state.database.write() as c:
            _, proposal = sitting.decide(c, self._person(), DEFAULT, self.number, said, wish)
        self.now += MINUTE
        reviews.adopt(state.database, state.versions, proposal, self.whole.series.zone, by=SALES, now=self.now)

    def _tasks(self, number: int) -> None:
        if self.talk.parked:
            self._say(Said.PARKED, self.talk.parked, item=number)
        for task in self.talk.tasks:
            due = self.whole.day(self.place + task.after)
            promise = Promise(task.owner, due, task.text, task.done_when)
            with self.whole.state.database.write() as c:
                made = actions.add(c, self._person(), promise, Origin(DEFAULT, self.number), _address(task.owner))
            self.whole.numbers[task] = made.id

    def _answer(self, answer: Answer) -> None:
        number, person = self.whole.numbers[answer.task], self._person(answer.task.owner)
        with self.whole.state.database.write() as c:
            match answer.how:
                case "carry":
                    actions.carry(c, person, number, answer.said, self.whole.day(self.place + 1))
                case "drop":
                    actions.close(c, person, number, StepKind.DROPPED, answer.said)
                case _:
                    actions.close(c, person, number, StepKind.DONE, answer.said)

    def _end(self) -> None:
        for who, (rating, better) in self.talk.ratings.items():
            self._say(Said.RATED, better, by=who, rating=rating)
        state = self.whole.state
        preparation.close(state.database, state.settings, papers, self._person(), DEFAULT, self.number, "")

    def _say(self, kind: Said, words: str = "", *, item: int | None = None, by: str = REVOPS, **data: Any) -> None:
        with self.whole.state.database.write() as c:
            record.say(c, self._person(by), DEFAULT, self.number, Entry(0, BEGINNING, "", kind, item, words, data))

    def _person(self, name: str = REVOPS) -> Person:
        return Person(name, self.now, self.now.astimezone(self.whole.series.zone).date())


def _address(name: str) -> str:
    return next(each.email for each in ATTENDEES if each.name == name)
