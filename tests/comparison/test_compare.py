import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from statsmodels.stats.contingency_tables import mcnemar as reference
from statsmodels.stats.weightstats import ttost_paired

import toolkit as tk
from toolkit.comparison.contrasts import Paired, mcnemar
from toolkit.comparison.sides import Sides
from toolkit.errors import InputError
from toolkit.statistics.measure import mean


def table(rows=2000, *, seed=0, old=1.0, new=1.0, hurt=0.0, copies=1):
    """Scores of two models: ``old`` and ``new`` are how well they tell the classes apart, ``hurt`` what women lose."""
    rng = np.random.default_rng(seed)
    y, sex = rng.integers(0, 2, rows), rng.choice(["f", "m"], rows)
    shared = rng.normal(0, 1, rows)

    def score(strength, loss):
        signal = (strength - loss * (sex == "f")) * (2 * y - 1)
        return 1 / (1 + np.exp(-(signal + 0.7 * shared + 0.7 * rng.normal(0, 1, rows))))

    frame = pd.DataFrame({"y_true": y, "old": score(old, 0), "new": score(new, hurt), "sex": sex, "who": range(rows)})
    return frame.loc[np.repeat(np.arange(rows), copies)].reset_index(drop=True)


def compared(frame, margin=0.0, metric="", **options):
    old, new, data = tk.load_comparison(champion="old", challenger="new", predictions=frame, **options)
    return tk.compare(old, new, data, margin=margin, metric=metric, seed=1)


class TestReferences:
    def test_mcnemar_is_that_of_statsmodels(self):
        rng = np.random.default_rng(0)
        one, two = rng.random(300) < 0.7, rng.random(300) < 0.8
        cells = pd.crosstab(one, two).to_numpy()
        assert mcnemar(one, two) == pytest.approx(reference(cells, exact=True).pvalue, abs=1e-12)

    def test_equal_models_have_nothing_to_tell(self):
        right = np.ones(50)
        assert mcnemar(right, right) == 1.0

    def test_equivalence_is_that_of_statsmodels(self):
        rng = np.random.default_rng(1)
        old = rng.gamma(4, 1, 4000)
        new = old + rng.normal(0.01, 0.5, 4000)
        found = Paired.of("mean_absolute_error", mean(old), mean(new))
        wanted, _, upper = ttost_paired(new, old, -0.03, 0.03)
        # One row more is reckoned with in the standard error, which is 0.3 % of it here.
        assert found.p_equivalent(0.03) == pytest.approx(wanted, rel=0.06)
        assert found.at_most(-0.03) == pytest.approx(upper[1], rel=0.06)
        assert found.p_value == pytest.approx(stats.ttest_rel(new, old).pvalue, rel=0.06)
        assert found.better == pytest.approx(stats.ttest_rel(new, old, alternative="greater").pvalue, rel=0.06)

    def test_the_area_is_delongs(self):
        frame = table(3000, new=1.05)
        y = frame["y_true"].to_numpy() == 1

        def placements(score):
            ones, zeros = score[y][:, None], score[~y][None, :]
            wins = (ones > zeros) + 0.5 * (ones == zeros)
            return wins.mean(axis=1), wins.mean(axis=0), wins.mean()

        (a1, a0, a), (b1, b0, b) = (placements(frame[name].to_numpy()) for name in ("old", "new"))
        error = np.sqrt((b1 - a1).var(ddof=1) / y.sum() + (b0 - a0).var(ddof=1) / (~y).sum())
        found = compared(frame).pairs["roc_auc"]
        assert found.difference.value == pytest.approx(b - a, abs=1e-12)
        # One row more is reckoned with in the standard error.
        assert (found.difference.high - found.difference.low) / 2 == pytest.approx(1.96 * error, rel=0.01)
        assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(b - a) / error), rel=0.05)


