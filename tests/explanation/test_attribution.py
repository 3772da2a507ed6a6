"""Attributions against shap's own, against closed forms, and against Shapley values worked out by hand."""

import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from toolkit.data.load import load_dataset
from toolkit.errors import InputError
from toolkit.explanation.attribution import choose_attributor, tolerance
from toolkit.explanation.trace import see_through
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.models.preprocessing import make_model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightgbm
    import shap
    import xgboost


def original_columns(model):
    """Name the column behind each encoded one, as ``make_model`` lays them out: a reference apart from tracing."""
    names = []
    for name, step, columns in model["encode"].transformers_:
        if name == "text" and isinstance(step, Pipeline):
            for column, known, rare in zip(columns, step[-1].categories_, step[-1].infrequent_categories_, strict=True):
                names += [column] * (len(known) if rare is None else len(known) - len(rare) + 1)
        elif name != "remainder":
            imputed = step[0].indicator_.features_ if isinstance(step, Pipeline) else []
            names += [*columns, *(columns[place] for place in imputed)]
    return names


def table(n=400, seed=0, **target):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "age_b": rng.normal(size=n),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "place": rng.choice(["Ä", "⟨0⟩", "c", None], n),
            "sex": rng.choice(["Female", "Male"], n),
        }
    )
    score = (frame["age"] - 50) / 15 + frame["age_b"] * (frame["sex"] == "Male") + (frame["place"] == "c")
    frame["yes"] = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
    frame["three"] = np.where(score > 1, "high", np.where(score > -1, "mid", "low"))
    frame["number"] = np.exp(score / 3) * rng.gamma(20, 0.05, n)
    kept = [*frame.columns[:5], target["target"]]
    return load_dataset(frame[kept], sensitive=["sex"], **target)


BINARY = table(target="yes", positive="yes")
FLIPPED = table(target="yes", positive="no")
THREE = table(target="three")
NUMBER = table(target="number")


def fitted(estimator, data):
    return make_model(estimator, data.features).fit(data.features, data.target)


MODELS = [
    (BINARY, HistGradientBoostingClassifier(max_iter=20), "tree", "log-odds"),
    (BINARY, GradientBoostingClassifier(n_estimators=20), "tree", "log-odds"),
    (BINARY, lightgbm.LGBMClassifier(n_estimators=20, verbose=-1), "tree", "log-odds"),
    (BINARY, RandomForestClassifier(20, random_state=0), "tree", "probability"),
    (FLIPPED, ExtraTreesClassifier(20, random_state=0), "tree", "probability"),
    (FLIPPED, DecisionTreeClassifier(max_depth=4), "tree", "probability"),
    (FLIPPED, HistGradientBoostingClassifier(max_iter=20), "tree", "log-odds"),
    (BINARY, LogisticRegression(), "linear", "log-odds"),
    (FLIPPED, LogisticRegression(), "linear", "log-odds"),
    # Of its two scores only that of the positive class is explained, from which no probability follows.
    (BINARY, lightgbm.LGBMClassifier(objective="softmax", num_class=2, verbose=-1), "tree", "decision score"),
    (BINARY, RidgeClassifier(), "linear", "decision score"),
    (BINARY, LinearSVC(), "linear", "decision score"),
    (THREE, HistGradientBoostingClassifier(max_iter=10), "tree", "softmax score"),
    (THREE, lightgbm.LGBMClassifier(n_estimators=10, verbose=-1), "tree", "softmax score"),
    (THREE, RandomForestClassifier(20, random_state=0), "tree", "probability"),
    (THREE, LogisticRegression(), "linear", "softmax score"),
    (NUMBER, Ridge(), "linear", "number"),
    (NUMBER, Lasso(0.01), "linear", "number"),
    (NUMBER, PoissonRegressor(max_iter=500), "linear", "log of number"),
    (NUMBER, HistGradientBoostingRegressor(max_iter=20), "tree", "number"),
    (NUMBER, HistGradientBoostingRegressor(max_iter=20, loss="poisson"), "tree", "log of number"),
    (NUMBER, GradientBoostingRegressor(n_estimators=20), "tree", "number"),
    (NUMBER, xgboost.XGBRegressor(n_estimators=20), "tree", "number"),
    (NUMBER, lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, objective="poisson"), "tree", "log of number"),
]


