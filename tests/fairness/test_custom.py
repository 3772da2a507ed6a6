import math
from functools import partial

import fairlearn.metrics as fl
import numpy as np
import pytest
import sklearn.metrics
from fairness_cases import Known, Labels, Number, dataset, draw_cells, people
from scipy import stats
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    hinge_loss,
    matthews_corrcoef,
    median_absolute_error,
    precision_score,
    recall_score,
)

from toolkit.core.figures import figure
from toolkit.errors import InputError
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.clusters import Resampling, count_cells
from toolkit.fairness.custom import CustomMetric, _by_cells, measure_custom
from toolkit.fairness.groups import group_rows
from toolkit.models.prediction import Predictions
from toolkit.models.recorded import RecordedPredictions

SETS = {"sex": ["sex"], "race": ["race"], "sex+race": ["sex", "race"]}
DECIDED = {"f1": f1_score, "mcc": matthews_corrcoef, "true_negative_rate": fl.true_negative_rate}
SCORED = {"average_precision": average_precision_score}


def missed(y_true, y_pred):
    return np.mean((y_true == 1) & (y_pred == 0))


@pytest.fixture(scope="module")
def audited():
    frame = people(4000, hurt=0.15)
    return frame, audit_fairness(
        Known(), dataset(frame), replicates=1000, metrics={**DECIDED, **SCORED, "missed": missed}
    )


@pytest.mark.parametrize("feature", SETS)
def test_values_differences_and_ratios_are_those_of_fairlearn(audited, feature):
    frame, audit = audited
    y, score = (frame["y"] == "yes").astype(int), frame["chance"]
    called, groups = (score >= 0.5).astype(int), frame[SETS[feature]]
    frames = [
        fl.MetricFrame(metrics={**DECIDED, "missed": missed}, y_true=y, y_pred=called, sensitive_features=groups),
        fl.MetricFrame(metrics=SCORED, y_true=y, y_pred=score, sensitive_features=groups),
    ]
    numbers = audit.scalars()
    for found in frames:
        for label, row in found.by_group.iterrows():
            group = "+".join(label) if isinstance(label, tuple) else label
            for name, value in row.items():
                one = numbers[f"fairness.{feature}.{group}.{name}"]
                assert one.value == pytest.approx(value, abs=1e-12)
                assert one.low < one.value < one.high
        for kind in ("difference", "ratio"):
            for name, value in getattr(found, kind)().items():
                assert numbers[f"fairness.{feature}.{name}_{kind}"].value == pytest.approx(value, abs=1e-12)


def test_the_method_says_how_the_interval_was_made(audited):
    numbers = audited[1].scalars()
    assert numbers["fairness.sex.Male.f1"].method == "infinitesimal jackknife over counted rows"
    assert numbers["fairness.sex.Male.missed"].method == "infinitesimal jackknife over counted rows"
    assert numbers["fairness.sex.Male.average_precision"].method == "jackknife over 30 blocks of rows"


def test_a_share_has_the_interval_that_is_known_for_it(audited):
    frame, _ = audited
    metrics = {"counted": recall_score, "rows": lambda y_true, y_pred: recall_score(y_true, y_pred)}
    numbers = audit_fairness(Known(), dataset(frame), metrics=metrics, replicates=300).scalars()
    known = numbers["fairness.sex.Male.recall"]
    for name in metrics:
        assert numbers[f"fairness.sex.Male.{name}"].low == pytest.approx(known.low, abs=0.002)
        assert numbers[f"fairness.sex.Male.{name}"].high == pytest.approx(known.high, abs=0.002)


@pytest.mark.parametrize("group", [(), ("who",)])
@pytest.mark.parametrize("weight", [(), ("much",)])
def test_a_function_that_takes_no_weights_has_the_numbers_of_one_that_does(group, weight):
    frame = people(2000, hurt=0.15).assign(who=np.arange(2000) // 4, much=np.random.default_rng(5).gamma(2, size=2000))
    frame, roles = frame.drop(columns="age"), {"group": "".join(group)}
    bare = {f"{name}_bare": lambda y, p, own=own: own(y, p) for name, own in DECIDED.items()}
    table = dataset(frame[["sex", "race", "chance", "y", *group, *weight]], weight="".join(weight), **roles)
    found = audit_fairness(Known(), table, metrics=bare, replicates=300).scalars()
    table = dataset(frame[["sex", "race", "chance", "y", *group]], **roles)
    known = audit_fairness(Known(), table, metrics=DECIDED, replicates=300).scalars()
    for name in DECIDED:
        for label in ("sex.Male", "race.Other", "sex+race.Female+Black"):
            one, other = found[f"fairness.{label}.{name}_bare"], known[f"fairness.{label}.{name}"]
            assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), abs=1e-12)
            assert one.method == other.method