class TestConclusion:
    def test_a_better_one_is_superior(self):
        found = compared(table(new=1.4))
        assert found.conclusion == "superior"
        assert found.metric == "roc_auc"
        assert found.main.better > 0.999
        assert found.record().headline.startswith("The challenger is better: ROC AUC is 0.9")

    def test_a_worse_one_is_inferior_and_a_high_finding(self):
        found = compared(table(old=1.4))
        assert found.conclusion == "inferior"
        assert found.findings()[0].code == "COMPARE-WORSE"

    def test_less_is_better_for_losses(self):
        found = compared(table(new=1.4), metric="log_loss")
        assert found.conclusion == "superior"
        assert found.main.difference.high < 0 < found.main.gain.low

    @pytest.mark.parametrize(("margin", "words"), [(0.0, "undecided"), (0.05, "equivalent"), (0.01, "not inferior")])
    def test_a_margin_asks_for_more(self, margin, words):
        frame = table(2000, seed=2).rename(columns={"old": "new", "new": "old"})
        assert compared(frame, margin).conclusion == words

    def test_a_margin_decides_before_a_difference_that_it_allows(self):
        frame = table(30_000, old=1.05)
        assert compared(frame).conclusion == "inferior"
        assert compared(frame, 0.05).conclusion == "equivalent"

    @pytest.mark.parametrize("seed", range(12))
    def test_the_p_value_agrees_with_the_interval_where_that_is_not_symmetric(self, seed):
        rng = np.random.default_rng(seed)
        y = np.repeat([1, 0], [12, 288])
        old, new = (np.clip(rng.normal(0.3 + apart * y, 0.15), 0, 1) for apart in (0.15, 0.35))
        found = compared(pd.DataFrame({"y_true": y, "old": old, "new": new})).main
        assert (found.p_value < 0.05) == (found.difference.low > 0 or found.difference.high < 0)
        assert (found.better > 0.975) == (found.difference.low > 0)

    def test_few_rows_that_changed_are_no_proof(self):
        frame = pd.DataFrame({"y_true": [1] * 150 + [0] * 150, "old": ["1"] * 145 + ["0"] * 155})
        found = compared(frame.assign(new=["1"] * 150 + ["0"] * 150), metric="accuracy")
        assert "COMPARE-THRESHOLDS" not in [one.code for one in found.findings()]
        assert found.main.p_value == 0.0625
        assert found.conclusion == "undecided"

    def test_people_count_not_rows(self):
        one, many = compared(table(300, new=1.2)), compared(table(300, new=1.2, copies=20), group="who")
        rows = compared(table(300, new=1.2, copies=20).drop(columns="who"))
        width = {
            name: found.main.difference.high - found.main.difference.low
            for name, found in (("one", one), ("people", many), ("rows", rows))
        }
        assert width["people"] == pytest.approx(width["one"], rel=0.05)
        assert width["rows"] < width["one"] / 4
        assert "300 groups of 'who'" in many.face().lead


class TestWhom:
    def test_better_overall_and_worse_for_one_group(self):
        found = compared(table(6000, new=1.8, hurt=0.9), sensitive="sex")
        assert found.conclusion == "superior"
        assert {item.where for item in found.findings() if item.code == "COMPARE-GROUP-WORSE"} == {"sex.f"}
        assert found.scalars()["change.fairness.sex.f.roc_auc"].high < 0
        assert found.scalars()["comparison.groups_worse"].value >= 1

    @pytest.mark.parametrize("positives", [0, 5])
    def test_too_few_of_a_class_say_nothing_of_scores(self, positives):
        frame = table(1000)
        frame.loc[frame["sex"] == "f", "y_true"] = 0
        frame.loc[frame.index[frame["sex"] == "f"][:positives], "y_true"] = 1
        groups = compared(frame, sensitive="sex", metric="log_loss").groups
        assert set(groups.loc[groups["group"] == "f", "metric"]) == {"accuracy", "recall", "precision"}

    def test_flips_are_the_rows_decided_differently(self):
        frame = table(500, new=1.2)
        found = compared(frame)
        turned = (frame["old"] >= 0.5) != (frame["new"] >= 0.5)
        assert found.flips["row"].tolist() == frame.index[turned].tolist()
        assert found.scalars()["comparison.flips"].value == pytest.approx(turned.mean())
        right = (frame["new"] >= 0.5) == (frame["y_true"] == 1)
        assert f"{int((turned & right).sum())} now right" in found.face().tables[-1].caption


