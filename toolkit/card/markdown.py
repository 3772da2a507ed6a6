"""Write a card as Markdown, with the metadata that the Hugging Face Hub reads."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from toolkit.card.content import BLANK, Answer, Cell, Section, Table
from toolkit.card.lineage import model_name, model_of, task_of
from toolkit.core.estimate import Estimate
from toolkit.core.results import Results
from toolkit.core.words import one_line, shorten, slug

MOST_ROWS = 60
LONGEST_CELL = 300
_TASKS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
# What Markdown or HTML could take for a mark within a line, and what only at its beginning.
_MARKS = re.compile(r"[\\`*\[\]<>|~$&@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.\-]*")


def metadata(results: Results, licence: str = "") -> dict[str, object]:
    """Return the metadata of a card for the Hub, with every metric of the test part in its ``model-index``.

    Parameters
    ----------
    results : Results
        Of the evaluation.
    licence : str
        A short name such as ``apache-2.0``; other texts become a licence of their own.
    """
    task = _TASKS.get(task_of(results), "")
    name = one_line(model_name(results)) or "model"
    tests = evaluated_metrics(results)
    found: dict[str, object] = {}
    if licence:
        short = licence.lower()
        plain = _LICENCE.fullmatch(short) is not None
        found |= {"license": short} if plain else {"license": "other", "license_name": one_line(licence)}
    if any(text.startswith("scikit-learn") for text in model_of(results).requirements):
        found["library_name"] = "sklearn"
    if task:
        found["pipeline_tag"] = task
    found["tags"] = ["tabular", *([task] if task else [])]
    if tests:
        found |= {"metrics": list(tests), "model-index": [{"name": name, "results": [_result(results, task, tests)]}]}
    return found


def eval_results(results: Results) -> list[dict[str, object]]:
    """Return the test metrics in the Hub's newer form of one entry a number, for ``.eval_results/`` in a repository.

    The Hub shows those whose dataset it knows as a benchmark; the identifier here is our name of the table.
    """
    entries = []
    for metric, number in evaluated_metrics(results).items():
        note = f"{metric}, test part"
        if number.has_interval:
            note += f", 95% interval {number.low:.6g} to {number.high:.6g}"
        entry: dict[str, object] = {
            "dataset": {"id": slug(results.data.name, 90) or "table", "task_id": slug(results.data.target, 90)},
            "value": number.value,
            "notes": f"{note}, {number.n} rows, data {one_line(results.data.fingerprint)}",
        }
        if results.created:
            entry["date"] = results.created
        entries.append(entry)
    return entries


def evaluated_metrics(results: Results) -> dict[str, Estimate]:
    """Return the defined metrics of the test part, by their plain names."""
    return {
        name.removeprefix("test."): number
        for name, number in results.scalars.items()
        if name.startswith("test.") and name.count(".") == 1 and math.isfinite(number.value)
    }


def write_markdown(title: str, lead: str, sections: Sequence[Section], found: dict[str, object]) -> str:
    """Write a card: metadata between two lines of dashes, then the sections.

    Parameters
    ----------
    title, lead : str
    sections : sequence of Section
    found : dict
        What ``metadata`` returned.
    """
    import yaml

    head = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=10**6)
    parts = [f"---\n{head}---\n", f"# {escape(title)}", escape(lead)]
    parts += [text for section in sections for text in _section(section)]
    return "\n\n".join(parts).rstrip() + "\n"


def escape(text: object) -> str:
    r"""Write text so that Markdown and HTML show it as it is, on one line.

    Examples
    --------
    >>> print(escape("a_b <script>"))
    a_b \<script\>
    >>> print(escape("1. *one*"))
    1\. \*one\*
    """
    marked = _MARKS.sub(r"\\\g<0>", one_line(text))
    return re.sub(r"^(\d{0,9})([-+=#.)])", r"\1\\\2", marked)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    if section.lead:
        yield escape(section.lead)
    yield from map(_answer, section.answers)
    if section.facts:
        yield "\n".join(f"- {escape(fact.name)}: {escape(fact.text)}" for fact in section.facts)
    if section.code:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", section.code)), default=0))
        yield f"{fence}python\n{section.code}\n{fence}"
    yield from map(_table, section.tables)


def _answer(answer: Answer) -> str:
    text = "  \n".join(escape(line) for line in answer.text.splitlines()) if answer.text else f"*{BLANK}*"
    return f"**{escape(answer.title)}.** *{escape(answer.question)}*\n\n{text}"


def _table(table: Table) -> str:
    rows = [" | ".join(map(_cell, row)) for row in table.rows[:MOST_ROWS]]
    lines = [" | ".join(map(escape, table.names)), " | ".join("---" for _ in table.names), *rows]
    more = f" (first {MOST_ROWS} of {len(table.rows):,} rows)" if len(table.rows) > MOST_ROWS else ""
    return f"**{escape(table.caption + more)}**\n\n" + "\n".join(f"| {line} |" for line in lines)


def _cell(value: Cell) -> str:
    if value is None:
        return "–"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return escape(shorten(text, LONGEST_CELL))


def _result(results: Results, task: str, tests: dict[str, Estimate]) -> dict[str, object]:
    data = results.data
    metrics = []
    for metric, number in tests.items():
        ends = {"low": number.low, "high": number.high, "confidence": 0.95} if number.has_interval else {}
        known = {key: end for key, end in ends.items() if math.isfinite(end)}
        metrics.append(
            {"type": metric, "value": number.value, "name": f"Test {metric}", "args": {**known, "rows": number.n}}
        )
    return {
        "task": {"type": task or "tabular-classification", "name": f"predict {one_line(data.target)}"},
        "dataset": {
            "type": slug(data.name, 90) or "table",
            "name": one_line(data.name) or "table",
            "split": "test",
            "args": {"fingerprint": one_line(data.fingerprint)},
        },
        "metrics": metrics,
    }
