"""The one adapter of fitted models: whatever comes in, every step calls it this way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

from toolkit.core import Finding, ModelRecord, NotApplicable, Result
from toolkit.data import Column, Dataset, Schema, TableModel, find_columns, is_plain, schema_of
from toolkit.errors import InputError, NotApplicableError, ToolkitError, listed, nearest, reason, refusing
from toolkit.models.answers import Answers
from toolkit.models.findings import finding, refusal
from toolkit.models.preprocessing import MANY_ROWS, LevelEncoder, as_fitted, by_place, encoding_with, given_array
from toolkit.models.recorded import BoosterFunction, RecordedPredictions, ScoreFunction, as_probabilities, lined_up
from toolkit.models.threshold import Rule, Threshold
from toolkit.registry.model_store import table_function
from toolkit.statistics import AnyArray, Array


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model with what was settled about it: its columns, its labels, and the threshold it decides at.

    ``Model.of`` makes one of whatever can predict; every step does so at its door.

    Attributes
    ----------
    estimator : object
        What was fitted: scikit-learn compatible, a function of a table, or ``RecordedPredictions``.
    schema : Schema
        The contract of the table it was made for, by which later ones are read: the columns it takes, in its order, and
        the target. Of a model that is not ours what can be read off it; no features where it knows no names.
    classes : tuple
        The target's labels in the order of the estimator's own, which may be codes for them; empty for numbers.
    positive : object or None
        Of two classes, the one that the threshold is about.
    threshold : Threshold or None
        At which score a row is predicted positive; None where none was chosen.
    name, version : str
        What it is called, and under which version it was logged; the version is empty where it was not.
    recorded, decides : bool
        Whether its predictions are recorded ones; whether it decides itself, whatever its scores.
    kept : dict of str to str
        Files that were kept with it, by name, such as the profile of its training rows.
    notes : tuple of Finding
        What had to be assumed to call it.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from toolkit import load_dataset
    >>> rows = pd.DataFrame({"x": np.arange(20) / 2, "y": ["no"] * 9 + ["yes"] * 11})
    >>> fitted = LogisticRegression().fit(rows[["x"]], rows["y"] == "yes")
    >>> model = Model.of(fitted, load_dataset(rows, target="y", positive="yes"))
    >>> model.predict(rows.tail(2)).tolist(), model.classes
    (['yes', 'yes'], ('no', 'yes'))
    """

    estimator: Any = field(repr=False)
    schema: Schema = field(default_factory=Schema, repr=False)
    classes: tuple[Any, ...] = ()
    positive: object = None
    threshold: Threshold | None = None
    name: str = ""
    version: str = ""
    recorded: bool = False
    decides: bool = False
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[Finding, ...] = field(default=(), repr=False)
    _answers: Answers = field(default_factory=Answers, repr=False)

    @classmethod
    def of(cls, model: Any, data: Dataset | None = None) -> "Model":
        """Take whatever can predict as a model, and settle what a table tells about it.

        Parameters
        ----------
        model : Model, estimator, MLflow pyfunc, booster, RecordedPredictions, callable, or a result that has a model
            A function takes a frame of features and returns scores: see ``toolkit.models.recorded``.
        data : Dataset, optional
            A model that knows no names of columns takes those of its features, by place; one that was fitted on codes
            speaks the labels of its target. Both are said in ``notes``.

        Raises
        ------
        InputError
            Where it cannot predict, or takes another number of columns.
        """
        if isinstance(model, NotApplicable):
            raise NotApplicableError(model.reason)
        model = getattr(model, "model", model) if isinstance(model, Result) else model
        if not isinstance(model, Model):
            model = BoosterFunction(model) if type(model).__name__ == "Booster" else model
            if callable(model) and not isinstance(model, type) and not hasattr(model, "predict"):
                model = ScoreFunction.of(model, data)
            if isinstance(model, type) or not hasattr(model, "predict"):
                raise InputError(f"A fitted model with a 'predict' method is needed; found {type(model).__name__}.")
            if type(model := table_function(model)).__name__ == TableModel.__name__:
                at = None if model.threshold is None else Threshold(model.threshold, Rule("fixed", model.threshold))
                model = replace(cls.of(model.estimator).settled(Schema.read(model.schema)), threshold=at)
            else:
                recorded = isinstance(model, RecordedPredictions)
                decides = recorded and model.y_pred is not None
                model = cls(model, schema_of(model), own_labels(model), recorded=recorded, decides=decides)
        found: Model = model
        return found if data is None else found._named(data)._labelled(data)

    def settled(self, schema: Schema) -> "Model":
        """Take the contract of the table that it was fitted on: its columns, its labels, and the positive one."""
        taken = {name: name for name in schema_of(self.estimator).features}
        taken |= find_columns(taken, list(schema.columns))
        schema = schema.taking(list(taken.values())) if taken else schema
        own = _spelled(self.classes, schema)
        meant = _meaning(own, schema)
        classes = tuple(meant.get(code, code) for code in own)
        return replace(self, schema=schema, classes=classes, positive=schema.positive)

    def predict(self, features: pd.DataFrame | Dataset) -> AnyArray:
        """Return the label of each row, decided at the threshold where there is one, or its number."""
        return self.labels(features) if self.threshold is None else self.decide(features)[0]

    def decide(self, features: pd.DataFrame | Dataset) -> tuple[AnyArray, Array | None]:
        """Return what ``predict`` does, and beside it the scores of the positive class, where there are some."""
        scored = self.scores and len(self.classes) == 2 and self.positive in self.classes
        at, scores = self.threshold, self.positive_scores(self.positive, features) if scored else None
        if scores is None or at is None or np.isnan(at.value) or self.decides:
            return self.labels(features), scores
        negative = next(label for label in self.classes if label != self.positive)
        return np.array([negative, self.positive], dtype=object)[(scores >= at.value).astype(int)], scores

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, features: pd.DataFrame | Dataset) -> Array:
        """Return the probability of each row and class, in the order of ``classes``."""
        return self.read("predict_proba", features)

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, features: pd.DataFrame | Dataset) -> Array:
        """Return the estimator's own scores: of two classes one, for the second of them."""
        return self.read("decision_function", features)

    @property
    def columns(self) -> dict[str, str]:
        """The columns it takes, in its order, each with its kind; empty where it knows no names."""
        return {name: column.kind for name, column in self.schema.features.items()}

    @property
    def scores(self) -> str:
        """Which scores the estimator gives: ``predict_proba``, ``decision_function``, or none (an empty text)."""
        return next((name for name in ("predict_proba", "decision_function") if hasattr(self, name)), "")

    @property
    def last(self) -> Any:
        """The estimator itself: the last step of a pipeline."""
        return self.estimator.steps[-1][1] if isinstance(self.estimator, Pipeline) else self.estimator

    def labels(self, features: pd.DataFrame | Dataset, table: str = "the table") -> AnyArray:
        """Return the labels, or numbers, that the estimator itself predicts, whatever the threshold."""
        found, own = np.asarray(self.ask("predict", features, table)), own_labels(self.estimator)
        if found.ndim > 1 and found.shape[1] > 1:
            raise refusal("several outputs", name=type(self.last).__name__, count=found.shape[1])
        if not own or list(map(repr, own)) == list(map(repr, self.classes)):
            return found.ravel()
        return pd.Series(found.ravel()).map(dict(zip(own, self.classes, strict=True))).to_numpy(dtype=object)

    def positive_scores(self, positive: object, features: pd.DataFrame | Dataset, table: str = "the table") -> Array:
        """Return what a threshold cuts: the probability of a class, its decision values, or 1 where it is predicted."""
        place = self.classes.index(positive)
        if self.scores == "predict_proba":
            return self.read("predict_proba", features, table)[:, place]
        if self.scores and len(self.classes) == 2:
            score = self.read("decision_function", features, table).ravel()
            return score if place == 1 else -score
        return np.asarray(self.labels(features, table) == positive, dtype=float)

    def coded(self, target: pd.Series) -> pd.Series:
        """Write labels of the target as the estimator itself does, to fit it anew."""
        own = own_labels(self.estimator)
        return target if own in ((), self.classes) else target.map(dict(zip(self.classes, own, strict=True)))

    def outputs(self, features: pd.DataFrame, table: str = "the table") -> Array | AnyArray:
        """Return what it says first, no labels being needed: scores (n,) or (n, classes), numbers or labels (n,)."""
        if not self.scores:
            return self.labels(features, table)
        found = self.read(self.scores, features, table)
        return found[:, 1] if self.scores == "predict_proba" and found.shape[1] == 2 else found

    def check_columns(self, names: Iterable[object], table: str, others: Iterable[object] = ()) -> dict[str, str]:
        """Find the columns that it takes, all where it knows none; a missing one may be meant by one of ``others``."""
        found = find_columns(self.columns or [*map(str, names)], has := [str(name) for name in names])
        if missing := [name for name in self.columns if name not in found]:
            near = nearest(missing[0], [one for one in (*has, *map(str, others)) if one not in found.values()])
            raise NotApplicableError(str(refusal("features missing", table=table, missing=listed(missing), near=near)))
        return found

    def inputs(self, features: pd.DataFrame, table: str = "the table") -> pd.DataFrame:
        """Return the columns that the estimator takes, in its order; all of them where it knows no names."""
        if not self.columns or not isinstance(features, pd.DataFrame):
            return features
        taken, own = list(self.check_columns(features.columns, table).values()), list(self.columns)
        features = features if taken == list(features.columns) == own else features[taken].set_axis(own, axis=1)
        if not self.schema.task:
            return as_fitted(self.estimator, features)
        if all(is_plain(features[name], one.kind) for name, one in self.schema.features.items()):
            return features
        with refusing("The model cannot take the table", kinds=(ValueError,)):
            return TableModel(self.estimator, self.schema.plain()).read(features)

    def ask(self, method: str, features: pd.DataFrame | Dataset, table: str = "the table") -> Any:
        """Call a method of the estimator; whatever it stumbles over is said in one sentence."""
        rows = features.features if isinstance(features, Dataset) else features
        asked = (self.estimator, self.schema, method)
        return self._answers.find(asked, rows, lambda some: self._ask(method, some, table))

    def _ask(self, method: str, features: pd.DataFrame, table: str) -> Any:
        inputs = self.inputs(features, table)
        estimator = encoding_with(LevelEncoder, self.estimator) if np.shape(inputs)[0] > MANY_ROWS else self.estimator
        try:
            return lined_up(by_place(getattr(estimator, method), inputs), own_labels(self.estimator), features)
        except ToolkitError:
            raise
        except Exception as error:
            name, columns = f"{type(self.estimator).__name__}.{method}", np.shape(inputs)[-1]
            raise refusal("failed", name=name, columns=columns, table=table, error=error, why=reason(error)) from error

    def record(self) -> ModelRecord | None:
        """Name a model that was loaded from where it was logged; any other is named by the run that makes it."""
        return ModelRecord(self.name, version=self.version) if self.version else None

    def read(self, method: str, features: pd.DataFrame | Dataset, table: str = "the table") -> Array:
        """Return what a method that gives scores says, as numbers."""
        found = np.asarray(self.ask(method, features, table), dtype=float)
        if method != "predict_proba" or not self.classes:
            return found
        if found.shape[1:] != (len(self.classes),):
            raise refusal("column each class", classes=listed(self.classes), shape=" x ".join(map(str, found.shape)))
        return as_probabilities(found, f"{type(self.estimator).__name__}.{method}")

    def _named(self, data: Dataset) -> "Model":
        """Take the columns of a table by place, where the model knows no names."""
        columns = list(map(str, data.features.columns))
        if isinstance(self.estimator, ScoreFunction):
            return self if self.classes or not data.classes else Model.of(self.estimator.function, data)
        if self.columns or self.recorded:
            return self
        if (wanted := getattr(self.estimator, "n_features_in_", len(columns))) != len(columns):
            raise refusal("columns by place", wanted=wanted, count=len(columns), columns=listed(columns, 40))
        notes = (*self.notes, finding("MODEL-COLUMNS-BY-PLACE", "medium", columns=listed(columns, 40)))
        network = getattr(self.last, "module_", None)
        estimator = self.estimator if network is None else given_array(self.estimator, data.features, network)
        by_place = replace(self.schema, columns=dict.fromkeys(columns, Column(role="feature")))
        return replace(self, estimator=estimator, schema=by_place, notes=notes)

    def _labelled(self, data: Dataset) -> "Model":
        """Speak the labels of a table: the same in another type, or those that the model's codes stand for."""
        if not data.classes or (self.positive == data.positive and set(self.classes) & set(data.classes)):
            return self
        told = replace(self, classes=_spelled(self.classes, data) or data.classes, positive=data.positive)
        if self.threshold is not None and str(self.positive) not in ("None", str(data.positive)):
            unused = finding("MODEL-THRESHOLD-UNUSED", "medium", "threshold", own=self.positive, positive=data.positive)
            told = replace(told, threshold=None, notes=(*self.notes, unused))
        if set(told.classes) & set(data.classes) or not (meant := _meaning(told.classes, data)):
            return told
        said = listed(f"{code!r} for {label!r}" for code, label in meant.items())
        notes = (*told.notes, finding("MODEL-LABELS-CODED", "medium", data.target.name, said=said))
        return replace(told, classes=tuple(meant.get(code, code) for code in told.classes), notes=notes)