@pytest.mark.parametrize(("data", "estimator", "method", "scale"), MODELS)
def test_every_model_adds_up_on_its_own_scale(data, estimator, method, scale):
    model = fitted(estimator, data)
    found = choose_attributor(model, data, data)
    assert (found.method, found.scale) == (method, scale)
    values, output = found.attribute(data.features)
    outputs = 3 if data.task == "multiclass" else 1
    assert values.shape == (data.rows, 5, outputs)
    assert found.base.shape == (outputs,)
    assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-5
    said = predict(model, data)
    if data.task == "multiclass":
        np.testing.assert_array_equal(output.argmax(axis=1), said.y_pred)
    elif scale == "log-odds":
        np.testing.assert_allclose(1 / (1 + np.exp(-output[:, 0])), said.y_pred, atol=1e-6)
    elif scale != "decision score" or not hasattr(model, "predict_proba"):
        np.testing.assert_allclose(np.exp(output[:, 0]) if scale.startswith("log") else output[:, 0], said.y_pred)


@pytest.mark.parametrize("kernel", [pytest.param("rbf", marks=pytest.mark.slow), "linear"])
def test_scores_of_each_two_classes_are_not_taken_for_those_of_each_class(kernel):
    model, rows = fitted(SVC(kernel=kernel, decision_function_shape="ovo"), THREE), THREE.take(range(10))
    found = choose_attributor(model, rows, THREE)
    assert (found.method, found.scale, found.notes) == ("permutation", "decision (0 or 1)", ())
    values, output = found.attribute(rows.features)
    np.testing.assert_array_equal(output.argmax(axis=1), predict(model, rows).y_pred)
    np.testing.assert_allclose(found.base + values.sum(axis=1), output, atol=1e-9)


def test_trees_are_explained_as_by_shap_itself():
    model = fitted(HistGradientBoostingClassifier(max_iter=30), BINARY)
    matrix = model[:-1].transform(BINARY.features)
    reference = shap.TreeExplainer(model[-1], feature_perturbation="tree_path_dependent").shap_values(matrix)
    values, _ = choose_attributor(model, BINARY, BINARY).attribute(BINARY.features)
    order = [original_columns(model).index(name) for name in BINARY.features.columns]
    np.testing.assert_allclose(values[:, :, 0], reference[:, order], atol=1e-12)


def test_a_background_that_was_given_is_used():
    whole = load_dataset(BINARY.frame()[["age", "age_b", "sex", "yes"]], target="yes", positive="yes")
    model, background = fitted(HistGradientBoostingClassifier(max_iter=3), whole), whole.take(range(40))
    found = choose_attributor(model, whole, background, given=True)
    values, output = found.attribute(whole.features)
    assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-6
    assert found.base[0] == pytest.approx(model.decision_function(background.features).mean())
    assert (found.method, found.reference) == ("tree", "40 rows of table")
    # By the definition, also of rows whose value equals a threshold, which shap by itself takes down the wrong branch.
    by_itself = shap.TreeExplainer(model[-1], model[:-1].transform(background.features))
    reference = by_itself.shap_values(model[:-1].transform(whole.features), check_additivity=False)
    missed = np.flatnonzero(np.abs(by_itself.expected_value + reference.sum(axis=1) - output[:, 0]) > 1e-6)
    for row in {0, 1, *missed[:2].tolist()}:
        expected, _ = shapley(model.decision_function, whole.features.iloc[[row]], background.features)
        np.testing.assert_allclose(values[row, :, 0], expected, atol=1e-6)