class TestModels:
    def test_each_may_take_columns_that_the_other_does_not(self):
        data = tk.load_dataset(load_breast_cancer(as_frame=True).frame, target="target")
        few = LogisticRegression(max_iter=5000).fit(data.features.iloc[:, :3], data.target)
        other = GradientBoostingClassifier(random_state=0).fit(data.features.iloc[:, 5:], data.target)
        assert tk.compare(few, other, data, latency=False).conclusion == "superior"

    @pytest.mark.parametrize("roles", [{"weight": "w"}, {"group": "who"}, {"group": "who", "weight": "w"}])
    def test_the_share_of_flips_counts_weights_and_groups(self, roles):
        frame = table(300, new=1.2, copies=10)
        turned = ((frame["old"] >= 0.5) != (frame["new"] >= 0.5)).astype(float)
        frame["w"] = np.where(np.random.default_rng(0).random(3000) < 0.2 + 0.6 * turned, 9.0, 1.0)
        each = frame["w"] if "weight" in roles else np.ones(3000)
        flips = compared(frame.drop(columns={"who", "w"} - set(roles.values())), **roles).scalars()["comparison.flips"]
        wanted = np.average(turned, weights=each)
        moved = (each * (turned - wanted)).groupby(frame["who"] if "group" in roles else frame.index).sum()
        error = np.sqrt((moved**2).sum()) / each.sum()
        assert (flips.value, flips.n) == (pytest.approx(wanted), 3000)
        assert flips.high - flips.low == pytest.approx(2 * stats.norm.ppf(0.975) * error, rel=0.06)

    def test_numbers_have_no_flips(self):
        data = tk.load_dataset("diabetes")
        one, two = (LinearRegression().fit(data.features.iloc[:, :k], data.target) for k in (2, 10))
        found = tk.compare(one, two, data)
        assert (found.conclusion, len(found.flips)) == ("superior", 0)
        assert "comparison.flips" not in found.scalars()
        assert set(found.speed["measure"]) >= {"latency.p50_ms", "model.size_bytes"}

    def test_three_classes(self):
        data = tk.load_dataset("wine")
        one, two = (LogisticRegression(max_iter=20_000).fit(data.features.iloc[:, :k], data.target) for k in (1, 13))
        found = tk.compare(one, two, data, latency=False)
        assert found.conclusion == "superior"
        assert set(found.flips.columns) == {"row", "truth", "champion", "challenger"}

    def test_a_metric_that_there_is_not(self):
        with pytest.raises(InputError, match="roc_auc"):
            compared(table(), metric="roc_auk")

    def test_rows_of_one_group_cannot_be_told_apart(self):
        with pytest.raises(InputError, match="no metric's difference has an interval"):
            compared(table(100).assign(who=1), group="who")

    def test_a_negative_margin(self):
        with pytest.raises(InputError, match="margin must be a number above 0"):
            compared(table(), margin=-0.1)


class TestLoading:
    def test_labels_are_labels(self):
        frame = table(300)
        frame["new"] = (frame["new"] >= 0.5).astype(int)
        found = compared(frame, metric="accuracy")
        assert found.pairs["accuracy"].challenger.value == pytest.approx((frame["new"] == frame["y_true"]).mean())

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"champion": "", "challenger": "new"}, "needs a champion"),
            ({"champion": "old", "challenger": "new", "data": "wine"}, "Give data"),
            ({"champion": "old", "challenger": "newer"}, "newer"),
        ],
    )
    def test_what_is_missing_is_said(self, given, said):
        with pytest.raises(InputError, match=said):
            tk.load_comparison(predictions=table(50), **given)


@pytest.mark.slow
def test_false_alarms_of_each_conclusion():
    """At no difference 5 % are called better or worse; at the margin 2.5 % not inferior and 5 % equivalent."""
    rng, counts, repeats = np.random.default_rng(3), {"apart": 0, "inferior": 0, "equivalent": 0}, 2000
    for _ in range(repeats):
        old = rng.normal(5, 1, 300)
        same, worse = old + rng.normal(0, 1, 300), old + rng.normal(0.1, 0.3, 300)
        at_zero, at_margin = (Paired.of("mean_absolute_error", mean(old), mean(new)) for new in (same, worse))
        counts["apart"] += at_zero.p_value <= 0.05
        counts["inferior"] += at_margin.at_most(-0.1) <= 0.025
        counts["equivalent"] += at_margin.p_equivalent(0.1) <= 0.05
    print({name: count / repeats for name, count in counts.items()})
    assert stats.binomtest(counts["apart"], repeats, 0.05).pvalue > 0.001
    assert stats.binomtest(counts["inferior"], repeats, 0.025).pvalue > 0.001
    assert stats.binomtest(counts["equivalent"], repeats, 0.05).pvalue > 0.001