def in_order(data: Dataset | Schema) -> tuple[Any, ...]:
    """Return the labels of a target in the order in which codes stand for them: of two classes, the positive last."""
    return tuple(sorted(data.classes, key=lambda label: data.task == "binary" and label == data.positive))


def _spelled(labels: tuple[Any, ...], data: Dataset | Schema) -> tuple[Any, ...]:
    """Write labels that equal the target's, as 0 equals False, as the target does."""
    return tuple(next((one for one in data.classes if one == label), label) for label in labels)


def _meaning(own: tuple[Any, ...], data: Dataset | Schema) -> dict[Any, Any]:
    """Say which of a target's labels each of a model's labels stands for; empty where they have nothing in common."""
    by_text, ordered = {str(label): label for label in own}, in_order(data)
    if all(str(label) in by_text for label in ordered):
        return {by_text[str(label)]: label for label in ordered}
    return dict(zip(own, ordered, strict=True)) if own == tuple(range(len(ordered))) else {}


def own_labels(estimator: Any) -> tuple[Any, ...]:
    """Return the labels that an estimator itself predicts, in the order of its scores; none where it does not say."""
    if isinstance(known := getattr(estimator, "classes_", None), list) and any(np.ndim(labels) for labels in known):
        raise refusal("several outputs", name=type(estimator).__name__, count=len(known))
    return () if known is None else tuple(np.asarray(known, dtype=object).tolist())
