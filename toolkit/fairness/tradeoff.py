"""The price of a smaller disparity: ways to mitigate, each fitted, and measured on the same held-out rows."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import has_fit_parameter

from toolkit.core import UNKNOWN, Estimate, Finding, side_by_side
from toolkit.data import Dataset, Split
from toolkit.errors import NotApplicableError
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.findings import finding
from toolkit.fairness.group_models import FairModel, above_thresholds, by_mixture, decorrelated, with_groups
from toolkit.fairness.groups import FEWEST, Groups, Labels, learn_groups, reweighing_weights, sensitive_columns
from toolkit.fairness.measures import METRICS
from toolkit.models import Model, RecordedPredictions, in_order, make_candidates, make_model, predict, threshold_for
from toolkit.models.preprocessing import dense
from toolkit.models.threshold import AS_DECIDED, ThresholdLike
from toolkit.statistics import Array, Mask, Measure, binary_metrics, difference

#: Largest difference between a group's rate and that of all, for the exponentiated gradient.
BOUNDS = (0.01, 0.05)
ALPHAS = (0.5, 1.0)
MOST_ROUNDS = 5
MOST_ENCODED = 2_000
ORIGINAL, BASELINE = "original", "baseline"
CONSTRAINTS = METRICS["constraints"]
PERFORMANCE = ("accuracy", "balanced_accuracy", "roc_auc")
REPLICATES = 2_000


class Setup(NamedTuple):
    """What every method is given: the original model, the data, and what is asked for."""

    model: Model
    split: Split
    columns: tuple[str, ...]
    constraint: str
    metric: str
    rows: int
    seed: int

    @property
    def disparity(self) -> str:
        """What the constraint makes small."""
        return str(CONSTRAINTS[self.constraint][0])

    def features(self) -> list[str]:
        """Return the columns that the original model is given."""
        return list(self.model.check_columns(self.split.train.features, "the table").values())

    def sample(self) -> Dataset:
        """Return the training rows, a random sample where there are more than ``rows``."""
        return self.split.train.sampled(self.rows, np.random.default_rng(self.seed))

    def grouped(self, data: Dataset, *, each_class: bool = False) -> tuple[Groups, Labels]:
        """Learn the groups on some rows, and return them with the group of each row."""
        sensitive = sensitive_columns(data, list(self.columns))
        groups = learn_groups(sensitive, data.features, data.y_binary(), each_class=each_class, dates=data.dates)
        if len(groups.all()) < 2:
            raise NotApplicableError(f"fewer than two groups have {FEWEST} rows{' of each class' * each_class}")
        return groups, groups.find(sensitive)


class Point(NamedTuple):
    """A fitted model and, once measured, how it does.

    Attributes
    ----------
    name, method, setting : str
        Of the point, of the method, and with which setting in words.
    model : Model
        Once measured with the threshold at which it decides.
    rows : int
        That it was fitted on.
    groups : Groups or None
        That it was fitted for.
    measures : mapping of str to Measure
        Its performance by metric.
    disparity : Estimate
    """

    name: str
    method: str
    setting: str
    model: Any
    rows: int
    groups: Groups | None = None
    measures: Mapping[str, Measure] = {}
    disparity: Estimate = UNKNOWN


def optimize_thresholds(setup: Setup) -> list[Point]:
    """Fit Fairlearn's ThresholdOptimizer on the validation part, or where there is none on the training part."""
    from fairlearn.postprocessing import ThresholdOptimizer

    part = setup.split.validation or setup.split.train
    groups, found = setup.grouped(part, each_class=True)
    names, positive = setup.features(), part.positive
    score = setup.model.positive_scores(positive, part.features)
    # The scores are computed once, and always for the positive class: the optimizer is handed them for features.
    how = {"estimator": FunctionTransformer(np.ravel), "prefit": True, "predict_method": "transform"}
    optimizer = ThresholdOptimizer(constraints=setup.constraint, objective=f"{setup.metric}_score", **how)
    optimizer.fit(score[:, None], part.y_binary(), sensitive_features=found.astype(str))
    rules = {}
    for name, rule in optimizer.interpolated_thresholder_.interpolation_dict.items():
        ignored = float(rule.get("p_ignore", 0.0))
        cuts = [(rule.p0, rule.operation0.threshold), (rule.p1, rule.operation1.threshold)]
        steps = [((1 - ignored) * float(weight), float(cut)) for weight, cut in cuts if weight > 0]
        rules[str(name)] = ignored * float(rule.get("prediction_constant", 0.0)), steps
    decides = partial(above_thresholds, model=setup.model, positive=positive, rules=rules)
    model = FairModel(decides, names, part.classes, positive, groups=groups, seed=setup.seed)
    return [Point("threshold_optimizer", "threshold_optimizer", "", model, part.rows, groups)]


