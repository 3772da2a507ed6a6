"""The few errors of the toolkit. The message is the product: what was wrong, what was found, what to do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr


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
        why = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InputError(f"{said}: {why}.{advice}") from error


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


def listed(options: Iterable[object], most: int = 10, *, longest: int = 60) -> str:
    """Write ``options`` in a message: the first ``most`` of them, of ``longest`` letters, and how many there are.

    Examples
    --------
    >>> listed(["age", "income", "sex"], most=2)
    'age, income, … (3 in all)'
    """
    texts = [text if len(text) <= longest else text[: longest - 3] + "…" for text in map(str, options)]
    return ", ".join(texts) if len(texts) <= most else f"{', '.join(texts[:most])}, … ({len(texts)} in all)"


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
