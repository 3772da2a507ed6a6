"""An executed experiment notebook with invented numbers, for the tests of the report page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from toolkit.core import figures
from toolkit.core.estimate import Estimate
from toolkit.core.face import Face, FaceTable, result_html
from toolkit.core.figures import Drawing, Picture
from toolkit.core.result import Finding, Result, by_severity
from toolkit.core.results import MIME, Results

FINDINGS = (
    Finding("DATA-MISSING", "medium", "migration_msa is missing in 50.1% of 107,679 rows.", "migration_msa"),
    Finding("DATA-LEAKAGE", "high", "dividends alone reaches ROC AUC 0.813. Is it known in time?", "dividends"),
    Finding("DATA-DUPLICATES", "low", "3,214 of 107,679 rows (3.0%) are exact copies of another row.", ""),
    Finding("SPLIT-SHARED", "info", "412 rows of the test part also occur in the training part.", "test"),
)


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Result):
    """A result with two figures and one table, enough to fill a page."""

    table: pd.DataFrame
    found: tuple[Finding, ...] = ()

    def frame(self) -> pd.DataFrame:
        return self.table

    def findings(self) -> list[Finding]:
        return by_severity(self.found)

    def drawings(self) -> list[Drawing]:
        alt = "The curve rises steeply: at a false positive rate of 0.1 the true positive rate is 0.88."
        roc = Picture("ROC curve", "The farther above the diagonal, the better the ranking.", alt)
        calibration = Picture("Calibration", "On the diagonal, a predicted 30% happens in 30% of cases.", alt)
        return [
            Drawing("roc", roc, lambda ax: draw_curve(ax, "roc", 0.15), self.table),
            Drawing("calibration", calibration, lambda ax: draw_curve(ax, "calibration", 1.2), self.table),
        ]

    def face(self) -> Face:
        table = FaceTable("Every metric on every part of the split, with 95% intervals", self.table)
        return Face("Evaluation of boosting", "Best of 3 candidates by ROC AUC.", [table], self.findings())


def draw_curve(ax: Axes, kind: str, power: float) -> None:
    grid = np.linspace(0, 1, 200)
    ax.plot(grid, grid, color=figures.GREY, linestyle="--", label="Baseline")
    ax.plot(grid, grid**power, color=figures.BLUE, label="Boosting")
    ax.set(title=kind, xlabel="False positive rate", ylabel="True positive rate")
    ax.legend()


def metrics_table() -> pd.DataFrame:
    """Invented metrics of three parts beside the baseline's."""
    estimate = Estimate(0.9534, 0.9507, 0.9561, 21536)
    names = ["roc_auc", "average_precision", "log_loss", "brier_score_loss", "accuracy", "f1", "matthews_corrcoef"]
    numbers = (estimate, estimate, Estimate(0.5, n=21536), Estimate(0.4534, 0.4507, 0.4561))
    rows = [(name, *numbers, "DeLong") for name in names]
    return pd.DataFrame(rows, columns=["metric", "train", "test", "baseline", "difference", "method"])


def entry(value: float | None, low: float | None = None, high: float | None = None, n: int = 21536) -> dict[str, Any]:
    """Write an estimate as results.json does."""
    return {"value": value, "low": low, "high": high, "n": n}


def sample_results(**changes: object) -> dict[str, object]:
    """Write results.json of an invented experiment; ``changes`` replace entries."""
    key_numbers = [
        ("roc_auc", "ROC AUC", entry(0.9534, 0.9507, 0.9561), entry(0.5), entry(0.4534, 0.4507, 0.4561)),
        (
            "average_precision",
            "Average precision",
            entry(0.691, 0.676, 0.706),
            entry(0.086),
            entry(0.605, 0.590, 0.620),
        ),
        ("log_loss", "Log loss", entry(0.1302, 0.1261, 0.1343), entry(0.2931), entry(-0.1629, -0.1672, -0.1586)),
        (
            "matthews_corrcoef",
            "Matthews correlation",
            entry(0.552, 0.533, 0.571),
            entry(0.0),
            entry(0.552, 0.533, 0.571),
        ),
        ("calibration_slope", "Calibration slope", entry(1.021, 0.985, 1.057), None, None),
        ("mean_absolute_error", "Not a number", None, None, None),
    ]
    results: dict[str, object] = {
        "schema": 1,
        "template": "experiment",
        "title": "Experiment on census_income",
        "question": "Is a model better than the baseline at predicting income_over_50k, and by how much?",
        "created": "2026-03-01T14:05:59+00:00",
        "parameters": {"data": "census_income", "target": None, "candidates": ["logistic", "boosting"], "seed": 0},
        "data": {
            "name": "census_income",
            "source": "built in",
            "fingerprint": "sha256:9f2c4be1d07a35e86bb04d1c7a9e52f3c88d1b60a47f0b9e2d5c6a7f81e3b4d0",
            "rows": 107679,
            "columns": 40,
            "target": "income_over_50k",
        },
        "model": {"name": "boosting"},
        "scalars": {"test.roc_auc": entry(0.9534, 0.9507, 0.9561)},
        "key_numbers": [
            {
                "name": f"test.{name}",
                "label": label,
                "value": value,
                "on": "test part",
                "beside": "baseline",
                "other": other,
                "difference": difference,
            }
            for name, label, value, other, difference in key_numbers
        ],
        "findings": [
            {"code": found.code, "severity": found.severity, "message": found.message, "where": found.where}
            for found in FINDINGS
        ],
        "verdict": {"outcome": None, "rules": []},
        "environment": {"python": "3.11.9", "pandas": "3.0.6", "numpy": "2.4.2", "scikit-learn": "1.9.1"},
        "commit": "4f1d2c9b7a6e5d4c3b2a1f0e9d8c7b6a5f4e3d2c",
        "dirty": True,
        "author": "Ada Lovelace",
        "command": "toolkit run experiment -p data census_income",
        "mlflow": {"run_id": "0a1b2c3d4e5f", "experiment": "census_income"},
        "artifacts": ["report.html", "notebook.ipynb", "results.json"],
    }
    return results | changes


