"""Where a model comes from and how to load it: what runs recorded about data, run, model version and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pprint import pformat
from typing import Any

from toolkit.card.content import Cell, Fact, Table, as_text
from toolkit.card.reports import Report
from toolkit.errors import listed

MOST_FEATURES = 40


def task_of(report: Report) -> str:
    """Tell the kind of task from the names of the numbers: binary, multiclass, regression, or an empty text.

    Examples
    --------
    >>> from toolkit.core.estimate import Estimate
    >>> task_of(Report(scalars={"test.r2": Estimate(0.5)}))
    'regression'
    """
    names = report.scalars
    if "test.r2" in names or "test.mean_absolute_error" in names:
        return "regression"
    if any(name in names for name in ("test.roc_auc", "test.precision", "data.target_rate")):
        return "binary"
    return "multiclass" if "test.f1_macro" in names or "test.accuracy" in names else ""


def model_name(report: Report) -> str:
    """Return what the model is called: by the run that trained it, else by the address it was audited under."""
    return str(report.model.get("name") or report.parameters.get("model") or "")


def model_address(report: Report) -> str:
    """Return the address under which MLflow loads the model; empty where the report names none."""
    audited = str(report.parameters.get("model") or "")
    return str(report.mlflow.get("model_uri") or (audited if audited.startswith(("models:/", "runs:/")) else ""))


def detail_facts(report: Report) -> tuple[Fact, ...]:
    """Return what was recorded about the model itself."""
    features = report.model.get("features")
    takes = list(features) if isinstance(features, Mapping) else []
    facts = {
        "Model": model_name(report),
        "Task": task_of(report),
        "Target": as_text(report.data.get("target")),
        "Features": f"{len(takes)}: {listed(takes, MOST_FEATURES)}" if takes else "",
        "Settings": _pairs(report.model.get("settings")),
        "Recorded": _pairs(report.recorded),
        "Requirements": _joined(report.model.get("requirements")),
        "Environment": _pairs(report.environment),
        "Made by": report.author,
        "Made on": report.created,
    }
    return tuple(Fact(name, text) for name, text in facts.items() if text)


def lineage_tables(reports: Sequence[Report]) -> tuple[Table, ...]:
    """Return the way from data to run to model to report, a table for each report."""
    tables = []
    for place, report in enumerate(reports, 1):
        changed = " with uncommitted changes" if report.commit and report.dirty else ""
        steps = {
            "data": f"{as_text(report.data.get('name'))}, {as_text(report.data.get('source'))}",
            "data fingerprint": as_text(report.data.get("fingerprint")),
            "commit": report.commit + changed,
            "command": report.command,
            "MLflow run": as_text(report.mlflow.get("run_id")),
            "model": model_address(report),
            "report": f"{report.title} {f'({report.folder})' if report.folder else ''}".strip(),
            "made": f"{report.created} by {report.author}",
            "SHA-256 of results.json": report.sha256,
        }
        rows: list[tuple[Cell, ...]] = [(step, text) for step, text in steps.items() if text]
        tables.append(Table(f"From data to report {place} of {len(reports)}", ("step", "recorded"), tuple(rows)))
    return tuple(tables)


def start_lead(report: Report) -> str:
    """Say what the code needs, or why there is none."""
    if not model_address(report):
        return "The reports name no logged model, so there is nothing to load."
    needs = _joined(report.model.get("requirements"))
    return f"Set MLFLOW_TRACKING_URI to the store of the run first.{f' Needs {needs}.' if needs else ''}"


def start_code(report: Report) -> str:
    """Return Python that loads the logged model and applies it; empty where there is none.

    Examples
    --------
    >>> model = {"features": {"alcohol": "float64", "hue": "float64"}}
    >>> print(start_code(Report(mlflow={"model_uri": "models:/m-1"}, model=model)))
    import mlflow
    import pandas as pd
    <BLANKLINE>
    model = mlflow.sklearn.load_model('models:/m-1')
    columns = ['alcohol', 'hue']
    table = pd.read_csv("new_rows.csv")[columns]
    print(model.predict(table))
    """
    address = model_address(report)
    if not address:
        return ""
    features = report.model.get("features")
    takes = list(features) if isinstance(features, Mapping) else []
    short = 0 < len(takes) <= MOST_FEATURES and sum(map(len, takes)) <= 2000
    columns = pformat(takes, width=100, compact=True) if short else "[...]  # as in training"
    lines = [
        "import mlflow",
        "import pandas as pd",
        "",
        f"model = mlflow.sklearn.load_model({address!r})",
        f"columns = {columns}",
        'table = pd.read_csv("new_rows.csv")[columns]',
        "print(model.predict(table))",
    ]
    return "\n".join(lines)


def _pairs(value: object) -> str:
    entries: Mapping[Any, Any] = value if isinstance(value, Mapping) else {}
    return ", ".join(f"{key} = {as_text(entry)}" for key, entry in entries.items())


def _joined(value: object) -> str:
    return ", ".join(map(as_text, value)) if isinstance(value, list | tuple) else ""
