"""The trained candidates side by side, their differences to the chosen one, and that one as it is handed over."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core.estimate import Estimate, spread
from toolkit.core.face import Face
from toolkit.core.figures import BLUE, GREY, Axes, Drawing, draw_intervals, name_rows
from toolkit.core.result import Candidate, Finding, ModelRecord, Record, Result
from toolkit.core.words import counted, spoken
from toolkit.data import table_reader
from toolkit.data.contract import BY_TYPE
from toolkit.data.dataset import Dataset
from toolkit.data.schema import KEPT_AS, Column
from toolkit.models.candidates import BASELINE, metric_range, requirements_of
from toolkit.models.findings import drawing, face
from toolkit.models.model import Model
from toolkit.statistics.intervals import Array

#: What travels with a model that is handed over.
FOLDER = Path(str(table_reader.__file__)).parent
SECONDS = ("fit_seconds", "predict_seconds", "refit_seconds")


@dataclass(frozen=True, eq=False, repr=False)
class Training(Result):
    """Trained candidates, how they compare, and the one that was chosen.

    Attributes
    ----------
    name : str
        The chosen candidate.
    models : dict of str to Model
        Every candidate, and ``baseline``, refitted on the whole training part.
    metric : str
        The scorer that decided; greater is better.
    scores : DataFrame
        One row a candidate, metric and fold: ``candidate, metric, fold, value``.
    test_to_train : float
        Rows of a fold that are scored for each that is trained on.
    rule, folds : str
        How the choice was made and how the folds were cut, in words.
    data : Dataset
        The training part.
    """

    name: str
    models: dict[str, Model]
    metric: str
    scores: pd.DataFrame
    test_to_train: float
    rule: str
    folds: str
    data: Dataset
    notes: tuple[Finding, ...]

    @property
    def model(self) -> Model:
        """The chosen model, fitted on the whole training part."""
        return self.models[self.name]

    @property
    def baseline(self) -> Model:
        """The fitted baseline."""
        return self.models[BASELINE]

    def frame(self) -> pd.DataFrame:
        """Return the leaderboard: a row a candidate, the best first, each metric with the ends of its interval."""
        return spread(self.board)

    @cached_property
    def board(self) -> pd.DataFrame:
        """The leaderboard with a column of Estimates for each metric, and of differences to the chosen candidate."""
        rows = []
        for candidate in self.models:
            row: dict[str, Any] = {"candidate": candidate, "chosen": candidate == self.name}
            row[self.metric] = self.estimate(candidate, self.metric)
            row["minus_chosen"] = None if row["chosen"] else self.estimate(candidate, self.metric, minus=self.name)
            row |= {name: self.estimate(candidate, name) for name in self.metrics if name != self.metric}
            rows.append(row | {kind: self._values(candidate, kind).mean() for kind in SECONDS[:2]})
        rows.sort(key=lambda row: np.nan_to_num(-row[self.metric].value, nan=math.inf))
        return pd.DataFrame(rows)

    @property
    def metrics(self) -> list[str]:
        """The metrics by which the candidates are compared."""
        return [name for name in self.scores["metric"].unique() if name not in SECONDS]

    def estimate(self, candidate: str, metric: str, *, minus: str = "") -> Estimate:
        """Return the mean of a metric over the folds, or of its difference to another candidate on the same folds.

        The interval is the corrected resampled t interval (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366): folds
        share training rows, so the plain standard error over them is too small, and the ratio of test to training
        rows is added to one over the number of folds. It ends where the metric does.

        Parameters
        ----------
        candidate, metric : str
        minus : str, optional
            The other candidate. What makes a fold hard for both cancels, so two candidates may differ clearly although
            their own intervals overlap.
        """
        low, high = metric_range(metric)
        values = self._values(candidate, metric)
        if minus:
            values, low, high = values - self._values(minus, metric), low - high, high - low
        values = values[np.isfinite(values)]
        folds, mean = len(values), float(values.mean()) if len(values) else math.nan
        if folds < 2:
            return Estimate(mean, n=folds, method="too few folds for an interval")
        error = math.sqrt((1 / folds + self.test_to_train) * values.var(ddof=1)) * stats.t.ppf(0.975, folds - 1)
        method = f"corrected resampled t over the folds{', paired' * bool(minus)}"
        return Estimate(mean, float(max(mean - error, low)), float(min(mean + error, high)), folds, method)

    def _values(self, candidate: str, metric: str) -> Array:
        rows = (self.scores["candidate"] == candidate) & (self.scores["metric"] == metric)
        return self.scores.loc[rows, "value"].to_numpy()

    def scalars(self) -> dict[str, Estimate]:
        """Return ``cv.<metric>`` of the chosen candidate and ``cv.<candidate>.<metric>`` and the times of each.

        ``cv.<candidate>.minus_chosen`` is the paired difference in the metric that decided.
        """
        numbers = {f"cv.{metric}": self.estimate(self.name, metric) for metric in self.metrics}
        each = map(self._candidate_scalars, self.models)
        return numbers | {name: number for one in each for name, number in one.items()}

    def _candidate_scalars(self, candidate: str) -> dict[str, Estimate]:
        numbers = {f"cv.{candidate}.{name}": self.estimate(candidate, name) for name in self.metrics}
        if candidate != self.name:
            numbers[f"cv.{candidate}.minus_chosen"] = self.estimate(candidate, self.metric, minus=self.name)
        times = {f"time.{candidate}.{kind}": Estimate(float(self._values(candidate, kind).mean())) for kind in SECONDS}
        return numbers | times

    def drawings(self) -> list[Drawing]:
        """Return the one figure: the candidates' scores, fold by fold."""
        said = [f"{name} {self.estimate(name, self.metric)}" for name in self.models]

        def draw(ax: Axes) -> None:
            names = list(self.board["candidate"])
            for place, (name, mean) in enumerate(zip(names, self.board[self.metric], strict=True)):
                values = self._values(name, self.metric)
                ax.plot(values, [place] * len(values), "o", color=GREY, alpha=0.5, markersize=5)
                bar: dict[str, Any] = {"marker": "|", "markersize": 18, "linewidth": 3, "markeredgewidth": 3}
                draw_intervals(ax, [place], [mean], color=BLUE if name == self.name else GREY, **bar)
            name_rows(ax, [f"{name} (chosen)" if name == self.name else name for name in names])
            ax.set_xlabel(spoken(self.metric))

        return [drawing("leaderboard", draw, self.board, metric=spoken(self.metric), folds=self.folds, said=said)]

    def record(self) -> Record:
        """Return the chosen model and every candidate with its settings and numbers, for the tracker."""
        models = self.models.items()
        candidates = [Candidate(name, _settings(one.last), self._candidate_scalars(name)) for name, one in models]
        how = {"candidate": self.name, "metric": self.metric, "rule": self.rule, "folds": self.folds}
        model = handed_over(self.model, self.name, self.data.features)
        return Record(parameters=how, candidates=candidates, model=model, kept={KEPT_AS: self.model.schema.text()})

    def face(self) -> Face:
        """Return which candidate was chosen and how, and the leaderboard."""
        said = {"among": counted(len(self.models) - 1, "candidate"), "rows": counted(self.data.rows, "row")}
        return face("training", self, self.board.drop(columns="chosen"), metric=spoken(self.metric), **said)


