"""Fitted models that pay attention to groups, in a form that can be kept, loaded and called like any other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from toolkit.errors import InputError, listed
from toolkit.fairness.groups import Groups, Labels
from toolkit.models import Model, dense
from toolkit.statistics import AnyArray, Array

#: The group of each row, where a model needs it.
Members: TypeAlias = Labels | None
#: The chance of being predicted positive by group, whatever the score, and what is added to it above each threshold.
Rules = Mapping[str, tuple[float, Sequence[tuple[float, float]]]]


@dataclass(eq=False, repr=False)
class FairModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A fitted classifier that may need the sensitive columns when it predicts.

    Parameters
    ----------
    part : callable
        What decides: takes features and the groups of their rows, returns the chance that each is predicted positive.
    feature_names : sequence of str
        Columns that the part is given.
    classes : (object, object)
        The labels in order.
    positive : object
        The one that the part speaks of.
    scored : bool
        Whether that chance is a probability, to be cut at a half. Else it decides at random; a row's lot is drawn from
        its own values: asked again, it gets the same answer, and so does every row that is equal to it.
    groups : Groups, optional
        Given where the sensitive columns are needed to predict. They are read from ``sensitive_features`` or, without
        that, from the features. A row of a group not seen in fitting is treated as ``groups.fallback``.
    seed : int
        Of the lots.
    """

    part: Callable[[pd.DataFrame, Members], Array]
    feature_names: Sequence[str]
    classes: Sequence[Any]
    positive: object
    scored: bool = False
    groups: Groups | None = None
    seed: int = 0

    @property
    def feature_names_in_(self) -> Labels:
        """Columns that are read to predict: those that the part is given, and the sensitive ones where needed."""
        needed = () if self.groups is None else self.groups.columns
        return np.array(list(dict.fromkeys([*self.feature_names, *needed])), dtype=object)

    @property
    def classes_(self) -> AnyArray:
        """The labels in order."""
        return np.array(list(self.classes))

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, features: pd.DataFrame, *, sensitive_features: pd.DataFrame | None = None) -> AnyArray:
        """Return the label of each row.

        Parameters
        ----------
        features : DataFrame of shape (n, columns)
            May hold the sensitive columns beside the features.
        sensitive_features : DataFrame of shape (n, sensitive columns), optional

        Raises
        ------
        InputError
            Where a sensitive column is needed and not there.
        """
        chance = self._chance(features, sensitive_features)
        lot = 0.5 if self.scored else 1 - lots(features[list(self.feature_names)], self.seed)
        place = list(self.classes).index(self.positive)
        return np.asarray(self.classes_[np.where(chance >= lot, place, 1 - place)])

    @available_if(lambda model: model.scored)  # type: ignore[untyped-decorator]
    def predict_proba(self, features: pd.DataFrame, *, sensitive_features: pd.DataFrame | None = None) -> Array:
        """Return the probabilities of both classes, of shape (n, 2); only where the model does not decide at random."""
        chance = self._chance(features, sensitive_features)
        both = [1 - chance, chance]
        return np.column_stack(both if self.classes[1] == self.positive else both[::-1])

    def _chance(self, features: pd.DataFrame, sensitive_features: pd.DataFrame | None) -> Array:
        if missing := [name for name in self.feature_names if name not in features.columns]:
            raise InputError(f"The model needs columns that are not there: {listed(missing)}.")
        sensitive = features if sensitive_features is None else sensitive_features
        groups = None if self.groups is None else self.groups.find(pd.DataFrame(sensitive))
        return self.part(features[list(self.feature_names)], groups)


def lots(features: pd.DataFrame, seed: int) -> Array:
    """Draw a number in [0, 1) for each row from the row's own values.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [20, 30, 20]})
    >>> drawn = lots(table, 0)
    >>> bool(drawn[0] == drawn[2]), bool(drawn[0] == drawn[1])
    (True, False)
    """
    # A whole number is the same where another row's lacks a value, and all are floats.
    features = features.astype(dict.fromkeys(features.select_dtypes("number"), float))
    mixed = pd.util.hash_pandas_object(features, index=False).to_numpy(dtype=np.uint64)
    mixed = (mixed ^ np.uint64(seed % 2**32)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray((mixed >> np.uint64(11)) / 2.0**53)


def above_thresholds(features: pd.DataFrame, groups: Members, *, model: Model, positive: object, rules: Rules) -> Array:
    """Return each row's chance by thresholds of its group (Hardt et al. 2016, "Equality of Opportunity", NeurIPS).

    Parameters
    ----------
    features : DataFrame of shape (n, columns)
    groups : array of shape (n,)
    model : Model
        Whose scores are cut.
    positive : object
        The label that the scores are of.
    rules : Rules
        A threshold for each group, or a lot between two.
    """
    score = model.positive_scores(positive, features)
    called = np.zeros(len(score))
    for name, (base, steps) in rules.items():
        rows = groups == name
        called[rows] = base + sum(weight * (score[rows] > threshold) for weight, threshold in steps)
    return called


def by_mixture(features: pd.DataFrame, _: Members, *, encoder: Any, models: Sequence[Any], weights: Array) -> Array:
    """Return each row's chance where one of several classifiers is drawn (Agarwal et al. 2018, arXiv:1803.02453).

    Parameters
    ----------
    features : DataFrame of shape (n, columns)
    encoder : transformer or None
        Applied first.
    models : sequence of estimator
        Each predicts 1 for the positive class, 0 for the other.
    weights : array of shape (models,)
        How often each is drawn.
    """
    encoded = features if encoder is None else dense(encoder.transform(features))
    return np.asarray(weights @ np.array([model.predict(encoded) for model in models], dtype=float))


def decorrelated(
    features: pd.DataFrame, groups: Members, *, encoder: Any, remover: Any, members: Sequence[str], model: Any
) -> Array:
    """Return each row's probability by features without the linear part of the groups (Fairlearn's CorrelationRemover).

    Parameters
    ----------
    features : DataFrame of shape (n, columns)
    groups : array of shape (n,)
    encoder : transformer
        Of the features that are not sensitive, into numbers.
    remover : CorrelationRemover
        Takes the encoded features with one column more for each group but the first.
    members : sequence of str
        The groups of those columns.
    model : estimator
        Its second class is the positive one.
    """
    freed = remover.transform(with_groups(encoder.transform(features), groups, members))
    return np.asarray(model.predict_proba(freed)[:, 1], dtype=float)


def with_groups(encoded: Any, groups: Members, members: Sequence[str]) -> Array:
    """Join encoded features with a column of 0 and 1 for each group named."""
    return np.column_stack([dense(encoded), *[np.asarray(groups == name, dtype=float) for name in members]])
