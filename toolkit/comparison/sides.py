"""Two models and the same rows: loaded, predicted, and how they differ by metric, by group of people, row by row."""

import math
from dataclasses import dataclass, replace
from typing import Any, Self, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.comparison.contrasts import ALPHA, Paired, mcnemar
from toolkit.core import Estimate
from toolkit.data import Dataset, Options, Split, given, judged_rows, listed_names, read_table
from toolkit.errors import InputError
from toolkit.evaluation.evaluate import measure
from toolkit.evaluation.scan import row_losses, search
from toolkit.evaluation.slices import MOST_ROWS, fewest
from toolkit.fairness.groups import group_rows
from toolkit.models import Model, ThresholdLike, in_order, load_audit, load_model, load_predictions
from toolkit.models.prediction import Predictions, measure_speed, predict_at
from toolkit.statistics import LEAST_OF_CLASS, SCORE_METRICS, Codes, holm, weights_of

#: Rows of a group below which it is not compared.
LEAST_ROWS = 30
#: What is compared for each group of people besides the metric that decides, as far as the task has it.
OF_GROUPS = ("accuracy", "recall", "precision", "mean_absolute_error")
_GROUPS = ("feature", "group", "rows", "metric", "champion", "challenger", "difference", "p_adjusted", "worse")
_SLICES = ("slice", "rows", "loss", "champion", "challenger", "difference", "p_adjusted")
_FLIPS = ("row", "truth", "champion", "challenger", "champion_score", "challenger_score")


def load_comparison(
    *,
    champion: Any,
    challenger: Any,
    data: Any = "",
    predictions: Any = "",
    target: str = "",
    y_true: str = "y_true",
    **options: Unpack[Options],
) -> tuple[Model, Model, Dataset]:
    """Load two models with the rows on which they are compared, or the recorded predictions of both.

    Parameters
    ----------
    champion, challenger : str or estimator
        Addresses for ``load_model``, or the fitted models. Beside ``predictions`` the names of the columns that hold
        their scores, or their labels or numbers.
    data : str, path or DataFrame
        As for ``load_dataset``; read by the challenger's schema.
    predictions : str, path or DataFrame
        A table with the truth and both models' predictions, instead of ``data``.
    target, y_true : str
        The column to predict in ``data``, and in ``predictions``.
    **options
        As for ``load_dataset``.

    Returns
    -------
    (champion, challenger, data)

    Raises
    ------
    InputError
        Where one of the two, or the rows, are not given or cannot be loaded.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"y_true": [0, 1] * 5, "old": [0.4, 0.6] * 5, "new": [0.1, 0.9] * 5})
    >>> old, new, data = load_comparison(champion="old", challenger="new", predictions=rows)
    >>> old.predict_proba(data.features)[:2, 1].tolist(), new.predict_proba(data.features)[:2, 1].tolist()
    ([0.4, 0.6], [0.1, 0.9])
    """
    for name, model in (("champion", champion), ("challenger", challenger)):
        if given(model) is None:
            raise InputError(f"A comparison needs a {name}: a model, or beside predictions the name of its column.")
    if (given(data) is None) == (given(predictions) is None):
        raise InputError("Give data to compare the models on, or predictions that hold both models' columns.")
    if given(predictions) is None:
        newer, dataset = load_audit(model=challenger, data=data, target=target, **options)
        return load_model(champion) if isinstance(champion, str) else Model.of(champion), newer, dataset
    table = read_table(predictions)
    names = list(table.frame.columns)
    truth = set(table.frame[y_true].dropna().unique()) if y_true in names else set()
    left, found = listed_names(options.get("drop"), names), []
    for own in (champion, challenger):
        others = [name for name in (champion, challenger, "y_pred", "y_score") if name != own and name in names]
        numbers = len(truth) > 2 and pd.api.types.is_numeric_dtype(table.frame[y_true])
        labels = own in names and (numbers or set(table.frame[own].dropna().unique()) <= truth)
        options["drop"] = [*left, *others]
        column = {"y_pred" if labels else "y_score": own}
        recorded, dataset = load_predictions(table, y_true=y_true, **column, **options)
        found.append(Model.of(recorded, dataset))
    return found[0], found[1], dataset