def test_what_asks_how_many_rows_there_are_is_measured_on_the_rows():
    def cost(y_true, y_pred, sample_weight=None):
        weights = np.ones(len(y_true)) if sample_weight is None else sample_weight
        return weights @ ((y_true == 1) & (y_pred == 0)) / len(y_true)

    metrics = {
        "cost": cost,
        "right": lambda y_true, y_pred, sample_weight=None: np.mean(y_true == y_pred),
        "rows": lambda y_true, y_pred, sample_weight=None: len(y_true),
        "wrong": lambda y_true, y_pred: np.sum(y_true != y_pred),
    }
    frame = people(2000).assign(much=np.random.default_rng(5).gamma(2, size=2000))
    men, called = frame["sex"] == "Male", np.where(frame["chance"] >= 0.5, "yes", "no")
    wrong, missed_by = (frame["y"] != called)[men], ((frame["y"] == "yes") & (called == "no"))[men]
    numbers = audit_fairness(Known(), dataset(frame.drop(columns="much")), metrics=metrics, replicates=300).scalars()
    found = {name: numbers[f"fairness.sex.Male.{name}"] for name in metrics}
    expected = {"cost": missed_by.mean(), "right": 1 - wrong.mean(), "rows": len(wrong), "wrong": wrong.sum()}
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected)
    accuracy = numbers["fairness.sex.Male.accuracy"]
    assert found["right"].high - found["right"].low == pytest.approx(accuracy.high - accuracy.low, rel=0.4)
    table = dataset(frame, weight="much")
    numbers = audit_fairness(Known(), table, sensitive="sex", metrics=metrics, replicates=300).scalars()
    expected = np.average(missed_by, weights=frame["much"][men])
    assert numbers["fairness.sex.Male.cost"].value == pytest.approx(expected)


def test_the_numbers_of_the_audit_itself_stay(audited):
    frame, audit = audited
    plain = audit_fairness(Known(), dataset(frame), replicates=1000).scalars()
    numbers = audit.scalars()
    assert all(numbers[name] == value for name, value in plain.items())
    assert len(numbers) > len(plain)


def test_they_are_in_the_frame_the_face_a_figure_and_the_findings(audited):
    _, audit = audited
    frame = audit.frame()
    assert set(frame.loc[frame["group"] == "", "metric"]) >= {"f1_difference", "f1_ratio", "missed_difference"}
    assert frame.loc[frame["metric"] == "f1_difference", "p_adjusted"].notna().all()
    assert '<th scope="col" class="tk-number">f1</th>'.lower() in audit._repr_html_().lower()
    assert figure(audit, "f1").picture.title == "F1 by group"
    found = [finding for finding in audit.findings() if finding.code == "FAIRNESS-METRIC"]
    assert any(finding.message.startswith("Missed for Female is 0.081") for finding in found)
    assert len({finding.message.split(" for ")[0] for finding in found}) == len(found)


def test_less_is_better_where_the_name_says_so():
    frame = people(3000, hurt=0.3)
    metrics = {"missed_error": missed, "missed_share": missed}
    table = audit_fairness(Known(), dataset(frame, ["sex"]), metrics=metrics, replicates=300).disparities
    ends = table.set_index("disparity")[["worst", "best"]]
    assert ends.loc["missed_error_difference"].tolist() == ends.loc["missed_share_difference"].tolist()[::-1]


