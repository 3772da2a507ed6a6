"""Rows that have weights: what an audit of fairness makes of them."""

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, f1_score, roc_auc_score

from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.evaluation.evaluate import evaluate
from toolkit.fairness.alike import consistency
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.individual import check_individual
from toolkit.fairness.mitigate import mitigate
from toolkit.fairness.proxies import _measured, find_proxies
from toolkit.models.preprocessing import make_model
from toolkit.models.recorded import RecordedPredictions
from toolkit.statistics.units import Units

SHARES = {
    "selection_rate": fl.selection_rate,
    "accuracy": lambda y, said, sample_weight: np.average(y == said, weights=sample_weight),
    "recall": fl.true_positive_rate,
    "false_positive_rate": fl.false_positive_rate,
    "balanced_accuracy": balanced_accuracy_score,
}


def survey(rows=900, seed=0, *, hurt=0.0, told=0.0):
    """Make rows with weights of coefficient of variation 1; ``told`` is how far these hang on the outcome."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"sex": rng.choice(["f", "m"], rows), "race": rng.choice(["a", "b", "c"], rows)})
    level = rng.normal(size=rows)
    table["chance"] = np.clip(1 / (1 + np.exp(-level)) - hurt * (table["sex"] == "f"), 0.001, 0.999)
    table["y"] = np.where(level + rng.normal(size=rows) > 0, "yes", "no")
    table["w"] = rng.exponential(size=rows) * np.where(table["y"] == "yes", 1 + told, 1)
    return table


def audit(table, *, weight="w", **options):
    options = {"replicates": 500, "depth": 1, **options}
    data = load_dataset(
        table.drop(columns="chance"), target="y", positive="yes", sensitive=["sex", "race"], weight=weight
    )
    model = RecordedPredictions(y_score=table["chance"].to_numpy(), classes=("no", "yes"))
    return audit_fairness(model, data, **options)


def test_group_values_are_fairlearns_with_the_weights_as_sample_weight():
    table = survey(told=2.0)
    found, y, said = audit(table).scalars(), (table["y"] == "yes").astype(int), (table["chance"] >= 0.5).astype(int)
    for name, metric in SHARES.items():
        options = {"sensitive_features": table["race"], "sample_params": {"sample_weight": table["w"]}}
        frame = fl.MetricFrame(metrics=metric, y_true=y, y_pred=said, **options)
        for group, value in frame.by_group.items():
            assert found[f"fairness.race.{group}.{name}"].value == pytest.approx(value, abs=1e-12)
    for name, metric in {"roc_auc": roc_auc_score, "brier_score_loss": brier_score_loss}.items():
        for group, rows in table.groupby("race"):
            value = metric(rows["y"] == "yes", rows["chance"], sample_weight=rows["w"])
            assert found[f"fairness.race.{group}.{name}"].value == pytest.approx(value, rel=1e-9)


def test_errors_of_numbers_and_curves_are_weighted():
    table = survey().assign(y=lambda rows: rows["chance"] * 10 + np.arange(len(rows)) % 7)
    data = load_dataset(table.drop(columns="chance"), target="y", sensitive=["sex"], weight="w")
    found = audit_fairness(RecordedPredictions(y_pred=10 * table["chance"].to_numpy()), data, replicates=500).scalars()
    women = table[table["sex"] == "f"]
    value = np.average(women["y"] - 10 * women["chance"], weights=women["w"])
    assert found["fairness.sex.f.mean_residual"].value == pytest.approx(value, rel=1e-9)
    table, curves = survey(), audit(survey()).curves
    last = curves[(curves["group"] == "f") & (curves["threshold"] == 0.5)].iloc[0]
    women = table[table["sex"] == "f"]
    expected = np.average(women["chance"] >= 0.5, weights=women["w"])
    assert last["selection_rate"] == pytest.approx(expected, abs=1e-12)
    assert last["rows"] == len(women)


def test_intervals_are_those_of_the_whole_table_where_there_is_one_group():
    table = survey(told=2.0).assign(sex="f")
    data = load_dataset(table.drop(columns="chance"), target="y", positive="yes", sensitive=["sex"], weight="w")
    model = RecordedPredictions(y_score=table["chance"].to_numpy(), classes=("no", "yes"))
    ours, theirs = audit_fairness(model, data).scalars(), evaluate(model, data, latency=False).scalars()
    for name in ("accuracy", "recall", "precision", "roc_auc"):
        one, other = ours[f"fairness.sex.f.{name}"], theirs[f"test.{name}"]
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.high - one.low == pytest.approx(other.high - other.low, rel=0.05)


def test_equal_weights_and_doubled_ones_change_no_value():
    table = survey()
    plain, same = audit(table.drop(columns="w"), weight="").scalars(), audit(table.assign(w=3.0)).scalars()
    assert plain.keys() == same.keys()
    for name, one in plain.items():
        assert same[name].value == pytest.approx(one.value, abs=1e-12)
        if not name.endswith(("difference", "ratio")):
            assert same[name].low == pytest.approx(one.low, abs=0.01)


def test_a_metric_of_ones_own_is_given_the_weights_or_said_not_to_be():
    table = survey(told=2.0)
    found = audit(table, metrics={"f1": f1_score, "share": lambda y_true, y_pred: float(np.mean(y_pred))})
    women = table[table["sex"] == "f"]
    value = f1_score(women["y"] == "yes", women["chance"] >= 0.5, sample_weight=women["w"])
    assert found.scalars()["fairness.sex.f.f1"].value == pytest.approx(value, rel=1e-9)
    rows = audit(table, metrics={"auc": roc_auc_score_of}).scalars()["fairness.sex.f.auc"]
    value = roc_auc_score(women["y"] == "yes", women["chance"], sample_weight=women["w"])
    assert rows.value == pytest.approx(value, rel=1e-9)
    (note,) = [one for one in found.findings() if one.code == "WEIGHTS-NOT-USED"]
    assert note.where == "Metric share"


def roc_auc_score_of(y_true, y_score, sample_weight=None):
    return roc_auc_score(y_true, y_score, sample_weight=sample_weight)


def test_the_other_steps_use_weights_or_say_that_they_do_not():
    table = survey(1200).assign(x=lambda rows: rows["chance"] + 0.3 * (rows["sex"] == "f"))
    split = split_dataset(
        load_dataset(table, target="y", positive="yes", sensitive=["sex"], drop=["chance"], weight="w")
    )
    model = make_model(LogisticRegression(), split.train.features).fit(split.train.features, split.train.target)
    mitigated = mitigate(model, split, methods=["threshold_optimizer"])
    assert [one.where for one in mitigated.findings() if one.code == "WEIGHTS-NOT-USED"] == [
        "The fit of a mitigated model"
    ]
    original = mitigated.frontier.set_index("point").loc["original", "accuracy"]
    said, test = model.predict(split.test.features), split.test
    expected = np.average(said == test.target, weights=test.weight)
    assert original.value == pytest.approx(expected, rel=1e-12)
    for found in (check_individual(model, split, rows=200), find_proxies(split)):
        assert "WEIGHTS-NOT-USED" not in [one.code for one in found.findings()]


def test_flips_by_whole_number_weights_are_those_of_repeated_rows():
    table = survey(600).assign(x=lambda rows: rows["chance"] + 0.3 * (rows["sex"] == "f"))
    table["w"] = 1.0 + np.arange(600) % 3
    plain, repeated = table.drop(columns="w"), table.loc[table.index.repeat(table["w"])].drop(columns="w")
    roles = {"target": "y", "positive": "yes", "sensitive": ["sex", "race"], "drop": ["chance"]}
    counted = load_dataset(table, weight="w", **roles)
    model = make_model(LogisticRegression(), counted.features).fit(counted.features, counted.target)
    tables = (counted, load_dataset(repeated, **roles), load_dataset(plain, **roles))
    found, same, uncounted = (check_individual(model, data, rows=data.rows) for data in tables)
    for name in ("sex", "race"):
        for key, number in found.columns[name].items():
            assert number.value == pytest.approx(same.columns[name][key].value, abs=1e-9)
            assert number.value != pytest.approx(uncounted.columns[name][key].value, abs=1e-6)
    assert all(found.columns[name]["flip_rate"].value > 0 for name in ("sex", "race"))
    by_value = [one.changes.set_index(["feature", "changed_to"]).sort_index() for one in (found, same)]
    for key in ("flip_rate", "gained", "lost", "score_change"):
        one, other = ([number.value for number in changes[key]] for changes in by_value)
        assert one == pytest.approx(other, abs=1e-9)


def test_consistency_by_whole_number_weights_is_that_of_repeated_rows():
    rng = np.random.default_rng(0)
    outcome, counts = rng.integers(0, 2, 200).astype(float), np.tile([1, 2], 100)
    # Each row has a neighbour that counts once and one that counts twice.
    near = np.column_stack([2 * rng.integers(0, 100, 200), 2 * rng.integers(0, 100, 200) + 1])
    found = consistency(outcome, near, classes=True, units=weighted(counts))
    many = np.repeat(np.arange(200), counts)
    first = np.searchsorted(many, near)
    repeated = consistency(outcome[many], np.column_stack([first, first[:, 1] + 1])[many], classes=True)
    assert found.value == pytest.approx(repeated.value, abs=1e-9)
    assert found.value != pytest.approx(consistency(outcome, near, classes=True).value, abs=1e-4)


def test_areas_of_proxies_by_whole_number_weights_are_those_of_repeated_rows():
    rng, counts = np.random.default_rng(0), np.tile([1, 2, 3], 100)
    target, guess, fold = rng.integers(0, 3, 300), rng.dirichlet(np.ones(3), 300), rng.integers(0, 3, 300)

    def measured(rows, units):
        folds = [(np.flatnonzero(fold[rows] != held), np.flatnonzero(fold[rows] == held)) for held in range(3)]
        return _measured(target[rows], 3, folds, guess[rows], units)

    found, repeated = measured(np.arange(300), weighted(counts)), measured(np.repeat(np.arange(300), counts), None)
    assert found.value == pytest.approx(repeated.value, abs=1e-9)
    assert found.high - found.low > 1.1 * (repeated.high - repeated.low)


def weighted(counts):
    return Units.of(None, None, pd.Series(counts, name="w"))


def above_chance(seed, n=300):
    """Say what is found where there is nothing: a proxy, an area above chance, and a consistency above chance."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "x": rng.normal(size=n), "z": rng.normal(size=n)})
    table["w"], table["y"] = rng.exponential(size=n), rng.choice(["no", "yes"], n)
    data = load_dataset(table, target="y", positive="yes", sensitive=["sex"], weight="w")
    labels = RecordedPredictions(y_pred=pd.Series(rng.choice(["no", "yes"], n)), classes=("no", "yes"))
    proxies, near = find_proxies(data), check_individual(labels, data).consistency
    return bool(proxies.findings()), proxies.scalars()["proxy.sex.roc_auc"].low > 0.5, near.low > 0.5