def exponentiate_gradient(setup: Setup) -> list[Point]:
    """Fit Fairlearn's ExponentiatedGradient for each bound, on features encoded once."""
    from fairlearn import reductions

    encoder, estimator = _parts(setup)
    data = setup.sample()
    groups, members = setup.grouped(data, each_class=setup.constraint != "demographic_parity")
    names, y = setup.features(), data.y_binary()
    encoded = data.features[names] if encoder is None else dense(_narrow(encoder.transform(data.features[names])))
    costs = {"fp": 0.5 / (1 - y.mean()), "fn": 0.5 / y.mean()} if setup.metric == "balanced_accuracy" else None

    def search(bound: float) -> Point:
        moment = getattr(reductions, CONSTRAINTS[setup.constraint][1])(difference_bound=bound)
        # So small a nu spares the fits that would only certify how close the solution is.
        found = reductions.ExponentiatedGradient(
            clone(estimator), moment, objective=reductions.ErrorRate(costs=costs), max_iter=MOST_ROUNDS, nu=1e-6
        ).fit(encoded, y, sensitive_features=members.astype(str))
        drawn = found.weights_[found.weights_ > 0]
        models, weights = [found.predictors_[one] for one in drawn.index], (drawn / drawn.sum()).to_numpy()
        mixture = partial(by_mixture, encoder=encoder, models=models, weights=weights)
        model = FairModel(mixture, names, data.classes, data.positive, seed=setup.seed)
        name = f"exponentiated_gradient_{100 * bound:g}pct"
        return Point(name, "exponentiated_gradient", f"difference bound {bound:g}", model, data.rows, groups)

    return side_by_side([partial(search, bound) for bound in BOUNDS])


def remove_correlation(setup: Setup) -> Iterator[Point]:
    """Fit a linear model on features freed of what is linear in the groups, for each alpha.

    The original's own estimator where it is linear, else a logistic regression: trees could read the group off the
    shifted values.
    """
    from fairlearn.preprocessing import CorrelationRemover

    data = setup.sample()
    groups, found = setup.grouped(data)
    names = [name for name in setup.features() if name not in setup.columns]
    linear = isinstance(setup.model.last, LogisticRegression)
    estimator = setup.model.last if linear else make_candidates(["logistic"], "binary", 0)["logistic"]
    if not names:
        raise NotApplicableError("there is no feature beside the sensitive ones")
    encoder = make_model(clone(estimator), data.features[names])[0]
    encoded = _narrow(encoder.fit_transform(data.features[names]))
    members = groups.all()[1:]
    joined = with_groups(encoded, found, members)
    for alpha in ALPHAS:
        remover = CorrelationRemover(sensitive_feature_ids=list(range(encoded.shape[1], joined.shape[1])), alpha=alpha)
        fitted = clone(estimator).fit(remover.fit_transform(joined), data.y_binary())
        part = partial(decorrelated, encoder=encoder, remover=remover, members=members, model=fitted)
        model = FairModel(part, names, data.classes, data.positive, True, groups, setup.seed)
        name = f"correlation_remover_{100 * alpha:g}pct"
        yield Point(name, "correlation_remover", f"alpha {alpha:g}", model, data.rows, groups)


def reweigh(setup: Setup) -> list[Point]:
    """Refit the original with the weights of Kamiran & Calders on the whole training part."""
    _parts(setup)
    data = setup.split.train
    groups, found = setup.grouped(data)
    weights = reweighing_weights(found, data.y_binary())
    fitted = clone(setup.model.estimator)
    option = f"{fitted.steps[-1][0]}__sample_weight" if isinstance(fitted, Pipeline) else "sample_weight"
    fitted.fit(data.features[setup.features()], setup.model.coded(data.target), **{option: weights})
    return [Point("reweighing", "reweighing", "", replace(setup.model, estimator=fitted), data.rows, groups)]


def _parts(setup: Setup) -> tuple[Any, Any]:
    """Return the fitted encoder (or None) and the estimator of a model that can be refitted with weights."""
    model, estimator = setup.model.estimator, setup.model.last
    if not hasattr(model, "get_params") or not hasattr(model, "fit"):
        raise NotApplicableError("the model cannot be refitted")
    if not has_fit_parameter(estimator, "sample_weight"):
        raise NotApplicableError(f"{type(estimator).__name__} takes no sample weights")
    return model[:-1] if isinstance(model, Pipeline) and len(model) > 1 else None, estimator


def _narrow(encoded: Any) -> Any:
    if encoded.shape[1] > MOST_ENCODED:
        raise NotApplicableError(f"the features take {encoded.shape[1]:,} encoded columns, more than {MOST_ENCODED:,}")
    return encoded