def test_of_several_classes_labels_are_given_and_of_a_regression_numbers():
    frame = people(1500)
    frame["y"] = np.random.default_rng(9).choice(["a", "b", "c"], len(frame))
    macro = partial(f1_score, average="macro")
    numbers = audit_fairness(
        Labels(["a", "b", "c"]),
        dataset(frame, positive=None),
        replicates=300,
        metrics={"macro": macro, "called_a": lambda _, y_pred: np.mean(y_pred == "a")},
    ).scalars()
    mine = frame["sex"] == "Male"
    guess = Labels(["a", "b", "c"]).predict(frame)
    assert numbers["fairness.sex.Male.macro"].value == pytest.approx(macro(frame["y"][mine], guess[mine]), abs=1e-12)
    assert numbers["fairness.sex.Male.called_a"].value == pytest.approx(np.mean(guess[mine] == "a"), abs=1e-12)
    frame["y"] = np.random.default_rng(9).normal(size=len(frame))
    numbers = audit_fairness(
        Number(),
        dataset(frame, positive=None, task="regression"),
        replicates=300,
        metrics={"mdae": median_absolute_error},
    ).scalars()
    value = median_absolute_error(frame["y"][mine], frame["chance"][mine])
    assert numbers["fairness.sex.Male.mdae"].value == pytest.approx(value, abs=1e-12)


def test_what_does_not_vary_is_not_certain_and_a_share_of_nought_has_a_ratio():
    frame = people(2000)
    metrics = {"half": lambda *_: 0.5, "nought": lambda y, p: np.mean((y == 1) & (p == 7)), "below": lambda *_: -1.0}
    numbers = audit_fairness(Known(), dataset(frame, ["sex"]), metrics=metrics, replicates=300).scalars()
    assert numbers["fairness.sex.Male.half"].method == "rule of three"
    for name in ("fairness.sex.Male.half", "fairness.sex.half_difference", "fairness.sex.half_ratio"):
        assert numbers[name].low < numbers[name].high
    assert math.isnan(numbers["fairness.sex.nought_ratio"].value)
    assert math.isnan(numbers["fairness.sex.below_ratio"].value)
    frame["chance"] = np.where(frame["sex"] == "Male", 0.1, frame["chance"])
    called = audit_fairness(
        Known(), dataset(frame, ["sex"]), metrics={"called": lambda y_true, y_pred: np.mean(y_pred)}, replicates=300
    ).scalars()
    ratio = called["fairness.sex.called_ratio"]
    assert ratio.value == 0
    assert 0 == ratio.low < ratio.high < 0.2


def test_what_a_group_does_not_define_is_left_open_unless_it_is_said_what_to_take():
    frame = people(2000)
    frame.loc[frame["sex"] == "Male", "chance"] = 0.1
    metrics = {"called_right": precision_score, "or_one": partial(precision_score, zero_division=1)}
    numbers = audit_fairness(Known(), dataset(frame, ["sex"]), metrics=metrics, replicates=300).scalars()
    assert "fairness.sex.Male.called_right" not in numbers
    assert math.isnan(numbers["fairness.sex.called_right_difference"].value)
    assert numbers["fairness.sex.Male.or_one"].value == 1


def test_small_groups_are_not_asked():
    frame = people(1000)
    frame.loc[:3, "race"] = "Inuit"
    sizes = []

    def counting(y_true, y_pred):
        sizes.append(len(y_true))
        return 0.1 * np.mean(y_true) + np.mean(y_pred)

    audit = audit_fairness(Known(), dataset(frame, ["race"]), metrics={"counting": counting}, replicates=300)
    assert min(sizes) > 30
    shown = audit.groups[(audit.groups["group"] == "Inuit") & (audit.groups["metric"] == "counting")]
    assert math.isnan(shown["value"].iloc[0].value)
    assert shown["value"].iloc[0].n == 4


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (f1_score, "metrics must be functions by name"),
        ({"f1": "f1_score"}, "metrics must be functions by name"),
        ({"recall": recall_score}, "'recall' is the name of a number that is there already"),
        ({"demographic_parity": missed}, "is the name of a number"),
        ({"a.b": missed}, "'a.b' is no plain name"),
        ({7: missed}, "7 is no plain name"),
        ({"broken": lambda y_true: 0.0}, "'broken' failed on rows of a group: TypeError"),
        ({"broken": lambda y_true, y_pred: 1 / 0}, r"ZeroDivisionError: division by zero\. A metric"),
        ({"broken": lambda y_true, y_pred, sample_weight: 1 / 0}, "ZeroDivisionError: division by zero"),
        ({"several": lambda y_true, y_pred: np.array([1.0, 2.0])}, "returns one number"),
        ({"text": lambda y_true, y_pred: "good"}, "returns one number"),
        ({"hinge": hinge_loss}, "'hinge' asks for pred_decision, values of a decision function"),
    ],
)
def test_a_bad_function_is_one_clear_error(metrics, message):
    with pytest.raises(InputError, match=message):
        audit_fairness(Known(), dataset(people(300)), metrics=metrics, replicates=300)


