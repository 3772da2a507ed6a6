"""The few errors of the toolkit, and the checks of what a caller gives that raise them.

The message is the product: what was wrong, what was found, what to do. Checked are one of several words, a whole
number, a number within bounds, a column of a table.
"""

import errno
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from reprlib import Repr
from typing import Any

#: How the system says that a disk, or a user's share of it, is full.
FULL = (errno.ENOSPC, errno.EDQUOT)


class ToolkitError(Exception):
    """Base of every error the toolkit raises on purpose; ``str(error)`` is the whole message."""

    exit_code = 2

    def _render_traceback_(self) -> list[str]:
        """Show only the message in a notebook; ``%tb`` shows the rest."""
        return [f"{type(self).__name__}: {self}"]


class InputError(ToolkitError):
    """What was given cannot be used: a file, a column, a parameter. Nothing has been written."""


class NotApplicableError(InputError):
    """A step has nothing to say about this input: no sensitive column, predictions without a model."""


class RunError(ToolkitError):
    """A notebook failed while running. ``folder`` holds the readable partial report."""

    exit_code = 3

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


@contextmanager
def refusing(said: str, advice: str = "", kinds: tuple[type[Exception], ...] = (OSError,)) -> Iterator[None]:
    """Turn what the system refuses into an error that says what was wanted, why it failed, and what to do.

    Examples
    --------
    >>> with refusing("Cannot read the file"):
    ...     Path("/no/such/file").read_text()
    Traceback (most recent call last):
    toolkit.errors.InputError: Cannot read the file: No such file or directory.
    """
    try:
        yield
    except kinds as error:
        if getattr(error, "errno", None) in FULL:  # which is no fault of what was given
            raise
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InputError(f"{said}: {why.rstrip('.')}.{advice}") from error


def nearest(name: str, options: Iterable[str]) -> str:
    """Say which of ``options`` was probably meant by ``name``; an empty string where none is near.

    Examples
    --------
    >>> nearest("incme", ["age", "income"])
    " Did you mean 'income'?"
    >>> nearest("zzz", ["age", "income"])
    ''
    """
    by_folded = {option.casefold().strip(): option for option in options}
    matches = get_close_matches(name.casefold().strip(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[matches[0]]!r}?" if matches else ""


def listed(options: Iterable[object], most: int = 10, *, longest: int = 120) -> str:
    """Write ``options`` in a message: the first ``most`` of them, of ``longest`` letters, and how many there are.

    One more than that is named as well, which takes no more room than to count it.

    Examples
    --------
    >>> listed(["age", "income", "sex"], most=2), listed(["age", "income", "sex"], most=1)
    ('age, income, sex', 'age, … (3 in all)')
    """
    texts = [text if len(text) <= longest else f"{text[: longest - 21]}…{text[-20:]}" for text in map(str, options)]
    return ", ".join(texts) if len(texts) <= most + 1 else f"{', '.join(texts[:most])}, … ({len(texts)} in all)"


def shown(value: object) -> str:
    """Write what was found for an error message: its ``repr``, shortened however large or nested it is.

    Examples
    --------
    >>> shown("0.9"), shown(["a"] * 1000)
    ("'0.9'", "['a', 'a', 'a', ...]")
    """
    brief = Repr()
    brief.maxlevel, brief.maxlist, brief.maxdict, brief.maxtuple, brief.maxset = 2, 3, 3, 3, 3
    brief.maxstring = brief.maxother = 120
    return brief.repr(value)


def reason(error: BaseException) -> str:
    """Write on one line why something failed, no stack; of a long text the beginning and the end, that say it."""
    line = " ".join(str(error).partition("\nStack trace:")[0].split())
    return line if len(line) <= 300 else f"{line[:100]} … {line[-200:]}"


def instance(given: object, *kinds: type) -> Any:
    """Return a value of one of these kinds; any other is refused.

    Examples
    --------
    >>> instance("wine", str)
    'wine'
    """
    if not isinstance(given, kinds):
        names, found = " or ".join(one.__name__ for one in kinds), type(given).__name__
        advice = ": give the table to load_dataset first" if found == "DataFrame" else ""
        raise InputError(f"A value of type {names} is needed here, not {found}{advice}.")
    return given


def one_of(what: str, given: object, options: Iterable[str]) -> str:
    """Return what was given if it is one of ``options``, else raise InputError.

    Examples
    --------
    >>> one_of("metric", "recall", ["accuracy", "recall"])
    'recall'
    """
    choices = list(options)
    if not isinstance(given, str) or given not in choices:
        near, known = nearest(str(given), choices), listed(choices) or "none"
        raise InputError(f"There is no {what} {shown(given)}.{near} Known: {known}.")
    return given


def column_of(given: object, columns: Iterable[object], table: str = "the table", role: str = "") -> str:
    """Return the name of a column if a table has it, else raise InputError.

    Examples
    --------
    >>> column_of("age", ["age", "income"], "people", "time")
    'age'
    """
    names, name = [str(one) for one in columns], str(given)
    if name not in names:
        named = f"{role} column".lstrip().capitalize()
        raise InputError(f"{named} {shown(name)} is not in {table}.{nearest(name, names)} Columns: {listed(names)}.")
    return name


def whole(name: str, given: object, least: int, most: int | None = None) -> int:
    """Return what was given if it is a whole number within bounds, else raise InputError.

    Examples
    --------
    >>> whole("depth", 2, 1, 5)
    2
    """
    number = int(given) if isinstance(given, Integral) and not isinstance(given, bool) else None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise InputError(f"{name} must be a whole number {bounds}; found {shown(given)}.")
    return number


def above(name: str, given: object) -> float:
    """Return what was given if it is a number above 0, else raise InputError.

    Examples
    --------
    >>> above("precision", 0.05)
    0.05
    """
    if not (number := _number(given)) > 0:
        raise InputError(f"{name} must be a number above 0; found {shown(given)}.")
    return number


def share(name: str, given: object, *, zero: bool = False) -> float:
    """Return what was given if it is a number between 0 and 1 (0 itself only where ``zero``), else raise InputError.

    Examples
    --------
    >>> share("test_size", 0.25)
    0.25
    """
    if not (0 < (number := _number(given)) < 1 or (zero and number == 0)):
        bounds = "of at least 0 and less than 1" if zero else "between 0 and 1"
        raise InputError(f"{name} must be a share {bounds}, such as 0.2; found {shown(given)}.")
    return number


def _number(given: object) -> float:
    return float(given) if isinstance(given, Real) and not isinstance(given, bool) else math.nan
