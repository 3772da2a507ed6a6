"""Findings, and words of figures and faces, that stand in YAML beside the code that fills them in."""

from collections.abc import Callable
from functools import partial
from typing import Any

from toolkit.core.face import Face, FaceTable
from toolkit.core.figures import Drawing, Picture
from toolkit.core.resources import beside
from toolkit.core.result import Finding, Result, Severity
from toolkit.errors import InputError


def finder(module: str) -> Callable[..., Finding]:
    """Return what makes a finding of a text of ``findings.yaml`` beside a module.

    It takes the name of the text, whose first word is the code unless another is given, the severity, what the finding
    is about (``where`` in the text), and the numbers of the text by name.

    Examples
    --------
    >>> from toolkit import explanation
    >>> finding = finder(explanation.__file__)
    >>> finding("EXPLAIN-SENSITIVE", "low", "sensitive", columns="sex").message
    'The model uses sensitive columns: sex.'
    """
    return partial(_finding, beside(module, "findings.yaml"))


def refuser(module: str, kind: type[InputError] = InputError) -> Callable[..., InputError]:
    """Return what makes an error of a text of ``refusals.yaml`` beside a module: its name, and what is put in."""
    texts = beside(module, "refusals.yaml")
    return lambda name, /, **said: kind(texts[name].format(**said))


def drawer(module: str) -> Callable[..., Drawing]:
    """Return what makes a figure whose words are those of a name in ``figures.yaml`` beside a module.

    It takes the name, what draws, the data, and what is put into the words, where several texts become one; ``kind`` is
    what the figure itself is called, where that is not the name.
    """
    return partial(_drawn, beside(module, "figures.yaml"))


def facer(module: str) -> Callable[..., Face]:
    """Return what makes a face of ``faces.yaml`` beside a module: its name, the result, frames, and what is put in.

    ``shown`` holds how its tables are shown, as the options of ``FaceTable``. An empty frame is left out.
    """
    return partial(_face, beside(module, "faces.yaml"))


def _finding(texts: Any, text: str, severity: Severity, where: object = "", code: str = "", /, **said: Any) -> Finding:
    return Finding(code or text.split()[0], severity, texts[text].format(**{"where": str(where)} | said), str(where))


def _drawn(texts: Any, name: str, draw: Any, data: Any, /, kind: str = "", grid: str = "xy", **said: Any) -> Drawing:
    filled = {key: "; ".join(value) if isinstance(value, list) else value for key, value in said.items()}
    words = Picture(**{part: text.format(**filled) for part, text in texts[name].items()})
    return Drawing(kind or name, words, draw, data, grid)


def _face(texts: Any, name: str, result: Result, /, *frames: Any, **said: Any) -> Face:
    words, said = texts[name], {"it": result} | said
    shown, captioned = words.get("shown", {}), zip(words["tables"], frames, strict=False)
    tables = [FaceTable(caption.format(**said), frame, **shown) for caption, frame in captioned if len(frame)]
    return Face(words["title"].format(**said), words["lead"].format(**said), tables, result.findings())
