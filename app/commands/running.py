"""`tasuki meeting run`: the meeting in a terminal, on the projector if you like. One line, one thing that is said."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta

from app.commands.failures import in_words
from app.commands.held import Key, Number, number_of, person, say
from app.commands.opening import opened
from app.commands.printing import Terminal
from app.domain import action as promises
from app.domain.policy import BEGINNING
from app.domain.refusals import Refused
from app.domain.run import Entry, Said, Stage
from app.domain.template import question_of, title_of
from app.flows import actions, preparation, record
from app.flows.actions import Origin
from app.flows.meetings import DEFAULT
from app.flows.policies import newest_calendar
from app.flows.record import Record
from app.pages import papers
from app.pages.document import read as read_paper
from app.state import State

HELP = (
    "n next, p previous, 3 item 3 · text: note · d text: decision · a text: action item · k text: put off · x: nothing "
    "new · r 4 text: rating · c: close · q: leave, the meeting goes on"
)
#: What a line begins with → what it is.
KINDS = {"d": Said.DECISION, "k": Said.PARKED}


def run(number: Number = None, key: Key = DEFAULT) -> None:
    """Hold the meeting here: item by item with its timer, notes, decisions and action items."""
    with opened() as (state, terminal):
        which, now = number_of(state, key, number), state.clock()
        preparation.ready(state.database, state.settings, papers, key, which, now)
        if _read(state, key, which).run.stage is Stage.COMING:
            say(state, key, which, Entry(0, BEGINNING, "", Said.STARTED, item=1))
        terminal.say(HELP)
        table = Table(state, terminal, key, which)
        table.show()
        for line in lines():
            if not table.heard(line):
                return


def lines() -> Iterator[str]:
    """What is typed or piped in, until its end."""
    for line in sys.stdin:
        yield line.strip()


def _read(state: State, key: str, number: int) -> Record:
    with state.database.read() as c:
        return record.read(c, key, number, state.clock())


class Table:
    """The meeting around which people sit."""

    def __init__(self, state: State, terminal: Terminal, key: str, number: int) -> None:
        self.state, self.terminal, self.key, self.number = state, terminal, key, number

    def heard(self, line: str) -> bool:
        """Do what the line says; False: we leave. What is refused is said, and the meeting goes on."""
        if line in ("q", "quit"):
            return False
        try:
            return self._do(line)
        except Refused as why:
            for words in in_words(why, self.terminal.locale):
                self.terminal.line(words)
            return True

    def _do(self, line: str) -> bool:
        word, _, rest = line.partition(" ")
        found = _read(self.state, self.key, self.number)
        current = found.run.current or 1
        match word:
            case "":
                self.show()
            case "n" | "p":
                self._visit(current + (1 if word == "n" else -1))
            case _ if line.isdecimal():
                self._visit(int(line))
            case "x":
                self._say(Said.NOTHING)
            case "d" | "k":
                self._say(KINDS[word], rest)
            case "a":
                self._act(rest)
            case "r":
                rating, _, improve = rest.partition(" ")
                self._say(Said.RATED, improve, rating=int(rating) if rating.isdecimal() else 0)
            case "c":
                return not self._close(rest)
            case _:
                self._say(Said.NOTE, line)
        return True

    def show(self) -> None:
        """What is on the table: title, time left, the question, the evidence."""
        found = _read(self.state, self.key, self.number)
        number = found.run.current or 1
        box = found.template.items[number - 1]
        left = timedelta(minutes=box.minutes) + found.run.granted(number) - found.run.spent.get(number, timedelta())
        title = title_of(box, self.terminal.locale)
        self.terminal.line(f"[{number}/{found.items}] {title} — {timer(left, self.terminal)}", style="bold")
        self.terminal.line(question_of(box, self.terminal.locale))
        for each in read_paper(found.row.agenda[self.terminal.locale]).items[number - 1].tables:
            for line in (each.title, *each.text):
                self.terminal.line(line)
            if each.lines:
                self.terminal.table(each.columns, [line.cells for line in each.lines])

    def _visit(self, item: int) -> None:
        self._say(Said.VISITED, item=item)
        self.show()

    def _say(self, kind: Said, text: str = "", item: int | None = None, **data: int) -> None:
        said = say(self.state, self.key, self.number, Entry(0, BEGINNING, "", kind, item, text, data))
        if kind is not Said.VISITED:
            self.terminal.say("Noted as {number}.", number=said.id)

    def _act(self, words: str) -> None:
        """A whole sentence is an action item at once; anything less is a task that has to be completed."""
        who = person(self.state)
        try:
            told = promises.read_sentence(words)
            with self.state.database.write() as c:
                due_on = promises.due_in_words(told.due, who.today, newest_calendar(c, "default")[2])
                promise = promises.Promise(told.owner, due_on, told.text, told.done_when)
                row = actions.add(c, who, promise, Origin(self.key, self.number))
        except Refused as why:
            for line in in_words(why, self.terminal.locale):
                self.terminal.line(line)
            self._say(Said.TASK, words)
            return
        self.terminal.say("Action item {number} is entered: {sentence}", number=row.id, sentence=words)

    def _close(self, note: str) -> bool:
        state = self.state
        preparation.close(state.database, state.settings, papers, person(state), self.key, self.number, note)
        self.terminal.say("Meeting {number} is closed; the minutes are on their way.", number=self.number)
        return True


def timer(left: timedelta, terminal: Terminal) -> str:
    """`4:10 left`, `2:05 over`."""
    seconds = abs(int(left.total_seconds()))
    words = "{time} left" if left >= timedelta() else "{time} over"
    return terminal.words(words, time=f"{seconds // 60}:{seconds % 60:02}")