def test_missing_values_are_never_explained_wrongly():
    for estimator in (HistGradientBoostingClassifier(max_iter=30), RandomForestClassifier(10, random_state=0)):
        model = fitted(estimator, BINARY)
        for given in (False, True):
            found = choose_attributor(model, BINARY, BINARY.take(range(30)), given=given)
            rows = BINARY.features[BINARY.features["gap"].isna()].head(4)
            values, output = found.attribute(rows)
            assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-6


def test_encoded_trees_are_summed_to_the_original_columns():
    encoder = ColumnTransformer(
        [("levels", OneHotEncoder(), ["sex", "place"]), ("rest", "passthrough", ["age_b", "age", "gap"])]
    )
    model = make_pipeline(encoder, xgboost.XGBRegressor(n_estimators=20)).fit(NUMBER.features, NUMBER.target)
    matrix = encoder.transform(NUMBER.features)
    reference = shap.TreeExplainer(model[-1]).shap_values(np.asarray(matrix))
    values = choose_attributor(model, NUMBER, NUMBER).attribute(NUMBER.features)[0][:, :, 0]
    names = [name.partition("__")[2] for name in encoder.get_feature_names_out()]
    for place, column in enumerate(NUMBER.features.columns):
        mine = [i for i, name in enumerate(names) if name == column or name.startswith(f"{column}_")]
        mine = mine if column != "age" else [names.index("age")]
        np.testing.assert_allclose(values[:, place], reference[:, mine].sum(axis=1), atol=1e-5)


@pytest.mark.parametrize("data", [BINARY, FLIPPED])
def test_linear_models_follow_the_closed_form(data):
    model = fitted(LogisticRegression(), data)
    matrix = model[:-1].transform(data.features)
    matrix = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    sign = 1 if model.classes_[1] == data.positive else -1
    each = sign * model[-1].coef_[0] * (matrix - matrix.mean(axis=0))
    owners = np.array(original_columns(model))
    expected = np.column_stack([each[:, owners == name].sum(axis=1) for name in data.features.columns])
    found = choose_attributor(model, data, data)
    np.testing.assert_allclose(found.attribute(data.features)[0][:, :, 0], expected, atol=1e-10)
    assert found.base[0] == pytest.approx((sign * model.decision_function(data.features)).mean())


def test_whole_number_weights_of_the_background_are_repeated_rows():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"a": rng.normal(size=200), "b": np.arange(200) % 2 * 1.0, "w": rng.integers(1, 9, 200)})
    frame["y"] = frame["a"] + 2 * frame["b"] + rng.normal(size=200)
    weighted = load_dataset(frame, target="y", weight="w")
    repeated = load_dataset(frame.loc[frame.index.repeat(frame["w"])].drop(columns="w"), target="y")
    model = LinearRegression().fit(weighted.features, weighted.target)
    one, other = (choose_attributor(model, data, data) for data in (weighted, repeated))
    assert one.base[0] == pytest.approx(np.average(model.predict(weighted.features), weights=frame["w"]))
    assert one.base == pytest.approx(other.base)
    np.testing.assert_allclose(one.attribute(weighted.features)[0], other.attribute(weighted.features)[0], atol=1e-12)
    # What is drawn is drawn by weight: here from the rows that weigh nearly everything.
    heavy = load_dataset(frame.assign(w=np.where(frame["b"] == 1, 1.0, 1e-9)), target="y", weight="w")
    assert choose_attributor(lambda rows: rows["b"], heavy, heavy).base[0] == 1
    tree = DecisionTreeRegressor().fit(frame[["a", "b"]], frame["b"])
    assert choose_attributor(tree, heavy, heavy, given=True).base[0] == 1


