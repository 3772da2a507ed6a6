"""Where a model comes from and how to load it: what runs recorded about data, run, model version and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pprint import pformat

from toolkit.card.content import Fact, as_text, table_of
from toolkit.card.reports import Report
from toolkit.core.face import FaceTable
from toolkit.core.results import ModelInfo, Results
from toolkit.errors import listed

MOST_FEATURES = 40


def task_of(results: Results) -> str:
    """Tell the kind of task from the names of the numbers: binary, multiclass, regression, or an empty text.

    Examples
    --------
    >>> from toolkit.core.estimate import Estimate
    >>> from toolkit.core.results import DataInfo
    >>> task_of(Results(data=DataInfo("wine"), scalars={"test.r2": Estimate(0.5)}))
    'regression'
    """
    names = results.scalars
    if "test.r2" in names or "test.mean_absolute_error" in names:
        return "regression"
    if any(name in names for name in ("test.roc_auc", "test.precision", "data.target_rate")):
        return "binary"
    return "multiclass" if "test.f1_macro" in names or "test.accuracy" in names else ""


def model_name(results: Results) -> str:
    """Return what the model is called: by the run that trained it, else by the address it was audited under."""
    return model_of(results).name or str(results.parameters.get("model") or "")


def model_of(results: Results) -> ModelInfo:
    """Return what is known about the model; without a name where there is none."""
    return results.model or ModelInfo("")


def model_address(results: Results) -> str:
    """Return the address under which MLflow loads the model; empty where the report names none."""
    audited = str(results.parameters.get("model") or "")
    return results.mlflow.model_uri or (audited if audited.startswith(("models:/", "runs:/")) else "")


def detail_facts(results: Results) -> list[Fact]:
    """Return what was recorded about the model itself."""
    model = model_of(results)
    takes = list(model.features)
    facts = {
        "Model": model_name(results),
        "Task": task_of(results),
        "Target": results.data.target,
        "Features": f"{len(takes)}: {listed(takes, MOST_FEATURES)}" if takes else "",
        "Settings": _pairs(model.settings),
        "Recorded": _pairs(results.recorded),
        "Requirements": ", ".join(model.requirements),
        "Environment": _pairs(results.environment),
        "Made by": results.author,
        "Made on": results.created,
    }
    return [Fact(name, text) for name, text in facts.items() if text]


def lineage_tables(reports: Sequence[Report]) -> list[FaceTable]:
    """Return the way from data to run to model to report, a table for each report."""
    tables: list[FaceTable] = []
    for place, report in enumerate(reports, 1):
        one = report.results
        steps = {
            "data": f"{one.data.name}, {one.data.source}",
            "data fingerprint": one.data.fingerprint,
            "commit": (one.commit or "") + (" with uncommitted changes" if one.commit and one.dirty else ""),
            "command": one.command,
            "MLflow run": one.mlflow.run_id,
            "model": model_address(one),
            "report": f"{one.title} {f'({report.folder})' if report.folder else ''}".strip(),
            "made": f"{one.created} by {one.author}",
            "SHA-256 of results.json": report.sha256,
        }
        rows = [(step, text) for step, text in steps.items() if text]
        tables += table_of(f"From data to report {place} of {len(reports)}", ("step", "recorded"), rows)
    return tables


def start_lead(results: Results) -> str:
    """Say what the code needs, or why there is none."""
    if not model_address(results):
        return "The reports name no logged model, so there is nothing to load."
    needs = ", ".join(model_of(results).requirements)
    return f"Set MLFLOW_TRACKING_URI to the store of the run first.{f' Needs {needs}.' if needs else ''}"


def start_code(results: Results) -> str:
    """Return Python that loads the logged model and applies it; empty where there is none.

    Examples
    --------
    >>> from toolkit.core.results import DataInfo, RunInfo
    >>> model = ModelInfo("ridge", features={"alcohol": "float64", "hue": "float64"})
    >>> run = RunInfo(model_uri="models:/m-1")
    >>> print(start_code(Results(data=DataInfo("wine"), scalars={}, model=model, mlflow=run)))
    import mlflow
    import pandas as pd
    <BLANKLINE>
    model = mlflow.sklearn.load_model('models:/m-1')
    columns = ['alcohol', 'hue']
    table = pd.read_csv("new_rows.csv")[columns]
    print(model.predict(table))
    """
    address = model_address(results)
    if not address:
        return ""
    takes = list(model_of(results).features)
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


def _pairs(entries: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {as_text(entry)}" for key, entry in entries.items())