class TestSlices:
    """Better overall, worse for old women."""

    @staticmethod
    def frame(hurt, seed=0, rows=4000):
        frame = table(rows, seed=seed, new=1.6)
        rng = np.random.default_rng(seed + 1)
        frame["age"] = rng.integers(18, 90, rows)
        worse = (frame["sex"] == "f") & (frame["age"] >= 72)
        towards = np.where(frame["y_true"] == 1, -hurt, hurt)
        logits = np.log(frame["new"] / (1 - frame["new"])) + worse * towards
        return frame.assign(new=1 / (1 + np.exp(-logits)))

    def test_a_slice_that_gets_worse_is_found_although_the_whole_gets_better(self):
        frame = self.frame(1.2)
        found = compared(frame, sensitive=["sex"], drop=["who"])
        assert found.conclusion == "superior"
        worst = found.slices.iloc[0]
        assert worst["slice"] == "sex = f and age 70 and over"
        here = (frame["age"] >= 70) & (frame["sex"] == "f")
        losses = {
            name: -np.log(np.where(frame["y_true"] == 1, frame[name], 1 - frame[name])) for name in ("old", "new")
        }
        assert worst["rows"] == here.sum()
        assert worst["difference"].value == pytest.approx((losses["new"] - losses["old"])[here].mean(), abs=1e-4)
        assert worst["challenger"] == pytest.approx(losses["new"][here].mean())
        assert worst["difference"].low > 0
        told = next(one for one in found.findings() if one.code == "COMPARE-SLICE-WORSE")
        assert told.severity == "high"
        assert f"worse where {worst['slice']} ({worst['rows']:,} rows): its log loss is" in told.message
        assert found.scalars()["comparison.slices_worse"].value == len(found.slices)

    def test_where_none_gets_worse_none_is_said(self):
        found = compared(self.frame(0.0), sensitive=["sex"], drop=["who"])
        assert len(found.slices) == 0
        assert "COMPARE-SLICE-WORSE" not in {one.code for one in found.findings()}

    def test_labels_alone_are_compared_by_their_errors(self):
        frame = self.frame(6.0)
        frame["new"] = (frame["new"] > 0.5).astype(int)
        found = compared(frame, sensitive=["sex"], drop=["who"])
        assert set(found.slices["loss"]) == {"error rate"}
        here = (frame["age"] >= 70) & (frame["sex"] == "f")
        assert found.slices.iloc[0]["slice"] == "sex = f and age 70 and over"
        assert found.slices.iloc[0]["challenger"] == pytest.approx((frame["new"] != frame["y_true"])[here].mean())

    @pytest.mark.slow
    def test_equal_models_have_no_slice_that_gets_worse(self):
        rng, cried = np.random.default_rng(0), 0
        for seed in range(400):
            frame = table(800, seed=seed)
            frame["age"] = rng.integers(18, 90, 800)
            cried += len(Sides.of(*sides_of(frame)).slices()) > 0
        print("a slice is called worse in", cried, "of 400 comparisons of equal models")
        assert cried <= 400 * 0.05 + 2 * np.sqrt(400 * 0.05 * 0.95)


def sides_of(frame):
    old, new, data = tk.load_comparison(
        champion="old", challenger="new", predictions=frame, sensitive=["sex"], drop=["who"]
    )
    return (old, new), data, None, 0


@pytest.mark.parametrize("options", [{}, {"group": "who"}], ids=["rows", "groups"])
def test_a_model_beside_itself_is_neither_better_nor_worse(options):
    frame = table(600)
    frame = frame.assign(new=frame["old"], who=frame["who"] % 150)
    found = compared(frame, margin=0.05, **options)
    numbers = found.scalars()
    assert [one.code for one in found.findings()] == ["COMPARE-SAME"]
    assert "predict the same for each of the 600 rows" in found.findings()[0].message
    assert numbers["comparison.p_value"].value == 1
    assert numbers["comparison.better_probability"].value == 0.5
    assert numbers["comparison.p_equivalent"].value < 0.05


def test_one_score_cut_at_two_places_is_not_one_model_given_twice():
    data = tk.load_dataset(load_breast_cancer(as_frame=True).frame.iloc[:, [0, 1, -1]], target="target")
    fitted = LogisticRegression(max_iter=5000).fit(data.features, data.target)
    low, same = (FixedThresholdClassifier(FrozenEstimator(fitted), threshold=at) for at in (0.2, 0.5))
    for other, wanted in ((low, False), (same, True)):
        codes = {one.code for one in tk.compare(fitted, other.fit(data.features, data.target), data).findings()}
        assert ("COMPARE-SAME" in codes) is wanted


def test_a_champion_whose_threshold_is_for_the_other_class_is_said_not_to_decide_as_it_does():
    frame = load_breast_cancer(as_frame=True).frame.iloc[:, [0, 1, -1]]
    data = {label: tk.load_dataset(frame, target="target", positive=label) for label in (0, 1)}
    fitted = LogisticRegression(max_iter=5000).fit(data[1].features, data[1].target)
    champion = tk.evaluate(fitted, data[0], threshold=0.2, latency=False).model
    codes = [one.code for one in tk.compare(champion, fitted, data[1], latency=False).findings()]
    assert codes.count("MODEL-THRESHOLD-UNUSED") == 1
    assert "MODEL-THRESHOLD-UNUSED" not in [one.code for one in tk.compare(champion, fitted, data[0]).findings()]


def test_recorded_numbers_are_compared():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    rows = pd.DataFrame({"y_true": truth, "old": truth + rng.normal(0, 1, 400), "new": truth + rng.normal(0, 0.2, 400)})
    old, new, data = tk.load_comparison(champion="old", challenger="new", predictions=rows)
    assert tk.compare(old, new, data, latency=False).conclusion == "superior"