def read_sample(**changes: object) -> Results:
    """Read ``sample_results``."""
    return Results.read(sample_results(**changes))


def code(source: str, outputs: Sequence[NotebookNode] = (), count: int | None = 1, **metadata: object) -> NotebookNode:
    """Make an executed code cell."""
    return new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def shown(html: str, text: str = "<object at 0x7f00>") -> NotebookNode:
    """Make the output of a cell that shows a result."""
    return new_output("execute_result", data={"text/html": html, "text/plain": text}, execution_count=1)


def published(results: object) -> NotebookNode:
    """Make the output of the publishing cell."""
    html = result_html("Published", "42 numbers, MLflow run 0a1b2c3d4e5f.")
    return new_output("display_data", data={MIME: results, "text/html": html, "text/plain": "Published(...)"})


def notebook_of(*cells: NotebookNode) -> NotebookNode:
    """Make a notebook of Python cells."""
    return new_notebook(cells=list(cells), metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}})


def sample_notebook(results: object | None = None, figures_each: int = 1) -> NotebookNode:
    """Make an executed experiment, with ``figures_each`` pairs of figures."""
    curves = Curves(metrics_table(), FINDINGS)
    pictures = new_output("display_data", data=figures.figures(curves)._repr_mimebundle_())
    question = "Is a model better than the baseline at predicting income_over_50k, and by how much?"
    axes = new_output("execute_result", data={"text/plain": "<Axes: xlabel='x'>"}, execution_count=4)
    noise = new_output("stream", name="stderr", text="UserWarning: something\n  warnings.warn()\n")
    printed = new_output("stream", name="stdout", text="read 107,679 rows\n")
    drawing = "# Draw both curves\ntk.figures(ev)"
    return notebook_of(
        new_markdown_cell(f"# Experiment\n\n{question}"),
        code('data = "census_income"  # help\nseed = 0', tags=["parameters"]),
        new_markdown_cell("## Data\n\nWhat is in the table, and what is wrong with it? Read the **findings** first."),
        code("ds = tk.load_dataset(data)\nds", [noise, printed], 2),
        new_markdown_cell("## Training\n\nBaseline first, then candidates.\n\n### Leaderboard\n\nOne row each."),
        code('fit = tk.train(split, candidates=["logistic"], seed=seed)\nfit', [shown(curves.face().html())], 3),
        new_markdown_cell("## Evaluation\n\nHow good is it on rows it has never seen? See the `test` column."),
        code(drawing, [*[pictures] * figures_each, axes], 4),
        new_markdown_cell("## Publish"),
        code("tk.publish(ds, fit, ev)", [published(results if results is not None else sample_results())], 5),
    )


def failed_notebook() -> NotebookNode:
    """Make an experiment that stopped while training."""
    traceback = ["\x1b[31mInputError\x1b[0m  Traceback (most recent call last)", "\x1b[32m----> 1\x1b[39m fit"]
    error = new_output("error", ename="InputError", evalue="Column 'incme' is not in the table.", traceback=traceback)
    mark = new_markdown_cell('<span style="color:red">An Exception was encountered</span>')
    mark.metadata["tags"] = ["papermill-error-cell-tag"]
    notebook = notebook_of(
        mark,
        new_markdown_cell("# Experiment\n\nIs it better?"),
        code("x = 1", count=1),
        new_markdown_cell("## Training\n\nBaseline first."),
        code("fit = tk.train(split)", [error], 2),
        new_markdown_cell("## Evaluation\n\nThis was never reached."),
        code("tk.evaluate(fit)", count=None),
    )
    notebook.metadata["papermill"] = {"parameters": {"data": "my table.csv"}}
    return notebook


def saved(notebook: NotebookNode, path: Path) -> Path:
    """Write a notebook to ``path``."""
    nbformat.write(notebook, path)
    return path
