"""A wrong command line, told apart from wrong data."""

from collections.abc import Iterable
from difflib import get_close_matches


class UsageError(ValueError):
    """The command line asks for something that does not exist; the message says what does."""


def guess(word: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" where a known word is near, else nothing."""
    close = get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
