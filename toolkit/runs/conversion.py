"""The types a template parameter may have, and how a text or a Python value becomes one of them.

Every function raises ``ValueError``, with a hint or empty, where a value does not fit; the caller names the parameter.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from toolkit.core.yaml_file import UnquotedText

_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "None": "none"}
_ITEMS = {"str": "texts", "int": "whole numbers", "float": "numbers"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """One admitted type: str, int, float, bool, list, dict or None; ``item`` is what a list holds."""

    base: str
    item: str = ""


def read_kinds(annotation: ast.expr) -> tuple[Kind, ...]:
    """Read an annotation such as ``list[str] | None``.

    Examples
    --------
    >>> [kind.base for kind in read_kinds(ast.parse("list[str] | None", mode="eval").body)]
    ['list', 'None']
    """
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return read_kinds(left) + read_kinds(right)
        case ast.Constant(value=None):
            return (Kind("None"),)
        case ast.Name(id="str" | "int" | "float" | "bool" as base):
            return (Kind(base),)
        case ast.Subscript(value=ast.Name(id="list"), slice=ast.Name(id="str" | "int" | "float" as item)):
            return (Kind("list", item),)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name("str"), ast.Name("object")])):
            return (Kind("dict"),)
    raise ValueError(
        "Types are str, int, float, bool, list[str], list[int], list[float], dict[str, object] and unions with |."
    )


def expected(kinds: Sequence[Kind]) -> str:
    """Say in words what is admitted.

    Examples
    --------
    >>> expected([Kind("list", "str"), Kind("None")])
    'a list of texts or none'
    """
    return " or ".join(_words(kind) for kind in kinds)


def _words(kind: Kind) -> str:
    if kind.base == "list":
        return f"a list of {_ITEMS[kind.item]}"
    return "a mapping of names to values" if kind.base == "dict" else _WORDS[kind.base]


def from_value(value: object, kinds: Sequence[Kind]) -> Any:
    """Return a Python value as one of ``kinds``: the exact one where there is one, else the first that takes it."""
    for kind in sorted(kinds, key=lambda kind: kind.base != type(value).__name__):
        with contextlib.suppress(ValueError):
            return _as(value, kind)
    raise ValueError("")


def _as(value: Any, kind: Kind) -> Any:
    """Return a Python value as it is written in its kind; raise ValueError where it is of another."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    match kind.base:
        case "None" if value is None:
            return None
        case "bool" if isinstance(value, bool):
            return value
        case "int" if number and isinstance(value, Integral):
            return int(value)
        case "float" if number and _is_finite(value):
            return float(value)
        case "str" if isinstance(value, str | os.PathLike):
            return str(os.fspath(value))
        case "list" if isinstance(value, list | tuple):
            return [_as(item, Kind(kind.item)) for item in value]
        case "dict" if isinstance(value, dict) and _is_json(value):
            return value
    raise ValueError("")


def _is_finite(value: Real | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def from_texts(texts: Sequence[str], kinds: Sequence[Kind]) -> Any:
    """Return what was written as one of ``kinds``; several texts can only be a list.

    Text stays text where the type admits it; ``none`` and ``null`` mean None only where None is admitted.

    Examples
    --------
    >>> from_texts(["1"], [Kind("str")]), from_texts(["1"], [Kind("float")]), from_texts(["yes"], [Kind("bool")])
    ('1', 1.0, True)
    >>> from_texts(["a", "b"], [Kind("list", "str")]), from_texts(["[1, 2]"], [Kind("list", "int")])
    (['a', 'b'], [1, 2])
    """
    if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
        raise ValueError("It is not valid UTF-8.")
    lists = [kind for kind in kinds if kind.base == "list"]
    if len(texts) > 1:
        if not lists:
            raise ValueError("It was given more than once.")
        return [item for text in texts for item in _read_list(text, lists[0])]
    hint = ""
    for kind in sorted(kinds, key=lambda kind: _reading_order(kind, texts[0])):
        try:
            return _read(texts[0], kind)
        except ValueError as error:
            hint = hint or str(error)
    raise ValueError(hint)


def from_file(value: object, kinds: Sequence[Kind]) -> Any:
    """Return a value from a parameters file as one of ``kinds``; unquoted text is read like a command line."""
    if isinstance(value, UnquotedText):
        return from_texts([value], kinds)
    lists = [kind for kind in kinds if kind.base == "list"]
    if isinstance(value, list) and lists:
        item = [Kind(lists[0].item)]
        return [_read(one, item[0]) if isinstance(one, UnquotedText) else from_value(one, item) for one in value]
    return from_value(value, kinds)


def _reading_order(kind: Kind, text: str) -> int:
    if kind.base == "list":
        return 2 if text.lstrip().startswith("[") else 4
    return {"None": 0, "str": 3}.get(kind.base, 1)


def _read(text: str, kind: Kind) -> Any:
    folded = text.strip().casefold()
    match kind.base:
        case "None" if folded in ("none", "null"):
            return None
        case "bool" if folded in _TRUTH:
            return _TRUTH[folded]
        case "int" | "float":
            return _read_number(text, kind.base)
        case "str":
            return str(text)
        case "list":
            return _read_list(text, kind)
        case "dict":
            return _read_json(text, "{", "'{\"name\": 1}'")
    raise ValueError("")


def _read_number(text: str, base: str) -> int | float:
    try:
        number = int(text) if base == "int" else float(text)
    except ValueError:
        raise ValueError("") from None
    if not _is_finite(number) and base == "float":
        raise ValueError("")
    return number


def _read_list(text: str, kind: Kind) -> list[Any]:
    if not text.lstrip().startswith("["):
        return [_read(text, Kind(kind.item))]
    return [
        _read(item, Kind(kind.item)) if isinstance(item, str) else from_value(item, [Kind(kind.item)])
        for item in _read_json(text, "[", '\'["one", "two"]\'', as_text=kind.item == "str")
    ]


def _read_json(text: str, opening: str, example: str, *, as_text: bool = False) -> Any:
    numbers: dict[str, Any] = {"parse_int": str, "parse_float": str, "parse_constant": str} if as_text else {}
    try:
        value = json.loads(text, **numbers)
    except ValueError as error:
        raise ValueError(f"It is not JSON ({error}); write it like {example}.") from None
    if not isinstance(value, {"[": list, "{": dict}[opening]) or not (as_text or _is_json(value)):
        raise ValueError(f"Write it like {example}.")
    return value
