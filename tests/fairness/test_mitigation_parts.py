"""The parts of mitigation: groups, the models' forms against Fairlearn's own, weights, and domination."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from fairlearn.postprocessing import ThresholdOptimizer
from hypothesis import given, strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression

from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError
from toolkit.fairness.group_models import lots, with_groups
from toolkit.fairness.groups import OTHERS, learn_groups, reweighing_weights
from toolkit.fairness.tradeoff import (
    METHODS,
    Setup,
    dominated,
    exponentiate_gradient,
    optimize_thresholds,
    remove_correlation,
)
from toolkit.models.model import Model
from toolkit.models.preprocessing import make_model


def setup(constraint="demographic_parity", metric="accuracy", n=3000):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m", "x"], n), "skill": rng.standard_normal(n).round(2)})
    frame["y"] = np.where(frame["skill"] + (frame["sex"] == "m") + rng.standard_normal(n) > 0.5, "yes", "no")
    split = split_dataset(load_dataset(frame, target="y", sensitive=["sex"], positive="yes"), validation_size=0.3)
    model = make_model(LogisticRegression(), split.train.features).fit(split.train.features, split.train.target)
    return Setup(Model.of(model, split.train), split, ("sex",), constraint, metric, 1000, 0)


@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds", "true_positive_rate_parity"])
@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_the_thresholds_are_fairlearns(constraint, metric):
    given_setup = setup(constraint, metric)
    split = given_setup.split
    reference = ThresholdOptimizer(
        estimator=given_setup.model.estimator,
        constraints=constraint,
        objective=f"{metric}_score",
        prefit=True,
        predict_method="predict_proba",
    ).fit(
        split.validation.features,
        split.validation.y_binary(),
        sensitive_features=split.validation.sensitive["sex"].astype(str),
    )
    expected = reference._pmf_predict(split.test.features, sensitive_features=split.test.sensitive["sex"].astype(str))
    (made,) = optimize_thresholds(given_setup)
    ours = made.model._chance(split.test.features, None)
    np.testing.assert_allclose(ours, expected[:, 1], atol=1e-12)
    labels = made.model.predict(split.test.features)
    assert abs(np.mean(labels == "yes") - ours.mean()) < 0.05
    sure = (ours == 0) | (ours == 1)
    assert (labels[sure] == np.where(ours[sure] == 1, "yes", "no")).all()


def test_the_mixture_keeps_the_bound_in_training():
    given_setup = setup()
    for made, bound in zip(exponentiate_gradient(given_setup), (0.01, 0.05), strict=True):
        sample = given_setup.sample()
        chance = made.model._chance(sample.features, None)
        assert sum(made.model.part.keywords["weights"]) == pytest.approx(1)
        rates = pd.Series(chance).groupby(sample.sensitive["sex"].to_numpy(), observed=True).mean()
        assert (rates - chance.mean()).abs().max() <= bound + 0.02


def test_what_is_left_has_no_linear_part_in_the_groups():
    half, full = remove_correlation(setup())
    sample = setup().sample()
    for made, left in ((half, 0.5), (full, 0.0)):
        parts = made.model.part.keywords
        encoded = parts["encoder"].transform(sample.features[list(made.model.feature_names)])
        groups = made.groups.find(sample.sensitive)
        freed = parts["remover"].transform(with_groups(encoded, groups, parts["members"]))
        for name in parts["members"]:
            before = np.cov(encoded[:, 0], groups == name)[0, 1]
            after = np.cov(freed[:, 0], groups == name)[0, 1]
            assert after == pytest.approx(left * before, abs=1e-9)


def test_every_method_gives_models_that_can_be_kept():
    given_setup = setup(n=9000)  # many rows are answered once, and the answers are kept
    features = given_setup.split.train.features
    for method in METHODS.values():
        for made in method(given_setup):
            said = made.model.predict(features)
            written = skops.io.dumps(made.model)  # as MLflow keeps it
            types = skops.io.get_untrusted_types(data=written)
            for kept in (pickle.loads(pickle.dumps(made.model)), skops.io.loads(written, trusted=types)):
                assert (kept.predict(features) == said).all()


def test_weights_of_a_small_table():
    groups = np.array(["f"] * 4 + ["m"] * 6, dtype=object)
    y = np.array([1, 0, 0, 0, 1, 1, 1, 1, 0, 0])
    weights = reweighing_weights(groups, y)
    by_hand = {
        ("f", 1): 4 * 5 / (1 * 10),
        ("f", 0): 4 * 5 / (3 * 10),
        ("m", 1): 6 * 5 / (4 * 10),
        ("m", 0): 6 * 5 / (2 * 10),
    }
    assert weights.tolist() == pytest.approx([by_hand[pair] for pair in zip(groups, y, strict=True)])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1)), min_size=1, max_size=60))
def test_weighted_classes_are_independent_of_groups(rows):
    groups, y = np.array([group for group, _ in rows], dtype=object), np.array([one for _, one in rows])
    weights = reweighing_weights(groups, y)
    full = len(set(zip(groups, y, strict=True))) == len(set(groups)) * len(set(y))
    if full:
        assert weights.sum() == pytest.approx(len(rows))
        for name in set(groups):
            inside = groups == name
            assert weights[inside] @ y[inside] / weights[inside].sum() == pytest.approx(y.mean())


@given(
    st.lists(
        st.tuples(st.one_of(st.integers(0, 5), st.just(np.nan)), st.one_of(st.integers(0, 5), st.just(np.nan))),
        max_size=12,
    )
)
def test_domination_is_what_its_definition_says(points):
    values = np.array(points, dtype=float).reshape(-1, 2)
    marked = dominated(values[:, 0], values[:, 1])
    for place, (good, bad) in enumerate(values):
        better = [a >= good and b <= bad and (a > good or b < bad) for a, b in values]
        assert marked[place] == any(better)
    whole = values[~np.isnan(values).any(axis=1)]
    if len(whole):
        assert not dominated(whole[:, 0], whole[:, 1]).all()


def test_lots_are_even_and_a_rows_own():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.standard_normal(5000), "b": pd.Categorical(rng.choice(["x", "y"], 5000))})
    drawn = lots(table, 0)
    assert stats.kstest(drawn, "uniform").pvalue > 0.001
    again = lots(table.iloc[::-1], 0)[::-1]
    assert (drawn == again).all()
    assert abs(np.corrcoef(drawn, lots(table, 1))[0, 1]) < 0.05
    assert abs(np.corrcoef(drawn, table["a"])[0, 1]) < 0.05


def test_a_row_keeps_its_lot_where_another_row_lacks_a_value():
    whole = pd.DataFrame({"age": [20, 30, 40], "town": pd.Categorical(["a", "b", "a"])})
    gap = pd.DataFrame({"age": [20, 30, np.nan], "town": pd.Categorical(["a", "b", None])})
    assert lots(whole, 0)[:2].tolist() == lots(gap, 0)[:2].tolist()


def test_groups_are_found_again_in_other_forms_of_the_column():
    flag = pd.Series([True, False] * 30)
    data = load_dataset(
        pd.DataFrame({"flag": flag, "z": np.arange(60.0), "y": ["a", "b", "b", "a"] * 15}),
        target="y",
        sensitive=["flag"],
        positive="a",
    )
    groups = learn_groups(data.sensitive, data.features, data.y_binary())
    expected = data.sensitive["flag"].astype(str).tolist()
    assert groups.find(data.sensitive).tolist() == expected
    assert groups.find(data.features).tolist() == expected
    assert groups.find(data.features.astype({"flag": float})).tolist() == expected
    with pytest.raises(InputError, match="needs the sensitive columns flag"):
        groups.find(data.features[["z"]])


def test_small_groups_go_together_or_to_the_largest():
    y = np.arange(100) % 2
    few = pd.DataFrame({"g": ["a"] * 60 + ["b"] * 30 + ["c"] * 6 + ["d"] * 4})
    groups = learn_groups(few, few[[]], y)
    assert (groups.known, groups.fallback, set(groups.merged)) == (("a", "b"), "a", {"c", "d"})
    assert groups.find(pd.DataFrame({"g": ["c", "b", None, "new"]})).tolist() == ["a", "b", "a", "a"]
    more = pd.DataFrame({"g": ["a"] * 40 + ["b"] * 20 + ["c"] * 16 + ["d"] * 14 + [None] * 10})
    groups = learn_groups(more, more[[]], y)
    assert groups.fallback == OTHERS
    assert groups.all() == ("a", "b", OTHERS)
    assert learn_groups(more, more[[]], y, each_class=False).known == ("a", "b", "c", "d", "missing")


def test_hostile_labels_stay_apart():
    names = ["<script>", "{}", "a\nb", "\u202eb", "x" * 10_000, "x" * 9_999, "+", "other groups"]
    table = pd.DataFrame({"g": names * 30})
    groups = learn_groups(table, table[[]], np.repeat([0, 1], 120))
    assert len(groups.known) == len(names)
    assert len(set(groups.find(table.head(8)))) == len(names)


def test_values_never_seen_together_are_of_the_group_that_their_names_make():
    towns = np.array([f"town {place}" for place in range(60)])  # beyond fifty values the rest is one
    table = pd.DataFrame({"town": [*np.repeat("Oslo", 600), *np.repeat(towns, 20)]})
    table["sex"] = [*np.tile(["f", "m"], 300), *np.repeat(np.tile(["f", "m"], 30), 20)]
    groups = learn_groups(table, table[[]], np.arange(1800) // 2 % 2)
    alone = {name.partition("+")[0] for name in (*groups.known, *groups.merged)}
    rest = [(town, sex) for town, sex in zip(towns, np.tile(["m", "f"], 30), strict=True) if town not in alone]
    assert len(rest) > 5
    found = groups.find(pd.DataFrame(rest, columns=["town", "sex"])).tolist()
    assert found == [f"other+{sex}" for _, sex in rest]
