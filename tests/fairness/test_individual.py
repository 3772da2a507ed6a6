import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.spatial.distance import cdist
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError, NotApplicableError
from toolkit.fairness.alike import consistency, nearest_rows, random_rows
from toolkit.fairness.individual import check_individual
from toolkit.models.preprocessing import make_model
from toolkit.models.recorded import RecordedPredictions


class Scored:
    """A model whose probability of "yes" is a given function of the features."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, chance):
        self.chance = chance

    def predict_proba(self, features):
        chance = np.asarray(self.chance(features), dtype=float)
        return np.column_stack([1 - chance, chance])

    def predict(self, features):
        return self.classes_[(self.predict_proba(features)[:, 1] >= 0.5).astype(int)]


def table(n=600, seed=0, **options):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["x", "y", "z"], n),
            "skill": rng.random(n),
            "y": rng.choice(["no", "yes"], n),
        }
    )
    return load_dataset(frame, target="y", positive="yes", **({"sensitive": ["sex", "race"]} | options))


def by_sex(features):
    return np.clip(features["skill"] + 0.2 * (features["sex"] == "m").to_numpy(), 0, 1)


def test_flips_are_counted_by_hand():
    data = table()
    found = check_individual(Scored(by_sex), data, rows=600)
    assert isinstance(found, Result)
    skill, man = data.features["skill"], data.features["sex"] == "m"
    between = (skill >= 0.3) & (skill < 0.5)
    numbers = found.scalars()
    assert numbers["individual.sex.flip_rate"].value == pytest.approx(between.mean())
    clipped = np.minimum(1, skill + 0.2) - skill
    assert numbers["individual.sex.score_change"].value == pytest.approx(clipped.mean())
    changes = found.changes.set_index(["feature", "changed_to"])
    assert changes.loc[("sex", "m"), "gained"].value == pytest.approx(between[~man].mean())
    assert changes.loc[("sex", "m"), "lost"].value == 0
    assert changes.loc[("sex", "f"), "lost"].value == pytest.approx(between[man].mean())
    assert changes.loc[("sex", "f"), "rows"] == man.sum()
    assert numbers["individual.race.flip_rate"].value == 0
    assert numbers["individual.race.flip_rate"].high > 0
    codes = {one.where: (one.code, one.severity) for one in found.findings() if one.where in ("sex", "race")}
    assert codes["sex"] == ("INDIVIDUAL-CHANGES", "high")
    assert codes["race"] == ("INDIVIDUAL-NO-CHANGE", "info")
    json.dumps({name: asdict(number) for name, number in numbers.items()})
    assert figure(found, "changes").image
    assert found.plot().has_data()
    assert "sex" in found._repr_html_()
    assert set(found.frame()["measure"]) == {"consistency", "flip_rate", "score_change"}


def test_changes_are_said_of_the_rows_that_are_changed():
    data = table()
    (note,) = [one for one in check_individual(Scored(by_sex), data, rows=600).findings() if one.where == "sex"]
    men = (data.features["sex"] == "m").to_numpy()
    turned = ((data.features["skill"] >= 0.3) & (data.features["skill"] < 0.5))[men].mean()
    assert f"; of the {men.sum()} that become f, 0.0% become positive and {turned:.1%} negative." in note.message

    def hardly(features):
        return 0.6 + 0.1 * (features["sex"] == "m")

    (note,) = [one for one in check_individual(Scored(hardly), data, rows=600).findings() if one.where == "sex"]
    assert (note.code, note.severity) == ("INDIVIDUAL-CHANGES", "low")
    said = "Changing sex alone changes none of the decisions of 600 rows, only their scores, by 0.1"
    assert note.message.startswith(said)


def test_yes_and_no_are_called_as_the_groups_are():
    frame = table().frame().assign(young=np.arange(600) % 3 == 0)
    data = load_dataset(frame, target="y", positive="yes", sensitive=["young"])
    found = check_individual(Scored(lambda features: 0.4 + 0.2 * features["young"]), data)
    assert set(found.changes["changed_to"]) == {"False", "True"}


def test_the_target_is_not_changed_though_it_is_asked_for():
    found = check_individual(Scored(by_sex), table(), sensitive=["y", "sex"])
    assert set(found.columns) == {"sex"}
    with pytest.raises(NotApplicableError, match="no sensitive column but the target itself"):
        check_individual(Scored(by_sex), table(), sensitive=["y"])


def test_a_model_that_is_not_given_the_column_has_exactly_zero():
    data = table(sensitive_as_features=False)
    found = check_individual(Scored(lambda features: features["skill"]), data)
    zero = found.scalars()["individual.sex.flip_rate"]
    assert (zero.value, zero.has_interval, zero.method) == (0, False, "exact: the model is not given this column")
    assert {one.code for one in found.findings()} >= {"INDIVIDUAL-NOT-GIVEN"}
    assert found.pictures() == {}
    given = table()
    fewer = make_model(LogisticRegression(), given.features[["skill"]]).fit(given.features[["skill"]], given.target)
    zero = check_individual(fewer, given).scalars()["individual.sex.flip_rate"]
    assert (zero.value, zero.has_interval) == (0, False)


def test_consistency_is_zemels():
    data = table(300)
    found = check_individual(Scored(by_sex), data, rows=300)
    rest = data.features[["skill"]].to_numpy()
    apart = cdist(rest, rest)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1)[:, :5]
    decision = (by_sex(data.features) >= 0.5).to_numpy().astype(float)
    expected = 1 - np.abs(decision - decision[near].mean(axis=1)).mean()
    assert found.consistency.value == pytest.approx(expected)


@pytest.mark.parametrize("wild", [1e6, -1e6, 1e300])
@pytest.mark.parametrize("rare", [False, True])
def test_one_wild_value_does_not_make_all_other_rows_alike(wild, rare):
    """Of a column that is 0 in most rows (``rare``) the quartiles are equal, and yet the others tell rows apart."""
    data, rng = table(600), np.random.default_rng(3)
    skill = np.where(rng.random(600) < 0.9, 0.0, data.features["skill"]) if rare else data.features["skill"].to_numpy()
    frame = data.frame().assign(skill=skill, other=rng.standard_normal(600))

    def consistent(frame):
        told = load_dataset(frame, target="y", positive="yes", sensitive=["sex", "race"])
        return check_individual(Scored(lambda features: features["skill"].between(0.5, 1)), told).consistency.value

    plain = consistent(frame)
    frame.loc[0, "skill"] = wild
    assert plain > 0.9
    assert consistent(frame) == pytest.approx(plain, abs=0.01)


def test_numbers_that_are_not_far_out_are_standardized_as_they_are():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.standard_normal(200), "b": rng.integers(0, 3, 200), "same": 5.0})
    frame.loc[:19, "a"] = np.nan
    near = nearest_rows(frame, 200, 4)
    filled = frame.fillna({"a": frame["a"].median()}).assign(missing=frame["a"].isna())
    scaled = StandardScaler().fit_transform(filled)
    apart = cdist(scaled, scaled)
    np.fill_diagonal(apart, np.inf)
    found, expected = np.take_along_axis(apart, near, axis=1), np.sort(apart, axis=1)[:, :4]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_other_tasks(name):
    data = load_dataset(name)
    kind = LinearRegression() if name == "diabetes" else DecisionTreeClassifier(max_depth=3)
    model = make_model(kind, data.features).fit(data.features, data.target)
    column = "sex" if name == "diabetes" else "flavanoids"
    found = check_individual(model, data, sensitive=column)
    numbers = found.scalars()
    assert 0 < numbers["individual.consistency"].value < 1
    assert (f"individual.{column}.flip_rate" in numbers) == (name == "wine")
    change = numbers[f"individual.{column}.score_change"]
    assert change.low < change.value < change.high
    if name == "diabetes":
        slope = model[-1].coef_[list(data.features.columns).index("sex")]
        scale = model[0].named_transformers_["number"][-1].scale_[list(data.features.columns).index("sex")]
        assert change.value == pytest.approx(abs(slope / scale))
    assert figure(found, "changes").image


def test_recorded_predictions_have_a_consistency_only():
    data = table()
    recorded = RecordedPredictions(y_pred=data.target, classes=("no", "yes"))
    found = check_individual(recorded, data)
    assert list(found.scalars()) == ["individual.consistency", "individual.consistency_by_chance"]
    codes = [one.code for one in found.findings()]
    assert codes == ["INDIVIDUAL-INCONSISTENT", "INDIVIDUAL-RECORDED"]


@pytest.mark.parametrize(("positives", "said"), [(4, "info"), (300, "medium")])
def test_a_consistency_that_rests_on_few_decisions_is_no_reproach(positives, said):
    """Decisions drawn by lot are not consistent; of four in a thousand that nobody can tell."""
    data, scores = table(1000), np.zeros(1000)
    scores[np.random.default_rng(1).permutation(1000)[:positives]] = 1.0
    found = check_individual(RecordedPredictions(y_score=scores, classes=("no", "yes")), data).findings()
    assert [one.severity for one in found if one.code == "INDIVIDUAL-INCONSISTENT"] == [said]


def test_labels_only_and_a_split():
    class Labels:
        def predict(self, features):
            return np.where(by_sex(features) >= 0.5, "yes", "no")

    split = split_dataset(table(1000))
    found = check_individual(Labels(), split)
    assert found.data.rows == split.test.rows
    numbers = found.scalars()
    assert numbers["individual.sex.score_change"].value == numbers["individual.sex.flip_rate"].value > 0


def test_hostile_columns_and_values():
    rng = np.random.default_rng(1)
    names = ["<script>", "{a}", "line\nbreak", "\u202ertl", "x" * 10_000, None]
    frame = pd.DataFrame(
        {"<b>group": rng.choice(np.array(names, dtype=object), 400), "big": rng.choice([1e300, -1e300, 1.0], 400)}
    )
    frame["age"] = np.where(rng.random(400) < 0.2, np.nan, rng.integers(18, 90, 400))
    frame["y"] = rng.choice(["no", "yes"], 400)
    data = load_dataset(frame, target="y", positive="yes", sensitive=["<b>group", "age"])
    found = check_individual(Scored(lambda features: np.full(len(features), 0.5)), data)
    assert found.consistency.value == 1
    assert found.consistency.low < 1
    assert "<script>" not in found._repr_html_()
    assert figure(found, "changes").image
    model = make_model(LogisticRegression(), data.features).fit(data.features, data.target)
    assert check_individual(model, data).consistency.low > 0


def test_labels_of_several_classes_and_a_single_value():
    wine = load_dataset("wine")

    class Labels:
        def predict(self, features):
            return np.where(features["flavanoids"] > 2, "class_0", "class_2")

    found = check_individual(Labels(), wine, sensitive="flavanoids")
    numbers = found.scalars()
    assert numbers["individual.flavanoids.score_change"].value <= numbers["individual.flavanoids.flip_rate"].value <= 1
    data = table()
    women = data.take(np.flatnonzero(data.features["sex"] == "f"))
    alone = check_individual(Scored(by_sex), women, sensitive="sex")
    assert np.isnan(alone.scalars()["individual.sex.flip_rate"].value)
    assert "INDIVIDUAL-ONE-VALUE" in {one.code for one in alone.findings()}
    assert alone.pictures() == {}


def test_names_that_are_shortened_alike_stay_apart():
    data = table()
    long = load_dataset(
        pd.concat([data.features, data.target], axis=1).rename(
            columns={"sex": "s" * 100 + "1", "race": "s" * 100 + "2"}
        ),
        target="y",
        positive="yes",
        sensitive=["s" * 100 + "1", "s" * 100 + "2"],
    )
    found = check_individual(Scored(lambda features: features["skill"]), long)
    assert len(found.columns) == 2
    assert set(found.changes["feature"]) == set(found.columns)
    assert len(found.findings()) == 2


def test_too_little_to_compare():
    only = load_dataset(
        pd.DataFrame({"sex": ["f", "m"] * 20, "y": ["a", "b", "b", "a"] * 10}),
        target="y",
        sensitive="sex",
        positive="a",
    )
    model = make_model(LogisticRegression(), only.features).fit(only.features, only.target)
    found = check_individual(model, only)
    assert np.isnan(found.consistency.value)
    assert "not defined" in str(found.consistency)
    small = table(20)
    assert check_individual(Scored(by_sex), small, neighbours=50).consistency.n == 20


def test_wrong_settings_are_refused():
    data, model = table(100), Scored(by_sex)
    with pytest.raises(InputError, match="neighbours must be"):
        check_individual(model, data, neighbours=0)
    with pytest.raises(InputError, match="rows must be"):
        check_individual(model, data, rows=True)
    with pytest.raises(InputError, match="Did you mean 'sex'"):
        check_individual(model, data, sensitive="sexx")
    with pytest.raises(NotApplicableError, match="no sensitive column"):
        check_individual(model, table(100, sensitive=[]))


def test_the_same_seed_gives_the_same_numbers():
    data, model = table(500), Scored(by_sex)
    first, again = (check_individual(model, data, rows=100, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.frame(), again.frame())


def test_neighbours_leave_the_row_itself_out():
    many = pd.DataFrame({"a": np.repeat([1.0, 2.0], 40), "b": np.tile(["x", "y"], 40)})
    near = nearest_rows(many, 80, 5)
    assert near.shape == (80, 5)
    assert not (near == np.arange(80)[:, None]).any()
    assert (many["a"].to_numpy()[near] == many["a"].to_numpy()[:, None]).all()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 2), min_size=8, max_size=60), st.integers(1, 6))
def test_consistency_is_within_its_interval_and_never_certain(codes, neighbours):
    outcome = np.array(codes, dtype=float)
    found = consistency(outcome, random_rows(len(outcome), len(outcome), neighbours), classes=True)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


def world(rng, n, noise):
    """Decisions that depend on what the neighbours share, and on what they do not."""
    x, group = rng.standard_normal((n, 2)), rng.integers(0, 4, n)
    signal = x[:, 0] + 0.5 * group - 0.8 + noise * rng.standard_normal(n)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "g": pd.Categorical(group.astype(str))})
    return frame, (signal > 0).astype(float)


def coverage(n, asked, noise, replicates):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(replicates):
        frame, outcome = world(rng, n, noise)
        found.append(consistency(outcome, nearest_rows(frame, asked, 5), classes=True))
    truth = np.mean([one.value for one in found])
    return np.mean([one.low <= truth <= one.high for one in found])


def test_the_interval_of_consistency_holds_the_truth():
    assert coverage(300, 100, 0.7, 100) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("n", "asked"), [(60, 60), (300, 300), (2000, 500)])
@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_the_interval_of_consistency_holds_the_truth_in_many_worlds(n, asked, noise):
    assert coverage(n, asked, noise, 400) >= 0.93


@pytest.mark.parametrize("kind", ["sensitive", "number"])
def test_a_column_may_have_any_name(kind):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"sensitive": rng.choice(["f", "m"], 200), "number": rng.normal(size=200)})
    rows["y"] = np.where(rows["number"] + (rows["sensitive"] == "f") > 0.5, "yes", "no")
    numbers = []
    for name in (kind, "self"):
        table = rows.rename(columns={kind: name})
        sensitive = "self" if name == "self" and kind == "sensitive" else "sensitive"
        data = load_dataset(table, target="y", positive="yes", sensitive=sensitive)
        model = make_model(LogisticRegression(), data.features).fit(data.features, data.target)
        numbers.append([str(one) for one in check_individual(model, data).scalars().values()])
    assert numbers[0] == numbers[1]
