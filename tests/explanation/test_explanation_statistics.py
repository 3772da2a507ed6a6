"""What is said about attributions, against references and by simulation."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import contingency
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from toolkit.data.load import load_dataset
from toolkit.explanation.attribution import Attributor
from toolkit.explanation.crosscheck import cross_check, difference_of_means, group_table, rank_agreement
from toolkit.explanation.explain import associations, correlation_ratio, cramers_v, explain
from toolkit.explanation.importance import (
    Drawn,
    covariance_of_means,
    draw_rows,
    importance_table,
    magnitudes,
    mean_magnitude,
    rank_intervals,
    relative_errors,
)
from toolkit.explanation.trace import Outputs
from toolkit.models.model import Model
from toolkit.statistics.binning import cut
from toolkit.statistics.units import Units

NAMES = ["a", "b", "c", "d"]


def stub(truth):
    """An attributor that hands out the rows of a frame as their own attributions."""

    def attribute(frame):
        values = frame.to_numpy(dtype=float)[:, :, None]
        return values, values.sum(axis=1)

    return Attributor("tree", "y", Outputs("regression", ("y",), (), None), np.zeros(1), truth, attribute)


def skewed(rng, rows):
    return rng.lognormal(0, 1, (rows, 4)) * [1.0, 1.0, 0.6, 0.1] * rng.choice([-1, 1], (rows, 4))


def dataset(values):
    frame = pd.DataFrame(values, columns=NAMES[: values.shape[1]])
    return load_dataset(frame.assign(y=np.arange(len(frame)) * 1.0), target="y")


@pytest.mark.parametrize("role", ["weight", "group"])
def test_a_model_that_uses_no_column_so_far_is_asked_about_all_rows(role):
    frame = pd.DataFrame({"a": np.zeros(60), "of": np.arange(60) // 2 + 1, "y": np.arange(60) * 1.0})
    frame["a"] += np.arange(60)
    data = load_dataset(frame, target="y", **{role: "of"})
    still = stub(True)._replace(attribute=lambda rows: (np.zeros((len(rows), 1, 1)), np.zeros((len(rows), 1))))
    assert draw_rows(still, data, precision=0.05, most=60, seconds=60, seed=0).stopped == "table"


def test_rows_are_drawn_until_the_means_are_known():
    data = dataset(skewed(np.random.default_rng(0), 5000))
    drawn = draw_rows(stub(""), data, precision=0.05, most=5000, seconds=60, seed=0)
    assert drawn.stopped == "precision"
    assert 250 < len(drawn.positions) < 2000
    assert len(set(drawn.positions.tolist())) == len(drawn.positions)
    sizes = magnitudes(drawn.shap_values)
    assert (relative_errors(sizes) <= 0.05).all()
    assert (relative_errors(sizes[:-250]) > 0.05).any()
    np.testing.assert_allclose(drawn.shap_values[:, :, 0], data.features.to_numpy()[drawn.positions])
    assert draw_rows(stub(""), data, precision=1e-6, most=700, seconds=60, seed=0).stopped == "rows"
    assert len(draw_rows(stub(""), data, precision=1e-6, most=700, seconds=60, seed=0).positions) == 700
    assert draw_rows(stub(""), data, precision=1e-6, most=9000, seconds=60, seed=0).stopped == "table"
    assert draw_rows(stub(""), data, precision=1e-6, most=9000, seconds=0, seed=0).stopped == "time"
    other = draw_rows(stub(""), data, precision=0.05, most=5000, seconds=60, seed=1)
    assert not np.array_equal(other.positions[:50], drawn.positions[:50])


def coverage(runs):
    rng, hit = np.random.default_rng(0), np.zeros((runs, 4))
    truth = math.exp(0.5) * np.array([1.0, 1.0, 0.6, 0.1])
    data = dataset(skewed(rng, 4000))
    for run in range(runs):
        values = skewed(rng, 4000)
        source = data.take(np.arange(4000))
        source.features[:] = values
        drawn = draw_rows(stub(""), source, precision=0.06, most=4000, seconds=60, seed=0)
        sizes = magnitudes(drawn.shap_values)
        for place in range(4):
            found = mean_magnitude(sizes[:, place], float(sizes.max()))
            hit[run, place] = found.low <= truth[place] <= found.high
    return hit.mean(axis=0)


@pytest.mark.slow
def test_a_model_that_seldom_says_anything_is_not_taken_for_constant():
    frame = pd.DataFrame({"a": np.arange(400.0), "b": np.arange(400) % 7.0, "y": np.arange(400.0)})
    found = explain(lambda rows: (rows["a"] == 399) * 1.0, load_dataset(frame, target="y"), most_rows=400)
    assert found.scalars()["explanation.a.mean_abs_shap"].value > 0
    assert "EXPLAIN-CONSTANT" not in {one.code for one in found.findings()}


def test_intervals_cover_although_the_drawing_stops_early():
    assert (coverage(400) > 0.92).all()


@pytest.mark.slow
def test_intervals_cover_in_many_runs():
    found = coverage(4000)
    assert (found > 0.935).all()
    assert (found < 0.965).all()


def test_a_column_that_is_never_used_is_not_taken_for_certain():
    found = mean_magnitude(np.zeros(500), 2.0)
    assert (found.value, found.low, found.high) == (0, 0, pytest.approx(3 * 2.0 / 500))
    assert not mean_magnitude(np.zeros(500), 0.0).has_interval
    assert not mean_magnitude(np.ones(1), 1.0).has_interval
    same = mean_magnitude(np.full(500, 0.7), 2.0)
    assert same.low < 0.7 < same.high
    huge = mean_magnitude(np.arange(1.0, 101.0) * 1e300, 1e302)
    assert huge.low / 1e300 == pytest.approx(mean_magnitude(np.arange(1.0, 101.0), 100.0).low)


def test_ranks_hold_all_at_once():
    rng, truth, held, sharp = np.random.default_rng(0), np.array([3.0, 2.0, 2.0, 2.0, 1.0, 0.5]), 0, 0
    for _ in range(300):
        shared = rng.exponential(1, (250, 1))
        best, worst = rank_intervals(truth * (0.5 * shared + 0.5 * rng.exponential(1, (250, 6))))
        held += bool((best[[0, 4, 5]] <= [1, 5, 6]).all() and (worst[[0, 4, 5]] >= [1, 5, 6]).all())
        # The three that are equal may be in any order, so that none may be told from another.
        held -= bool((best[1:4] > 2).any() or (worst[1:4] < 4).any())
        sharp += (best[0], worst[0]) == (1, 1)
    assert held / 300 >= 0.95
    assert sharp / 300 > 0.9


def test_ranks_of_few_groups_of_many_rows_hold_and_tell():
    """One row among many is far from the mean; what is reckoned with is one group more, not one row."""
    rng, truth, held, sharp = np.random.default_rng(0), np.array([3.0, 1.5, 1.5, 0.5]), 0, 0
    shop = np.repeat(np.arange(20), rng.integers(20, 60, 20))
    for _ in range(200):
        of_shop = np.exp(0.2 * rng.normal(size=(20, 4)))[shop]
        best, worst = rank_intervals(truth * of_shop * rng.exponential(1, (len(shop), 4)), Units(shop, 20, "shop"))
        held += bool((best <= [1, 2, 2, 4]).all() and (worst >= [1, 3, 3, 4]).all())
        sharp += (best[0], worst[0], best[3], worst[3]) == (1, 1, 4, 4)
    assert held / 200 >= 0.95
    assert sharp / 200 > 0.9


def test_ranks_of_few_rows_or_of_nothing_are_ties():
    for sizes in (np.ones((1, 3)) * [1, 2, 3], np.zeros((100, 3)), np.ones((3, 3)) * [1.0, 1.2, 1.4]):
        best, worst = rank_intervals(sizes)
        assert best.tolist() == [1, 1, 1]
        assert worst.tolist() == [3, 3, 3]
    best, worst = rank_intervals(np.ones((500, 2)) * [1e300, 1.0])
    assert (best.tolist(), worst.tolist()) == ([1, 2], [1, 2])


def attributed(values, units=None):
    """Explained rows of nothing but attributions."""
    return Drawn(np.arange(len(values)), values, values.sum(axis=1), "table", units)


def test_the_table_is_over_all_outputs_and_for_each():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 3, 2)) * np.array([[1.0, 0.1], [0.2, 3.0], [0.0, 0.0]])
    table = importance_table(attributed(values), ["a", "b", "c"], ("first", "second"))
    assert table["output"].tolist() == ["overall"] * 3 + ["first"] * 3 + ["second"] * 3
    assert table["column"].tolist() == ["b", "a", "c", "a", "b", "c", "b", "a", "c"]
    row = table.iloc[0]
    assert row["mean_abs_shap"].value == pytest.approx(np.abs(values[:, 1]).mean())
    assert table.iloc[3]["mean_abs_shap"].value == pytest.approx(np.abs(values[:, 0, 0]).mean())
    single = importance_table(attributed(values[:, :, :1]), ["a", "b", "c"], ("y",))
    assert single["output"].unique().tolist() == ["overall"]


def difference_of(first, second):
    """The difference of two samples of magnitudes."""
    return difference_of_means(np.concatenate([first, second]), np.arange(len(first) + len(second)) < len(first))


def test_welch_is_welchs_where_there_are_many_rows():
    rng = np.random.default_rng(0)
    first, second = rng.exponential(1, 4000), rng.exponential(1.1, 9000)
    apart, p_value = difference_of(first, second)
    reference = stats.ttest_ind(first, second, equal_var=False)
    ends = reference.confidence_interval()
    # One row more is reckoned with in each group, so that it is a little larger.
    assert reference.pvalue < p_value < 1.1 * reference.pvalue
    assert (apart.low, apart.high) == pytest.approx((ends.low, ends.high), abs=5e-4)
    nothing, p_value = difference_of(np.zeros(50), np.zeros(60))
    assert (nothing.value, nothing.has_interval, p_value) == (0, False, 1)
    assert difference_of(np.full(40, 0.3), np.full(40, 0.2))[1] < 1e-6


def test_groups_that_do_not_differ_are_seldom_told_apart():
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(200):
        columns = {"sex": rng.choice(["F", "M"], 400), "age": rng.integers(18, 90, 400)}
        grouping = {name: cut(pd.Series(values)) for name, values in columns.items()}
        table = group_table(grouping, rng.exponential(1, (400, 4)), NAMES)
        wrong += bool((table["p_adjusted"] <= 0.05).any())
    assert wrong / 200 <= 0.05


def test_groups_that_differ_are_told_apart_and_small_ones_are_not_judged():
    rng = np.random.default_rng(0)
    labels = pd.Categorical(np.where(np.arange(600) < 12, "rare", np.where(np.arange(600) % 2, "F", None)))
    levels = cut(pd.Series(labels))
    sizes = rng.exponential(1, (600, 4))
    sizes[labels.codes == 0, 2] *= 2
    table = group_table({"= sex": levels}, sizes, NAMES).set_index(["group", "column"])
    assert set(table.index.get_level_values(0)) == {"F", "rare", "missing"}
    assert table.loc[("F", "c"), "p_adjusted"] < 1e-6
    assert table.loc[("F", "c"), "difference"].low > 0
    assert table.loc[("F", "a"), "p_adjusted"] > 0.05
    assert math.isnan(table.loc[("rare", "c"), "p_adjusted"])
    assert table.loc[("rare", "c"), "mean_abs_shap"].value == pytest.approx(sizes[:12, 2].mean())
    adjusted = table["p_adjusted"].dropna()
    masks = (labels.codes == 0, labels.codes == -1)
    raw = [difference_of_means(sizes[:, j], mask)[1] for mask in masks for j in range(4)]
    np.testing.assert_allclose(np.sort(adjusted), np.sort(stats.false_discovery_control(raw)))
    by_itself = group_table({NAMES[0]: levels}, sizes, NAMES)
    untested = by_itself["p_adjusted"].isna() & (by_itself["group"] == "F")
    assert by_itself.loc[untested, "column"].tolist() == [NAMES[0]]
    assert group_table({}, sizes, NAMES).empty
    assert group_table({"one": cut(pd.Series(["x"] * 600))}, sizes, NAMES)["p_adjusted"].isna().all()


def checked(model, data, **how):
    """Permutation importance as ``explain`` asks for it, but for what is given."""
    return cross_check(model, data, **{"precision": 0.05, "most": 200_000, "seconds": 60.0, "seed": 0} | how)


def test_permutation_importance_agrees_with_scikit_learn():
    data = load_dataset("diabetes")
    model = LinearRegression().fit(data.features, data.target)
    mine = checked(Model.of(model, data), data, precision=0.0)
    theirs = permutation_importance(
        model, data.features, data.target, scoring="neg_mean_absolute_error", n_repeats=10, random_state=1
    )
    error = np.sqrt(2) * theirs.importances_std / math.sqrt(10)
    assert (mine.loss, mine.rows, mine.repeats) == ("absolute error", 442, 10)
    assert (np.abs([one.value for one in mine.increases] - theirs.importances_mean) < 4.5 * error + 1e-9).all()
    assert all(one.low < one.value < one.high for one in mine.increases)
    again = [checked(Model.of(model, data), data, seed=5) for _ in range(2)]
    assert again[0].increases == again[1].increases
    few = checked(Model.of(model, data), data, most=4200)
    assert (few.rows, few.repeats) == (420, 1)


def people(rng, persons, rows):
    """Rows of persons, who differ in a column, in a noise column and in their outcome."""
    person = np.repeat(np.arange(persons), rows)
    own = rng.normal(size=(persons, 3))[person]
    frame = pd.DataFrame({"a": rng.normal(size=len(person)), "b": own[:, 0], "noise": own[:, 1], "person": person})
    frame["noise too"] = rng.normal(size=len(person))
    return frame.assign(y=frame["a"] + 0.5 * frame["b"] + own[:, 2] + rng.normal(size=len(person)))


def covered(persons, rows, runs):
    """How often permutation importance holds its value over all people, and calls noise more than nothing."""
    rng, names = np.random.default_rng(3), ["a", "b", "noise", "noise too"]
    train, large = people(rng, 20, 10), load_dataset(people(rng, 40_000, 2), target="y", group="person")
    model = Model.of(LinearRegression().fit(train[names], train["y"]), large)
    truth = [one.value for one in checked(model, replace(large, group=None), most=10**6, precision=0.0).increases]
    inside, beyond = np.zeros((2, 4)), np.zeros((2, 4))
    for run in range(runs):
        data = load_dataset(people(rng, persons, rows), target="y", group="person")
        for place, rows_of in enumerate((data, replace(data, group=None))):
            found = checked(model, rows_of, most=12 * data.rows, seed=run).increases
            inside[place] += [one.low <= value <= one.high for one, value in zip(found, truth, strict=True)]
            beyond[place] += [one.low > 0 for one in found]
    return inside / runs, beyond / runs


def test_permutation_importance_of_people_covers_and_noise_is_not_important():
    (grouped, alone), (beyond, _) = covered(40, 10, 60)
    assert (grouped >= 0.9).all()
    assert alone[1] < 0.85
    assert (beyond[2:] <= 0.05).all()
    assert beyond[0] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("persons", "rows"), [(400, 1), (100, 5), (50, 20), (20, 20)])
def test_permutation_importance_covers_in_many_runs(persons, rows):
    (grouped, _), (beyond, _) = covered(persons, rows, 500)
    print(persons, rows, grouped, beyond)
    assert (grouped >= 0.93).all()
    assert (beyond[2:] <= 0.04).all()


def test_importance_of_people_covers_ranks_and_groups_are_not_told_apart_by_chance():
    rng, person = np.random.default_rng(0), np.repeat(np.arange(40), 15)
    units, truth = Units(person, 40, "person"), math.exp(0.5)
    inside, ranked, apart = np.zeros(2), np.zeros(2), np.zeros(2)
    for _ in range(200):
        sizes = np.exp(rng.normal(size=(40, 2))[person] * 0.8 + rng.normal(size=(600, 2)) * 0.6)
        sex = cut(pd.Series(rng.choice(["F", "M"], 40)[person]))
        for place, known in enumerate((units, None)):
            size = mean_magnitude(sizes[:, 0], 1.0, known)
            inside[place] += size.low <= truth <= size.high
            ranked[place] += (rank_intervals(sizes, known)[0] > 1).any()
            apart[place] += (group_table({"sex": sex}, sizes, NAMES[:2], known)["p_adjusted"] <= 0.05).any()
    assert inside[0] >= 0.92 * 200 > 0.7 * 200 > inside[1]
    assert ranked[0] <= 0.05 * 200 < 0.3 * 200 < ranked[1]
    assert apart[0] <= 0.06 * 200 < 0.3 * 200 < apart[1]
    table = dataset(skewed(rng, 600)).frame().assign(person=person)
    table = load_dataset(table, target="y", group="person")
    assert draw_rows(stub(""), table, precision=0.2, most=600, seconds=60, seed=0).units.count == 40


@pytest.mark.slow
def test_the_loss_follows_the_task():
    wine = load_dataset("wine")
    model = HistGradientBoostingClassifier(max_iter=10).fit(wine.features, wine.target)
    found = checked(Model.of(model, wine), wine)
    assert found.loss == "log loss"
    theirs = permutation_importance(
        model, wine.features, wine.target, scoring="neg_log_loss", n_repeats=20, random_state=0
    )
    assert stats.spearmanr([one.value for one in found.increases], theirs.importances_mean).statistic > 0.8

    class Labels:
        classes_ = model.classes_

        def predict(self, features):
            return model.predict(features)

    assert checked(Model.of(Labels(), wine), wine).loss == "error rate"


@pytest.mark.slow
def test_agreement_is_spearmans_and_its_interval_covers():
    rng, hit = np.random.default_rng(0), 0
    truth = 6 / math.pi * math.asin(0.6 / 2)
    for _ in range(500):
        first, second = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 30).T
        found = rank_agreement(first, second)
        assert found.value == pytest.approx(stats.spearmanr(first, second).statistic)
        hit += found.low <= truth <= found.high
    assert 0.93 <= hit / 500 <= 0.97
    assert math.isnan(rank_agreement(np.zeros(5), np.arange(5.0)).value)
    assert math.isnan(rank_agreement(np.arange(2.0), np.arange(2.0)).value)
    assert not rank_agreement(np.arange(3.0), np.arange(3.0)).has_interval
    certain = rank_agreement(np.arange(6.0), np.arange(6.0))
    assert certain.low < certain.value == 1


@pytest.mark.parametrize(("weights", "disagrees"), [([2.0] + 14 * [0.0], False), ([0.0] * 9 + [1.0] * 9, True)])
def test_the_order_of_columns_of_noise_is_no_disagreement(weights, disagrees):
    codes, weak = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        cells = rng.normal(size=(1500, len(weights)))
        frame = pd.DataFrame(cells, columns=[f"x{place}" for place in range(len(weights))])
        data = load_dataset(frame.assign(y=cells @ weights + rng.normal(size=1500)), target="y")
        model = LinearRegression().fit(data.features[:100], data.target[:100])
        if disagrees:
            model.coef_ = np.linspace(0.5, 0.1, 18)
        found = explain(model, data, seed=seed)
        weak.append(found.agreement.high < 0.5)
        codes.append({finding.code for finding in found.findings()})
    assert any(weak)
    assert ["EXPLAIN-DISAGREES" in one for one in codes] == [disagrees] * 6


def test_a_weak_column_that_tells_is_not_idle_and_a_strong_one_that_does_not_is():
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(20_000, 3))
    frame = pd.DataFrame(cells, columns=["strong", "weak", "noise"])
    data = load_dataset(frame.assign(y=cells @ [1.0, 0.15, 0.0] + rng.normal(size=20_000) / 2), target="y")
    model = LinearRegression().fit(data.features, data.target)
    for noise, said in ((0.0, []), (0.5, ["noise"])):
        model.coef_[2] = noise
        found = explain(model, data)
        assert found.increases["weak"].high < 0.05 * found.increases["strong"].value
        messages = [one.message for one in found.findings() if one.code == "EXPLAIN-IDLE"]
        assert [name for name in frame if any(f"{name} (" in message for message in messages)] == said


def test_associations_agree_with_their_references():
    rng = np.random.default_rng(0)
    n = 3000
    x = rng.normal(size=n)
    town = rng.integers(0, 5, n)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "x cubed": x**3,
            "town": pd.Categorical(town.astype(str)),
            "county": pd.Categorical((town // 2).astype(str)),
            "height": town * 10 + rng.normal(size=n),
            "noise": rng.normal(size=n),
            "id": pd.Categorical(np.arange(n).astype(str)),
            "constant": 1.0,
        }
    )
    found = associations(frame)
    pairs = {(row["first"], row["second"]): (row["measure"], row["value"]) for _, row in found.iterrows()}
    assert set(pairs) == {("x", "x cubed"), ("town", "county"), ("town", "height"), ("county", "height")}
    both = frame["x"].notna()
    reference = stats.spearmanr(frame["x"][both], frame["x cubed"][both]).statistic
    assert pairs["x", "x cubed"] == ("Spearman", pytest.approx(reference, abs=1e-3))
    table = pd.crosstab(frame["town"], frame["county"]).to_numpy()
    assert pairs["town", "county"][0] == "Cramér's V"
    assert pairs["town", "county"][1] == pytest.approx(contingency.association(table), abs=2e-3)
    ranks = frame["height"].rank().to_numpy()
    between = stats.f_oneway(*(ranks[town == code] for code in range(5))).statistic
    eta = between * 4 / (between * 4 + n - 5)
    assert pairs["town", "height"] == ("correlation ratio", pytest.approx(math.sqrt(eta), abs=1e-3))


def test_associations_of_independent_columns_are_about_nil():
    rng = np.random.default_rng(0)
    codes, others = rng.integers(0, 20, (200, 200)), rng.integers(0, 20, (200, 200))
    assert np.mean([cramers_v(a, b) ** 2 for a, b in zip(codes, others, strict=True)]) < 0.02
    ranks = rng.random((200, 200))
    assert np.mean([correlation_ratio(a, b) ** 2 for a, b in zip(codes, ranks, strict=True)]) < 0.05
    assert associations(pd.DataFrame({"a": pd.Categorical(["x"]), "b": [1.0]})).empty


def test_importance_is_weighted_and_its_interval_is_that_of_the_weights():
    rng = np.random.default_rng(3)
    sizes, weights = rng.exponential(size=(800, 2)), rng.exponential(size=800)
    units = Units.of(None, None, pd.Series(weights, name="w"))
    table = importance_table(attributed(sizes[:, :, None], units), ["a", "b"], ("x",)).set_index("column")
    for place, name in enumerate("ab"):
        value = np.average(sizes[:, place], weights=weights)
        found = table.loc[name, "mean_abs_shap"]
        assert found.value == pytest.approx(value, rel=1e-12)
        error = np.sqrt((weights**2 * (sizes[:, place] - value) ** 2).sum()) / weights.sum()
        assert np.sqrt(covariance_of_means(sizes, units)[place, place]) == pytest.approx(error, rel=0.01)
        assert 1 < (found.high - found.low) / (2 * 1.96 * error) < 1.15


def test_weights_enter_the_summary_and_the_permutations():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    frame["y"], frame["w"] = frame["a"] + frame["b"] * (np.arange(600) < 300), np.where(np.arange(600) < 300, 0.01, 1.0)
    data = load_dataset(frame, target="y", weight="w")
    model = LinearRegression().fit(data.features, data.target)
    found = explain(model, data, precision=0.01)
    order = found.features.index
    value = np.average(np.abs(found.shap_values[:, 1, 0]), weights=frame.loc[order, "w"])
    assert found.scalars()["explanation.b.mean_abs_shap"].value == pytest.approx(value, rel=1e-9)
    plain = explain(model, load_dataset(frame.drop(columns="w"), target="y"), precision=0.01)
    assert found.increases["b"].value < plain.increases["b"].value
    assert "WEIGHTS-NOT-USED" not in [one.code for one in found.findings()]