@dataclass(frozen=True, eq=False)
class Sides:
    """A champion and a challenger, in this order, and what each says of the same rows.

    Attributes
    ----------
    part : Dataset
        The rows.
    models : tuple of Model
        Each with the threshold at which it decides.
    said : tuple of Predictions
    seed : int
    """

    part: Dataset
    models: tuple[Model, ...]
    said: tuple[Predictions, ...]
    seed: int

    @classmethod
    def of(cls, models: tuple[Any, Any], data: Dataset | Split, threshold: ThresholdLike, seed: int) -> Self:
        """Let both models predict; one may take columns that the other has no use for."""
        models = Model.of(models[0]), Model.of(models[1])
        part, known, said = judged_rows(data), [], []
        for one in models:
            model = Model.of(one, part)
            rows = part
            if not set(model.columns) <= set(part.features.columns):
                rows = replace(part, features=pd.concat([part.features, part.others], axis=1))
            model, predicted = predict_at(model, data, threshold, rows)
            known.append(model)
            said.append(predicted)
        return cls(part, tuple(known), tuple(said), seed)

    def take(self, places: Codes) -> Self:
        """Return both on some of the rows."""
        return replace(self, part=self.part.take(places), said=tuple(one.take(places) for one in self.said))

    def metrics(self) -> dict[str, Paired]:
        """Compare every metric of the task."""
        task, exact = self.part.task, {}
        both = zip(self.models, self.said, strict=True)
        one, two = (measure(said, model.threshold, self.part.units, self.seed) for model, said in both)
        if task != "regression" and self.part.units is None:
            truth = self.part.target.to_numpy(dtype=object)
            exact["accuracy"] = mcnemar(*(labels == truth for labels in self.labels()))
        return {name: Paired.of(name, one[name], two[name], exact.get(name, math.nan)) for name in one if name in two}

    def groups(self, main: str, depth: int) -> pd.DataFrame:
        """Compare the metric that decides, and a few others, within each group of people of 30 rows or more.

        The p values are Holm's over the whole table. A metric of scores needs ten rows of each class.
        """
        rows: list[tuple[object, ...]] = []
        for grouping in group_rows(self.part.sensitive, depth, dates=self.part.dates):
            for label, places in zip(grouping.labels, grouping.rows, strict=True):
                if len(places) < LEAST_ROWS:
                    continue
                within = self.take(places)
                pairs = within.metrics()
                ones = within.said[0].y_true.sum()
                few = self.part.task == "binary" and min(ones, len(places) - ones) < LEAST_OF_CLASS
                for name in dict.fromkeys((main, *OF_GROUPS)):
                    if (one := pairs.get(name)) and not (few and name in SCORE_METRICS):
                        numbers = (one.champion, one.challenger, one.difference, one.p_value, one.gain.value < 0)
                        rows.append((grouping.feature, label, len(places), name, *numbers))
        table = pd.DataFrame(rows, columns=list(_GROUPS))
        table["p_adjusted"] = holm(table["p_adjusted"].to_numpy(dtype=float))
        table["worse"] = table["worse"].astype(bool) & (table["p_adjusted"] <= ALPHA)
        return table

    def slices(self) -> pd.DataFrame:
        """Search single columns and pairs for rows on which the challenger's loss is higher for certain.

        As ``find_slices`` does, of the difference of the two losses of each row; all slices examined count.
        """
        if self.part.rows > MOST_ROWS:
            picked = np.random.default_rng(self.seed).choice(self.part.rows, MOST_ROWS, replace=False)
            return self.take(np.sort(picked)).slices()
        task, bare = self.part.task, [replace(one, probabilities=False) for one in self.said]
        alike = self.said[0].probabilities == self.said[1].probabilities
        (name, old), (_, new) = (row_losses(one, task) for one in (self.said if alike else bare))
        given = self.part, new - old, fewest(self.part.rows), 2, self.part.units, self.seed
        scanned, kept = search(*given, against_zero=True)
        numbers, rows = (scanned.difference, scanned.half_width, scanned.p_adjusted), []
        for place in kept:
            held = scanned.mask(place) * weights_of(self.part.units, self.part.rows)
            (apart, half, p), count = (float(part[place]) for part in numbers), int(scanned.rows[place])
            difference = Estimate(apart, apart - half, apart + half, count, "t, simultaneous over all slices")
            means = (float(np.average(loss, weights=held)) for loss in (old, new))
            rows.append((scanned.text(place), count, name, *means, difference, p))
        return pd.DataFrame(rows, columns=list(_SLICES))

    def labels(self) -> list[NDArray[Any]]:
        """Return the label that each model gives each row, at its own threshold."""
        found = []
        for model, said in zip(self.models, self.said, strict=True):
            at = model.threshold
            codes, labels = (said.y_pred, said.classes) if at is None else (said.decide(at.value), in_order(self.part))
            found.append(np.array(labels, dtype=object)[codes.astype(int)])
        return found

    def flips(self) -> pd.DataFrame:
        """Return the rows that the two decide differently; none where numbers are predicted."""
        if self.part.task == "regression":
            return pd.DataFrame(columns=list(_FLIPS[:4]))
        labels = self.labels()
        apart = np.flatnonzero(labels[0] != labels[1])
        columns = [self.part.target.index, self.part.target, *labels]
        columns += [said.y_pred for said in self.said] if self.part.task == "binary" else []
        return pd.DataFrame({name: np.asarray(one)[apart] for name, one in zip(_FLIPS, columns, strict=False)})

    def speed(self, wanted: bool) -> pd.DataFrame:
        """Time both models and weigh them, where that is wanted; recorded predictions take no time."""
        rows, seed = self.part.features, self.seed
        timed = [measure_speed(one, rows, seed=seed) if wanted and not one.recorded else {} for one in self.models]
        both = [(name, *(one.get(name, Estimate(math.nan)) for one in timed)) for name in timed[0] | timed[1]]
        return pd.DataFrame(both, columns=["measure", "champion", "challenger"])