def test_where_nothing_is_to_be_found_few_weighted_tables_say_so():
    assert np.sum([above_chance(seed) for seed in range(5)], axis=0).max() <= 1


@pytest.mark.slow
def test_where_nothing_is_to_be_found_five_percent_of_weighted_tables_say_so():
    strong, area, near = np.mean([above_chance(seed) for seed in range(200)], axis=0)
    assert max(strong, near) <= 0.05
    # As without weights: folds that judge each other share what chance made of them.
    assert area <= 0.08


@pytest.mark.slow
def test_with_weights_few_audits_find_an_effect_and_values_are_covered():
    truth = audit(
        survey(400_000, 9, told=2.0).assign(w=lambda rows: np.where(rows["y"] == "yes", 3.0, 1.0)), replicates=200
    )
    found, held = 0, {}
    for seed in range(200):
        result = audit(survey(900, seed, told=2.0), replicates=2000, seed=seed)
        found += bool((result.disparities["p_adjusted"] <= 0.05).any())
        for name, one in result.scalars().items():
            if name.count(".") == 3:
                held.setdefault(name.split(".")[-1], []).append(one.low <= truth.scalars()[name].value <= one.high)
    shares = {name: float(np.mean(one)) for name, one in held.items()}
    assert found / 200 <= 0.05, found
    assert all(0.92 <= share <= 0.99 for name, share in shares.items() if name != "expected_calibration_error"), shares