def _settings(estimator: Any) -> dict[str, object]:
    settings = {name: value for name, value in estimator.get_params(deep=False).items() if not hasattr(value, "fit")}
    return {"estimator": type(estimator).__name__, **settings}


def handed_over(model: Model, name: str, features: pd.DataFrame) -> ModelRecord:
    """Return what is logged of a trained model: it reads a table by its schema and speaks the target's labels.

    Parameters
    ----------
    model : Model
    name : str
    features : DataFrame
        Rows as it was trained on.

    Returns
    -------
    ModelRecord
        The folder ``toolkit/data/table_reader`` travels with it.
    """
    requirements, schema = requirements_of(model.estimator), model.schema
    types = {key: _type(one, features[key]) for key, one in schema.features.items()}
    whole = _travelling().TableModel(model.estimator, schema.plain(), list(model.classes))
    example = features.head(5).astype({key: object for key, kind in types.items() if kind == "string"})
    flags = [key for key, kind in types.items() if kind == "boolean"]
    example[flags] = example[flags].astype(object).replace({0: False, 1: True})
    return ModelRecord(name, whole, example, requirements, types, str(FOLDER))


def _type(column: Column, values: pd.Series[Any]) -> str:
    """Return MLflow's name of the type of a column, or ``any`` where MLflow would refuse what the model takes.

    Where MLflow is told ``double`` it refuses whole numbers, as a file has them where all happen to be so; where it is
    told ``string``, categories; where it is told ``datetime``, the texts that a date is in a CSV, and time zones.
    """
    if column.kind in ("text", "bool"):
        return "boolean" if column.kind == "bool" else "any" if column.why == BY_TYPE else "string"
    return "double" if column.plain and not column.missing and (values.dropna() % 1 != 0).mean() > 0.5 else "any"


def _travelling() -> Any:
    """Import the folder under the name that its copy has where the toolkit is not installed."""
    if (name := FOLDER.name) not in sys.modules:
        found: Any = spec_from_file_location(name, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
        sys.modules[name] = module_from_spec(found)
        found.loader.exec_module(sys.modules[name])
    return import_module(f"{name}.table_model")