def test_scores_are_asked_for_where_there_are_some():
    data = dataset(people(300))
    labels = RecordedPredictions(y_pred=np.where(np.arange(300) % 2, "yes", "no"))
    with pytest.raises(InputError, match="'ap' asks for y_score, and the model gives no scores"):
        audit_fairness(labels, data, metrics={"ap": average_precision_score}, replicates=300)


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_log_loss_is_that_of_probabilities_however_its_parameter_is_called(wrapped):
    def log_loss(y_true, y_pred):  # as scikit-learn before 1.9 has it
        return sklearn.metrics.log_loss(y_true, y_pred)

    frame, scores = people(300), np.where(np.arange(300) % 3, 0.2, 0.7)
    given = RecordedPredictions(y_score=scores, classes=("no", "yes"))
    metrics = {"loss": partial(log_loss) if wrapped else log_loss}
    numbers = audit_fairness(given, dataset(frame), metrics=metrics, replicates=300).scalars()
    for label in ("Female", "Male"):
        inside = frame["sex"] == label
        expected = sklearn.metrics.log_loss((frame["y"] == "yes")[inside], scores[inside])
        assert numbers[f"fairness.sex.{label}.loss"].value == pytest.approx(expected)


@pytest.mark.parametrize("others", [50, 5000])
def test_the_interval_rests_on_the_rows_that_move_the_metric_and_not_on_all(others):
    def recall_of_weights(y_true, y_pred, sample_weight):
        return (y_true * y_pred) @ sample_weight / (y_true @ sample_weight)

    y_true, y_pred = np.repeat([0, 1, 1], [others, 4, 6]), np.repeat([0, 0, 1], [others, 4, 6])
    cells = count_cells(np.zeros(len(y_true), dtype=int), 1, y_true, y_pred)
    (found,), _ = _by_cells(CustomMetric("found", recall_of_weights, False, True), cells, [])
    share, positives = 6.5 / 11, 11
    worth = 4 * share * (1 - share) * positives
    half = stats.t(worth - 1).ppf(0.975) * math.sqrt(share * (1 - share) / positives)
    assert found.high - share == pytest.approx(half, rel=0.1)
    assert half > 1.12 * 1.96 * math.sqrt(share * (1 - share) / positives)


def f1_of_weights(y_true, y_pred, sample_weight):
    hits = (y_true * y_pred) @ sample_weight
    return 2 * hits / (y_true @ sample_weight + y_pred @ sample_weight)


def coverage_of_counts(worlds, size):
    recall, miss, rng = np.array([0.6, 0.9]), np.array([0.1, 0.3]), np.random.default_rng(0)
    precision = 0.4 * recall / (0.4 * recall + 0.6 * miss)
    truth = np.repeat(2 * recall * precision / (recall + precision), worlds)
    cells = draw_cells(rng, np.repeat(recall, worlds), np.repeat(miss, worlds), 0.4, [size] * 2 * worlds)
    found, _ = _by_cells(CustomMetric("f1", f1_of_weights, False, True), cells, [])
    held = [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    return np.reshape(held, (2, worlds)).mean(axis=1)


def coverage_of_rows(worlds, size):
    rng, held = np.random.default_rng(1), []
    metric = CustomMetric("error", lambda y_true, y_pred: np.abs(y_true - y_pred).mean(), False, False)
    grouping = group_rows(people(size)[["sex"]], 1)[0]
    for _ in range(worlds):
        predicted = Predictions(rng.normal(size=size), np.zeros(size), None, False, ())
        found = measure_custom([metric], predicted, grouping, Resampling(30, 2, rng))["", "error"].estimates
        held.append([one.low <= math.sqrt(2 / math.pi) <= one.high for one in found])
    return np.mean(held, axis=0)


@pytest.mark.parametrize("coverage", [coverage_of_counts, coverage_of_rows])
def test_intervals_of_custom_metrics_cover(coverage):
    held = coverage(150, 300)
    assert ((held >= 0.9) & (held <= 0.99)).all()


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [coverage_of_counts, coverage_of_rows])
@pytest.mark.parametrize("size", [100, 300, 1000])
def test_intervals_of_custom_metrics_cover_93_to_97_percent(coverage, size):
    held = coverage(3000, size)
    assert ((held >= 0.93) & (held <= 0.97)).all()