def test_categories_that_are_numbers_to_the_encoder_are_explained():
    floor = np.random.default_rng(0).integers(0, 4, 200)
    rows = pd.DataFrame({"floor": pd.Categorical(floor), "x": np.linspace(0, 1, 200)})
    encoding = ColumnTransformer([("floor", OneHotEncoder(), ["floor"])], remainder="passthrough")
    model = make_pipeline(encoding, Ridge(alpha=1e-9)).fit(rows, floor * 10.0)
    features = load_dataset(rows.assign(y=floor * 10.0), target="y").features
    found = see_through(Model.of(model), features)
    assert found.encode(features).tolist() == model[0].transform(rows).tolist()


def test_sparse_encodings_are_explained():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"town": rng.choice(list("abcdefghijklmnop"), 3000), "x": rng.normal(size=3000)})
    frame["y"] = np.where(frame["x"] + (frame["town"].map(ord) % 3) > 1, "a", "b")
    data = load_dataset(frame, target="y", positive="a")
    model = fitted(LogisticRegression(), data)
    assert hasattr(model[:-1].transform(data.features), "tocsr")
    found = choose_attributor(model, data, data)
    values, output = found.attribute(data.features)
    assert found.method == "linear"
    assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-9


def test_the_other_class_is_explained_with_the_sign_turned():
    for estimator in (HistGradientBoostingClassifier(max_iter=10), RandomForestClassifier(10, random_state=0)):
        model = fitted(estimator, BINARY)
        one = choose_attributor(model, BINARY, BINARY).attribute(BINARY.features)[0]
        other = choose_attributor(model, FLIPPED, FLIPPED).attribute(FLIPPED.features)[0]
        np.testing.assert_allclose(one, -other, atol=1e-12)


def known(frame):
    """Columns of every kind, with an interaction of two and one of three."""
    late = (frame["when"].to_numpy(dtype=float) - 1_700_000_000) / 100
    gap = frame["gap"].isna().to_numpy() * 2.0
    town = frame["town"].map({"Oslo": 1.0, "Bergen": -1.0}).astype(float).fillna(0.5).to_numpy()
    return late + gap * town + late * frame["x"].to_numpy()


def shapley(function, row, background):
    """Shapley values by their definition, over all subsets of columns."""
    columns = list(row.columns)

    def worth(chosen):
        mixed = background.copy()
        for name in chosen:
            mixed[name] = row[name].repeat(len(mixed)).set_axis(mixed.index)
        return function(mixed).mean(axis=0)

    values = []
    for name in columns:
        rest = [other for other in columns if other != name]
        total = 0.0
        for size in range(len(rest) + 1):
            weight = math.factorial(size) * math.factorial(len(rest) - size) / math.factorial(len(columns))
            for chosen in itertools.combinations(rest, size):
                total = total + weight * (worth([*chosen, name]) - worth(chosen))
        values.append(total)
    return np.array(values), worth(())


def test_any_function_is_explained_by_its_shapley_values():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "when": 1_700_000_000 + rng.integers(0, 300, 60),
            "gap": np.where(rng.random(60) < 0.4, np.nan, 1e30 * rng.normal(size=60)),
            "town": rng.choice(["Oslo", "Bergen", None], 60),
            "x": rng.normal(size=60),
            "unused": rng.choice(["a", "b"], 60),
            "y": rng.normal(size=60),
        }
    )
    data = load_dataset(frame, target="y")
    model, background = Model.of(known, data), data.take(range(12))
    found = choose_attributor(model, data, background)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    values, output = found.attribute(data.features.iloc[20:24])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert (found.method, found.scale) == ("permutation", "y")
    for place in range(4):
        expected, base = shapley(known, data.features.iloc[[20 + place]], background.features)
        np.testing.assert_allclose(values[place, :, 0], expected, atol=1e-9)
        assert found.base[0] == pytest.approx(base)
    np.testing.assert_allclose(found.base + values.sum(axis=1), output)
    assert not values[:, 4].any()