METHODS: dict[str, Callable[[Setup], Iterable[Point]]] = {
    "threshold_optimizer": optimize_thresholds,
    "exponentiated_gradient": exponentiate_gradient,
    "correlation_remover": remove_correlation,
    "reweighing": reweigh,
}


def fit_method(name: str, setup: Setup) -> tuple[list[Point], list[Finding]]:
    """Fit one method; say why where it cannot be used, and what it warned of."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        try:
            made = [one._replace(model=Model.of(one.model, setup.split.train)) for one in METHODS[name](setup)]
        except NotApplicableError as error:
            return [], [finding("MITIGATE-LEFT-OUT", "info", name, why=error)]
    if not caught:
        return made, []
    said = " ".join(str(caught[0].message).split())[:300]
    more = f" (and {len(caught) - 1} more)" if len(caught) > 1 else ""
    return made, [finding("MITIGATE-WARNED", "low", name, said=said, more=more)]


def measure_point(point: Point, setup: Setup, threshold: ThresholdLike) -> Point:
    """Measure one model on the test part: performance, and the disparity as ``audit_fairness`` does."""
    test, columns = setup.split.test, list(setup.columns)
    predicted = predict(point.model, test)
    # A model that decides itself, at random or by group, has no threshold to choose.
    given = None if predicted.decisions is not None else threshold
    chosen = threshold_for(point.model, setup.split, given, {"test": predicted}) or AS_DECIDED
    called = predicted.decide(chosen.value)
    score = predicted.y_pred if predicted.scored else None
    found = binary_metrics(predicted.y_true, score, decisions=called, probabilities=False, units=test.units)
    labels = pd.Series([in_order(test)[int(one)] for one in called], test.features.index, dtype=object)
    decided = RecordedPredictions(y_pred=labels, classes=test.classes)
    audit = audit_fairness(decided, test, sensitive=columns, depth=len(columns), replicates=REPLICATES, seed=setup.seed)
    kept = audit.disparities.loc[audit.disparities["disparity"] == setup.disparity, "value"]
    model, measures = replace(point.model, threshold=chosen), {name: found[name] for name in PERFORMANCE}
    return point._replace(model=model, measures=measures, disparity=kept.iloc[-1])


def dominated(performance: Array, disparity: Array) -> Mask:
    """Return which points have another that is as good on both counts and better on one.

    Parameters
    ----------
    performance, disparity : array of shape (n,)
        More performance is better, less disparity is better; a point that lacks either is not compared.

    Examples
    --------
    >>> dominated(np.array([0.9, 0.8, 0.7]), np.array([0.3, 0.1, 0.2])).tolist()
    [False, False, True]
    """
    better = (performance >= performance[:, None]) & (disparity <= disparity[:, None])
    strictly = (performance > performance[:, None]) | (disparity < disparity[:, None])
    return np.asarray(np.any(better & strictly, axis=1))


def frontier_table(points: Sequence[Point], setup: Setup) -> pd.DataFrame:
    """Write the points as a table, the best performance first.

    Columns ``point, method, setting``, the performance metrics, the disparity, ``difference`` (of the chosen metric, to
    the original), ``over_baseline`` (to the baseline), ``needs_sensitive, by_lot, dominated, beats_baseline``.
    """
    measures = {point.name: point.measures[setup.metric] for point in points}
    values = np.array([one.estimate.value for one in measures.values()])
    beaten = dominated(values, np.array([point.disparity.value for point in points]))
    same = Estimate(0.0, n=setup.split.test.rows, method="exact: the same model")
    rows = []
    for point, below in zip(points, beaten.tolist(), strict=True):
        measure, model = measures[point.name], point.model
        apart = difference(measure, measures[BASELINE])
        row: dict[str, object] = {"point": point.name, "method": point.method, "setting": point.setting}
        row |= {name: found.estimate for name, found in point.measures.items()} | {setup.disparity: point.disparity}
        ahead = same if point.name == ORIGINAL else difference(measure, measures[ORIGINAL])
        fair = model.estimator if isinstance(model.estimator, FairModel) else None
        given = point.name != BASELINE and set(setup.columns) & set(model.columns)
        needs = "yes" if fair and fair.groups else "as a feature" if given else "no"
        by_lot = fair is not None and not fair.scored
        row |= {"difference": ahead, "over_baseline": apart, "needs_sensitive": needs}
        rows.append(row | {"by_lot": by_lot, "dominated": below, "beats_baseline": apart.low > 0})
    return pd.DataFrame(rows).iloc[np.argsort(-values, kind="stable")].reset_index(drop=True)
