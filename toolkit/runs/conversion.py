"""The types a template parameter may have, and how a text or a Python value becomes one of them.

Every function raises ``ValueError``, with a hint or empty, where a value does not fit; the caller names the parameter.
"""

import contextlib
import json
import math
import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from toolkit.core import UnquotedText, beside

#: The admitted types, each in words.
KINDS: dict[str, str] = beside(__file__, "kinds.yaml")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_kinds(annotation: str) -> tuple[str, ...]:
    """Take an annotation apart.

    Examples
    --------
    >>> read_kinds("list[str] | None")
    ('list[str]', 'None')
    """
    if not set(found := tuple(annotation.split(" | "))) <= KINDS.keys():
        raise ValueError(f"Types are {', '.join(list(KINDS)[:-1])} and unions with |.")
    return found


def convert(value: object, kinds: Sequence[str]) -> Any:
    """Return a value as one of ``kinds``: the exact one where there is one, else the first that takes it.

    Unquoted text, from a command line or a file, is read as what is declared: it stays text where the type admits it,
    and ``none`` and ``null`` mean None only where None is admitted.

    Examples
    --------
    >>> convert(UnquotedText("yes"), ["bool"]), convert(1, ["float"])
    (True, 1.0)
    """
    hint = ""
    for kind in sorted(kinds, key=lambda kind: _order(kind, value)):
        try:
            return _convert(value, kind)
        except ValueError as error:
            hint = hint or str(error)
    raise ValueError(hint)


def from_texts(texts: Sequence[str], kinds: Sequence[str]) -> Any:
    """Return what was written on a command line as one of ``kinds``; several texts can only be a list.

    Examples
    --------
    >>> from_texts(["1"], ["str"]), from_texts(["1"], ["float"]), from_texts(["yes"], ["bool"])
    ('1', 1.0, True)
    >>> from_texts(["a", "b"], ["list[str]"]), from_texts(["[1, 2]"], ["list[int]"])
    (['a', 'b'], [1, 2])
    """
    if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
        raise ValueError("It is not valid UTF-8.")
    if len(texts) == 1:
        return convert(UnquotedText(texts[0]), kinds)
    if not (lists := [kind for kind in kinds if kind.startswith("list")]):
        raise ValueError("It was given more than once.")
    return [item for text in texts for item in _convert(UnquotedText(text), lists[0])]


def _order(kind: str, value: object) -> int:
    if not isinstance(value, UnquotedText):
        return int(kind.partition("[")[0] != type(value).__name__)
    if kind.startswith("list"):
        return 2 if value.lstrip().startswith("[") else 4
    return {"None": 0, "str": 3}.get(kind, 1)


def _convert(value: Any, kind: str) -> Any:
    """Return a value as it is written in its kind; raise ValueError where it is of another."""
    if unquoted := isinstance(value, UnquotedText):
        value = _parsed(value, kind)
    number = isinstance(value, Real) and not isinstance(value, bool)
    match kind.partition("[")[0]:
        case "None" if value is None:
            return None
        case "bool" if isinstance(value, bool):
            return value
        case "int" if number and isinstance(value, Integral):
            return int(value)
        case "float" if number:
            with contextlib.suppress(OverflowError):
                if math.isfinite(value):
                    return float(value)
        case "str" if isinstance(value, str | os.PathLike):
            return str(os.fspath(value))
        case "list" if isinstance(value, list | tuple):
            items = (UnquotedText(item) if unquoted and isinstance(item, str) else item for item in value)
            return [_convert(item, kind[5:-1]) for item in items]
        case "dict" if isinstance(value, dict) and is_json(value):
            return value
    raise ValueError("")


def _parsed(text: UnquotedText, kind: str) -> Any:
    """Read unquoted text as what its kind can be written as; a text stays as it is."""
    folded = text.strip().casefold()
    match kind.partition("[")[0]:
        case "None" if folded in ("none", "null"):
            return None
        case "bool" if folded in _TRUTH:
            return _TRUTH[folded]
        case "int" | "float":
            with contextlib.suppress(ValueError):
                return int(text) if kind == "int" else float(text)
        case "list":
            as_text = kind == "list[str]"
            return _read_json(text, list, '\'["one", "two"]\'', as_text) if folded.startswith("[") else [str(text)]
        case "dict":
            return _read_json(text, dict, "'{\"name\": 1}'")
    return str(text)


def _read_json(text: str, wanted: type, example: str, as_text: bool = False) -> Any:
    numbers: dict[str, Any] = {"parse_int": str, "parse_float": str, "parse_constant": str} if as_text else {}
    try:
        value = json.loads(text, **numbers)
    except ValueError as error:
        raise ValueError(f"It is not JSON ({error}); write it like {example}.") from None
    if not isinstance(value, wanted) or not (as_text or is_json(value)):
        raise ValueError(f"Write it like {example}.")
    return value


def is_json(value: object) -> bool:
    """Tell whether JSON can hold a value as it is."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):  # with which a tuple is an object
        return all(map(is_json, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
