"""Findings and words of figures that stand in YAML, beside the code that says when they hold and fills them in."""

from collections.abc import Callable
from typing import Any

from toolkit.core.figures import Picture
from toolkit.core.resources import beside
from toolkit.core.result import Finding, Severity


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
    texts: dict[str, str] = beside(module, "findings.yaml")

    def finding(text: str, severity: Severity, where: object = "", code: str = "", /, **numbers: Any) -> Finding:
        message = texts[text].format(**{"where": str(where)} | numbers)
        return Finding(code or text.split()[0], severity, message, str(where))

    return finding


def picturer(module: str) -> Callable[..., Picture]:
    """Return what makes the words of a figure of ``figures.yaml`` beside a module: its name, and what is put in."""
    texts: dict[str, dict[str, str]] = beside(module, "figures.yaml")

    def picture(name: str, /, **numbers: Any) -> Picture:
        return Picture(**{part: text.format(**numbers) for part, text in texts[name].items()})

    return picture
