"""Which passwords are taken: long ones that nobody guesses first."""

from __future__ import annotations

from app.domain.refusals import refused

LEAST, MOST = 12, 200
#: Of the lists of leaked passwords, those of 12 characters and more that stand at the top, and what Japanese
#: keyboards and this product suggest. Compared without case, digits and signs at the end.
COMMON = frozenset(
    """
    passwordpassword passw0rdpassw0rd password password1234 passwordpass qwertyuiop qwertyuiopasdf qwertyuiop[]
    1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw2 1qaz2wsx3edc4rfv qazwsxedcrfv zaq12wsxcde3 qwerty qwertyqwerty asdfghjkl
    asdfghjklzxc zxcvbnmasdfg iloveyou iloveyouiloveyou letmein letmeinletmein welcome welcomewelcome
    administrator adminadmin adminadminadmin rootrootroot changeme changemechangeme abcdefghijkl abcdefghijklm
    abcabcabcabc testtesttest secretsecret monkeymonkey dragondragon sunshine princess football baseball
    tasukitasuki tasuki tasukipassword pasuwa-do pasuwaado arigatou sakura sakurasakura nihon japan japanjapan
    """.split()
)
DIGITS_AND_SIGNS = "0123456789!?.,@#$%&*+-_= "


def check(password: str, email: str, place: str = "/password") -> None:
    """Raises Refused with what to mend. `email`: the login, which is no password."""
    folded = password.casefold()
    if len(password) < LEAST:
        raise refused(place, "too_short", "Needs {min_length} or more characters.", min_length=LEAST)
    if len(password) > MOST:
        raise refused(place, "too_long", "May have {max_length} characters at most.", max_length=MOST)
    if folded == email.casefold() or folded == email.casefold().partition("@")[0]:
        raise refused(place, "like_email", "Choose a password that is not your e-mail address.")
    if _common(folded):
        raise refused(place, "common", "This password is among the first that anybody tries; choose another one.")


def _common(folded: str) -> bool:
    """On the list, or digits alone, or too few different characters."""
    core = folded.rstrip(DIGITS_AND_SIGNS)
    return folded in COMMON or core in COMMON or not core or len(set(folded)) < 5


def same(password: str, again: str, place: str = "/password_again") -> None:
    """Raises Refused."""
    if password != again:
        raise refused(place, "not_the_same", "Both passwords must be the same.")
