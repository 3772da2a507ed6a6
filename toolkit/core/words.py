"""How names, numbers and texts from data are written for a reader: printable, short, in words."""

import contextlib
import math
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import chain, count
from numbers import Real
from typing import Any

from toolkit.core.estimate import format_number
from toolkit.core.resources import beside

_WHOLE, _PARTS = beside(__file__, "words.yaml").values()
#: What an address hides: a password, and the values of names that end in one of these words; but no ``${NAME}``.
_NAMES = r"[\w.-]*(?:sig|signature|token|secret|pass|passwo?r?d|pwd|key|credential|auth|session|jwt|odbc_connect)=(?!=)"
_VALUE = r"""(?!\$?\{[^}]*\}(?:[&;#\s'"\\]|$))(?:[^&;#\s'"\\<>]|'(?=[\w%]))+"""
_LOGIN = r"""(://)(?:[^:/?#@\s'"\\]*:(?!\d+[/?#]|\$?\{[^}]*\}@)(?:[^\s'"\\<>]|'(?=[\w%@]))*|[^:/?#@\s'"\\{}]+)(@)"""
_ADDRESS = re.compile(r"""(?:(?:\w+:)?/|\w\?)(?:[^\s'"\\<>]|'(?=[\w%@]))*""")
_SECRET = re.compile(rf"{_LOGIN}|([?&;#]{_NAMES}){_VALUE}", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def spoken(name: str) -> str:
    """Write a name such as Python writes it in words; a text that is no such name stays as it is.

    Examples
    --------
    >>> spoken("roc_auc"), spoken("false_positive_rate"), spoken("p_adjusted"), spoken("Called_yes")
    ('ROC AUC', 'false positive rate', 'adjusted p', 'Called_yes')
    """
    if not _NAME.fullmatch(name):
        return name
    return _WHOLE.get(name) or " ".join(_PARTS.get(word, word) for word in name.split("_"))


def titled(name: str) -> str:
    """Write a name in words, beginning with a capital.

    Examples
    --------
    >>> titled("matthews_corrcoef"), titled("f1")
    ('Matthews correlation', 'F1')
    """
    words = spoken(name)
    return words[:1].upper() + words[1:]


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write how many there are of something.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "row"), counted(0, "class", "classes")
    ('1 row', '2,000 rows', '0 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def printable(text: object) -> str:
    r"""Replace line ends and control characters, which data may hold, by spaces; None is empty.

    Examples
    --------
    >>> printable("a\n\x1b[1mb")
    'a  [1mb'
    """
    line = "" if text is None else str(text)
    return line if line.isprintable() else "".join(sign if sign.isprintable() else " " for sign in line)


def masked(given: Any) -> Any:
    """Replace in texts what addresses hold in secret: passwords, and the values of keys, tokens and signatures.

    What stands as ``${NAME}`` is no secret, and stays.

    Parameters
    ----------
    given : str, or lists and mappings that hold some

    Examples
    --------
    >>> masked(["postgresql://me:secret@db/runs", {"data": "https://host/a.csv?year=1994&sig=d3b0"}])
    ['postgresql://***@db/runs', {'data': 'https://host/a.csv?year=1994&sig=***'}]
    """
    if isinstance(given, Mapping):
        return {name: masked(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return [masked(value) for value in given]
    return _ADDRESS.sub(lambda found: _SECRET.sub(r"\1\3***\2", found[0]), given) if isinstance(given, str) else given


def one_line(text: object) -> str:
    r"""Write a text on one line of printable signs; None is empty.

    Examples
    --------
    >>> one_line("a\n\tb")
    'a b'
    """
    return " ".join(printable(text).split())


def shorten(text: object, most: int = 40) -> str:
    r"""Write a text on one line of at most ``most`` printable signs, and mark where it was cut.

    A label, of fewer than 80 signs, keeps its end too: long names often begin alike.

    Examples
    --------
    >>> shorten("two\nlines"), shorten("capital_gains_of_1994", 12), shorten("A sentence. " * 9, 80)[-12:]
    ('two lines', 'capital…1994', 'ce. A sente…')
    """
    line, end = one_line(text), most // 3 if most < 80 else 0
    return line if len(line) <= most else f"{line[: most - 1 - end]}…{line[len(line) - end :]}"


def value_text(value: object, most: int = 40) -> str:
    """Write a value of a table as a label: a whole number as it is, others as the reports do, texts short.

    Examples
    --------
    >>> value_text(1994.0), value_text(0.123456), value_text("Oslo"), value_text(""), value_text(float("nan"))
    ('1994', '0.123', 'Oslo', '(empty)', 'missing')
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "missing"
    if not isinstance(value, Real) or isinstance(value, bool):
        return shorten(value, most) or "(empty)"
    number = float(value) + 0.0  # so that −0 is 0
    # Of a value there is no error of rounding, however small it is.
    whole = f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:.3g}" * (abs(number) < 1e-12)
    return "missing" if math.isnan(number) else whole or format_number(number)


def unique(labels: Iterable[str], form: str = "{} ({})") -> list[str]:
    """Tell labels that are there more than once apart by a number, such as long texts that were shortened alike.

    Examples
    --------
    >>> unique(["a", "b", "a"]), unique(["a", "a"], "{}-{}")
    (['a', 'b', 'a (2)'], ['a', 'a-2'])
    """
    taken: dict[str, None] = {}
    for label in labels:
        forms = chain([label], (form.format(label, number) for number in count(2)))
        taken[next(one for one in forms if one not in taken)] = None
    return list(taken)


def say(text: object) -> None:
    """Write a line without secrets on stderr; where that cannot be done, whatever is at work goes on.

    Examples
    --------
    >>> say("The table has 178 rows.")
    """
    with contextlib.suppress(OSError, AttributeError):  # it is None where it was closed
        sys.stderr.write(f"{masked(printable(text))}\n")


def slug(text: object, most: int = 40, *, ascii_only: bool = True) -> str:
    """Write a text as an identifier, for a folder or a link: lower case, joined by dashes; empty where nothing is left.

    Examples
    --------
    >>> slug("Census income (à peu près)"), slug("продажи 2024"), slug("продажи 2024", ascii_only=False)
    ('census-income-a-peu-pres', '2024', 'продажи-2024')
    """
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode() if ascii_only else str(text)
    return re.sub(r"[\W_]+", "-", plain.casefold()).strip("-")[:most].strip("-")


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern fits as a whole; one that is the pattern, to the letter, is the only one.

    ``*`` stands for any text, ``?`` for one character, and all else for itself.

    Examples
    --------
    >>> matching("test.*", ["test.recall", "cv.recall"]), matching("a*", ["a*", "ab"])
    (['test.recall'], ['a*'])
    """
    every, plain = list(names), pattern.replace("[", "[[]")
    return [pattern] if pattern in every else [name for name in every if fnmatchcase(name, plain)]


def quoted(label: str) -> str:
    r"""Quote a label; with escapes where an accent is stored as a sign of its own, which nobody would see.

    Examples
    --------
    >>> quoted("caf\u00e9 "), quoted("cafe\u0301")
    ("'café '", "'cafe\\u0301'")
    """
    return repr(label) if unicodedata.is_normalized("NFC", label) else ascii(label)