def test_several_outputs_are_explained_together():
    data = load_dataset("wine")
    columns = list(data.features.columns[:2])

    def scores(frame):
        first, second = (frame[name].to_numpy() for name in columns)
        table = np.exp(np.column_stack([first - 13, second - 2, np.zeros(len(frame))]))
        return table / table.sum(axis=1, keepdims=True)

    small = load_dataset(pd.concat([data.features[columns], data.target], axis=1), target="cultivar")
    found = choose_attributor(Model.of(scores, small), small, small.take(range(0, 178, 9)))
    values, _ = found.attribute(small.features.iloc[[0, 100]])
    assert found.outputs.names == ("class_0", "class_1", "class_2")
    for place, row in enumerate((0, 100)):
        expected, _ = shapley(scores, small.features.iloc[[row]], small.features.iloc[range(0, 178, 9)])
        np.testing.assert_allclose(values[place], expected, atol=1e-12)


def test_models_that_shap_cannot_see_through_fall_back_and_say_so():
    numbers = load_dataset(NUMBER.frame()[["age", "age_b", "number"]], target="number")
    products = make_pipeline(PCA(2), Ridge()).fit(numbers.features, numbers.target)
    assert see_through(Model.of(products), numbers.features) is None
    found = choose_attributor(products, numbers, numbers)
    assert (found.method, found.notes) == ("permutation", ())
    values, output = found.attribute(numbers.features.iloc[:3])
    mean = numbers.features.to_numpy(dtype=float)
    assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-9
    assert mean.shape[1] == values.shape[1]
    with pytest.raises(InputError, match="cannot be traced"):
        choose_attributor(products, numbers, numbers, method="linear")
    boosted = fitted(AdaBoostClassifier(n_estimators=3), BINARY)
    found = choose_attributor(boosted, BINARY, BINARY)
    assert found.method == "permutation"
    assert found.notes[0].code == "EXPLAIN-FALLBACK"
    with pytest.raises(InputError, match="tree explainer does not fit"):
        choose_attributor(boosted, BINARY, BINARY, method="tree")
    with pytest.raises(InputError, match="Did you mean 'linear'"):
        choose_attributor(boosted, BINARY, BINARY, method="liner")


def test_trees_whose_output_is_changed_are_not_believed():
    model = fitted(RandomForestRegressor(10, random_state=0), NUMBER)
    plain = model[-1].predict
    model[-1].predict = lambda matrix: np.sin(plain(matrix))
    found = choose_attributor(model, NUMBER, NUMBER)
    assert found.method == "permutation"
    assert "do not add up" in found.notes[0].message
    assert choose_attributor(model, NUMBER, NUMBER, method="tree").method == "tree"


def test_categories_split_by_the_trees_themselves():
    data = table(target="number")
    native = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1).fit(data.features, data.target)
    found = choose_attributor(native, data, data)
    values, output = found.attribute(data.features)
    assert found.method == "tree"
    assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-9
    own = HistGradientBoostingRegressor(max_iter=5, categorical_features="from_dtype").fit(data.features, data.target)
    found = choose_attributor(own, data, data)
    assert (found.method, found.notes[0].code) == ("permutation", "EXPLAIN-FALLBACK")


def test_deep_forests_are_measured_against_few_rows():
    features, target = make_classification(4000, 10, flip_y=0.3, random_state=0)
    frame = pd.DataFrame(features, columns=[f"c{i}" for i in range(10)]).assign(y=target)
    data = load_dataset(frame, target="y", positive=1)
    forest = RandomForestClassifier(40, random_state=0).fit(data.features, data.target)
    found = choose_attributor(forest, data, data)
    assert found.reference.startswith("25 rows")
    assert (found.interact, found.most_rows) == (None, 200)
    values, output = found.attribute(data.features.iloc[:20])
    assert np.abs(found.base + values.sum(axis=1) - output).max() < 1e-6


