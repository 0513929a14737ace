"""`tasuki user …`: who signs in to the pages, and with which role."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.passwords import check
from app.domain.roles import ROLE_NAMES, Role
from app.flows import links, passwords, sessions, users
from app.flows.administer import Admin
from app.flows.users import User

app = typer.Typer(no_args_is_help=True, help="Users of the pages: invite, role, team, disable, sessions.")

Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]
Change = Callable[[Connection, Admin, User], object]


@app.command()
def create(
    email: Annotated[str, typer.Argument(help="With it the user signs in.")],
    name: Annotated[str, typer.Option(help="As the pages show it.")],
    role: Annotated[Role, typer.Option(help="What the user may do.")],
    team: Annotated[str, typer.Option(help="The team, in the words of your tools.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
) -> None:
    """Make a user; prints a one-time link to choose a password with."""
    with opened() as (state, terminal):
        by, hashed = Admin(operator(), state.clock()), ""
        if password_stdin:
            hashed = _read_password(email)
        with state.database.write() as c:
            user = users.create(c, by, email=email, name=name, role=role, team=team)
            if hashed:
                users.set_password(c, by, user.id, hashed)
            given = None if hashed else links.give(c, by, user.id)
        terminal.say("{name} may sign in as {email}.", name=user.name, email=user.email)
        if given:
            _show(terminal, given, state.settings.public_url)


def _read_password(email: str) -> str:
    """Its hash. Raises Refused."""
    password = sys.stdin.readline().rstrip("\r\n")
    check(password, email)
    return passwords.hashed(password)


def _show(terminal: Terminal, given: links.Given, public_url: str) -> None:
    terminal.say(
        "Link to choose a password, shown only now, good until {time}:", time=terminal.moment(given.expires_at)
    )
    terminal.line(f"  {given.address(public_url)}", style="bold")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """All users, the disabled ones last."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = users.listed(c)
        if as_json:
            terminal.json([{name: getattr(user, name) for name in user.__slots__} for user in found])
            return
        rows = [_row(user, terminal) for user in found]
        terminal.table(("E-mail address", "Name", "Role in Tasuki", "Team", "State"), rows)


def _row(user: User, terminal: Terminal) -> tuple[Any, ...]:
    state = "disabled" if user.disabled_at else "active" if user.ready else "invited"
    return user.email, user.name, terminal.words(ROLE_NAMES[user.role]), user.team, terminal.words(state)


@app.command()
def role(email: Email, role: Annotated[Role, typer.Argument(help="What the user may do.")]) -> None:
    """Give a user another role; it counts from the next request on."""
    _change(email, lambda c, by, user: users.change(c, by, user.id, role=role, team=user.team))


@app.command()
def team(email: Email, team: Annotated[str, typer.Argument(help='The team; "" for none.')]) -> None:
    """Put a user into a team."""
    _change(email, lambda c, by, user: users.change(c, by, user.id, role=user.role, team=team))


@app.command()
def disable(email: Email) -> None:
    """The user's sessions end, and nobody signs in as that user any more."""
    _change(email, lambda c, by, user: users.disable(c, by, user.id))


@app.command()
def enable(email: Email) -> None:
    """The user may sign in again."""
    _change(email, lambda c, by, user: users.enable(c, by, user.id))


@app.command()
def revoke(email: Email) -> None:
    """End all sessions of a user."""
    _change(email, lambda c, by, user: users.revoke_sessions(c, by, user.id))


@app.command()
def unlink(email: Email) -> None:
    """Part a user and the provider's account that signs in as the user; the user's sessions end."""
    _change(email, lambda c, by, user: users.unlink(c, by, user.id))


def _change(email: str, deed: Change) -> None:
    with opened() as (state, terminal):
        with state.database.write() as c:
            user = users.by_email(c, email)
            deed(c, Admin(operator(), state.clock()), user)
        terminal.say("Saved.")


@app.command()
def link(email: Email) -> None:
    """Make a new one-time link to choose a password with; the links before are dead."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            given = links.give(c, Admin(operator(), state.clock()), users.by_email(c, email).id)
        _show(terminal, given, state.settings.public_url)


@app.command("sessions")
def sessions_(email: Email, as_json: AsJson = False) -> None:
    """In which browsers a user is signed in."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = sessions.of_user(c, users.by_email(c, email).id, state.clock())
        if as_json:
            names = ("id", "created_at", "seen_at", "expires_at", "user_agent")
            terminal.json([{name: getattr(each, name) for name in names} for each in found])
            return
        rows = [(each.user_agent, terminal.moment(each.created_at), terminal.moment(each.seen_at)) for each in found]
        terminal.table(("Browser", "Signed in at", "Last used"), rows)