def test_small_trees_of_many_classes_count_their_own_rows(monkeypatch):
    monkeypatch.setattr("toolkit.explanation.attribution._DEEP", 1000)
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(400, 2)), columns=["a", "b"])
    for classes, reference in ((2, "25 rows"), (8, "its training rows")):
        data = load_dataset(frame.assign(y=pd.qcut(frame["a"], classes).cat.codes.map("class {}".format)), target="y")
        forest = RandomForestClassifier(20, max_leaf_nodes=40, random_state=0).fit(data.features, data.target)
        assert choose_attributor(forest, data, data).reference.startswith(reference)


PIECES = [
    make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
    SplineTransformer(n_knots=3),
    KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
    VarianceThreshold(),
    "passthrough",
]


@pytest.mark.parametrize("seed", range(8))
def test_traced_columns_are_those_that_move_the_encoding(seed):
    rng = np.random.default_rng(seed)
    names = [f"n{i}" for i in range(3)] + ["n0_n1"]
    features = pd.DataFrame(rng.normal(size=(60, 4)), columns=names)
    if seed % 2:
        features.iloc[::7, 0] = np.nan
    features["town"] = pd.Categorical(rng.choice(["a", "n1", "town_a"], 60))
    pieces = [PIECES[place] for place in rng.integers(len(PIECES), size=2)]
    safe = PIECES[0] if seed % 2 else pieces[0]
    encoder = ColumnTransformer(
        [("one", safe, ["n0", "n2"]), ("levels", OneHotEncoder(), ["town"]), ("two", pieces[1], [1])],
        remainder="passthrough" if seed % 3 else "drop",
    )
    model = Pipeline([("encode", encoder), ("scale", StandardScaler()), ("model", HistGradientBoostingRegressor())])
    model.fit(features, rng.normal(size=60))
    view = see_through(Model.of(model), features)
    plain = view.encode(features)
    assert len(view.owners) == plain.shape[1]
    for place, name in enumerate(features.columns):
        changed = features.copy()
        changed[name] = features[name].to_numpy()[rng.permutation(60)]
        moved = (np.abs(view.encode(changed) - plain) > 1e-9).any(axis=0)
        assert set(np.flatnonzero(moved)) <= set(np.flatnonzero(view.owners == place))
    assert see_through(Model.of(GridSearchCV(model, {}, cv=2).fit(features, rng.normal(size=60))), features) is not None


@pytest.mark.parametrize("estimator", [LogisticRegression(), HistGradientBoostingClassifier(max_iter=3)])
def test_tracing_agrees_with_our_own_encodings(estimator):
    model = fitted(estimator, BINARY)
    view = see_through(Model.of(model), BINARY.features)
    assert [BINARY.features.columns[place] for place in view.owners] == original_columns(model)


def test_functions_become_models():
    chance = Model.of(lambda frame: frame["age"] / 100, BINARY)
    np.testing.assert_allclose(predict(chance, BINARY).y_pred, BINARY.features["age"] / 100)
    flipped = Model.of(lambda frame: frame["age"] / 100, FLIPPED)
    np.testing.assert_allclose(predict(flipped, FLIPPED).y_pred, FLIPPED.features["age"] / 100)
    score = predict(Model.of(lambda frame: frame["age"] - 50.0, FLIPPED), FLIPPED)
    np.testing.assert_allclose(score.y_pred, FLIPPED.features["age"] - 50)
    assert not score.probabilities
    with pytest.raises(InputError, match="one score for each row"):
        Model.of(lambda frame: np.zeros((3, 7)), BINARY)
    with pytest.raises(InputError, match="one score for each row"):
        Model.of(lambda frame: frame["age"], THREE)


@pytest.mark.parametrize(("base", "output", "most"), [(1e7, [1e7 - 1, 1e7 + 1], 0.1), (0.0, [-1.0, 1.0], 0.1)])
def test_attributions_may_not_miss_the_output_by_more_than_a_little_of_its_range(base, output, most):
    assert 1e-3 < tolerance(np.array([base]), np.array(output)[:, None]) < most
