import pickle

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from xgboost import XGBClassifier

from toolkit.errors import InputError
from toolkit.explanation.trace import see_through
from toolkit.models.model import Model
from toolkit.models.preprocessing import LevelEncoder, encoding_for, encoding_with, make_model

RNG = np.random.default_rng(0)
N = 400
TOWN = RNG.choice(["Oslo", "Bergen", "Tromsø", "rare 1", "rare 2"], N, p=[0.5, 0.3, 0.19, 0.005, 0.005])
FEATURES = pd.DataFrame(
    {
        "age": np.where(RNG.random(N) < 0.1, np.nan, RNG.normal(40, 10, N)),
        "<b>town</b>": pd.Series(TOWN, dtype=object).where(RNG.random(N) > 0.05, np.nan),
        "member": RNG.random(N) < 0.5,
        "empty": np.full(N, np.nan),
        "count": RNG.integers(0, 5, N),
    }
)
TARGET = (FEATURES["count"] + (FEATURES["<b>town</b>"] == "Oslo") * 3 + RNG.normal(0, 1, N) > 3).map(
    {True: "yes", False: "no"}
)
ESTIMATORS = [
    LogisticRegression(max_iter=500),
    KNeighborsClassifier(),
    RandomForestClassifier(20),
    GradientBoostingClassifier(n_estimators=5),
    HistGradientBoostingClassifier(max_iter=5),
]


def original_columns(model):
    return [FEATURES.columns[owner] for owner in see_through(Model.of(model), FEATURES).owners]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
class TestEveryEstimator:
    def test_accepts_what_training_never_saw(self, estimator):
        model = make_model(estimator, FEATURES).fit(FEATURES, TARGET)
        new = pd.DataFrame(
            {
                "age": [None, 1.0],
                "<b>town</b>": ["Atlantis", None],
                "member": [True, False],
                "empty": [1.0, None],
                "count": [None, 3],
            }
        )
        scores = model.predict_proba(new)
        assert np.isfinite(scores).all()
        assert np.allclose(scores.sum(axis=1), 1)

    def test_every_encoded_column_has_its_original(self, estimator):
        model = make_model(estimator, FEATURES).fit(FEATURES, TARGET)
        names = original_columns(model)
        assert len(names) == model["encode"].transform(FEATURES).shape[1] == model[-1].n_features_in_
        assert set(names) == set(FEATURES) - {"empty"}


def test_changing_one_column_changes_only_its_encoded_columns():
    model = make_model(LogisticRegression(max_iter=500), FEATURES).fit(FEATURES, TARGET)
    names = np.array(original_columns(model))
    before = model["encode"].transform(FEATURES)
    for column, value in {"age": 77.0, "<b>town</b>": "Bergen", "member": True, "count": 9}.items():
        after = model["encode"].transform(FEATURES.assign(**{column: value}))
        changed = np.asarray(abs(before - after).sum(axis=0)).ravel() > 0
        assert set(names[changed]) == {column}


def test_rare_levels_share_one_column():
    model = make_model(LogisticRegression(max_iter=500), FEATURES).fit(FEATURES, TARGET)
    assert original_columns(model).count("<b>town</b>") == 5  # three towns, missing, and all rare ones together


def test_trees_get_codes_and_others_one_hot():
    assert encoding_for(HistGradientBoostingClassifier()) == "ordinal"
    assert encoding_for(LogisticRegression()) == "onehot"


def test_a_pipeline_brings_its_own_preprocessing():
    own = Pipeline([("model", LogisticRegression())])
    assert make_model(own, FEATURES) is own


def dense(encoder, table):
    encoded = encoder.transform(table)
    return encoded.toarray() if hasattr(encoded, "toarray") else encoded


class TestLevelByLevel:
    """Encoding each level once gives what encoding each cell gives: in fitting, of unknown levels, of missing ones."""

    @pytest.mark.parametrize("estimator", [RandomForestClassifier(5), LogisticRegression()], ids=["ordinal", "onehot"])
    @pytest.mark.parametrize("kind", ["object", "str", "category"])
    def test_it_is_the_same_encoder(self, estimator, kind):
        texts = FEATURES[["<b>town</b>", "empty"]].assign(code=RNG.choice(["1", "10", "2"], N)).drop(columns="empty")
        features = texts.astype(kind).assign(age=FEATURES["age"])
        seen, new = features.iloc[:300], features.iloc[[5, 5, 399, *range(300, 390)]]
        new = new.assign(code=new["code"].astype(object).where(np.arange(len(new)) % 7 > 0, "unseen").astype(kind))
        by_cell = make_model(estimator, seen)[0].fit(seen)
        by_level = encoding_with(LevelEncoder, make_model(estimator, seen))[0].fit(seen)
        for table in (seen, new, new.iloc[:1]):
            assert np.array_equal(dense(by_cell, table), dense(by_level, table), equal_nan=True)
        kept = encoding_with(OrdinalEncoder, by_level)
        assert "toolkit" not in repr(pickle.dumps(kept))
        assert np.array_equal(dense(kept, new), dense(by_cell, new), equal_nan=True)

    def test_levels_are_learnt_from_the_rows_and_not_from_what_a_category_may_be(self):
        column = pd.Series(["a", "b", None, "a"]).astype(pd.CategoricalDtype(["z", "b", "a"]))
        encoder = LevelEncoder().fit(column.to_frame("x"))
        assert [str(level) for level in encoder.categories_[0]] == ["a", "b", "nan"]

    def test_a_kind_of_ones_own_stays(self):
        class Own(OrdinalEncoder):
            pass

        assert type(encoding_with(LevelEncoder, Pipeline([("own", Own())]))[0]) is Own

    def test_an_array_is_encoded_too(self):
        array = np.array([["a", 1], ["b", 2], ["a", 2]], dtype=object)
        assert np.array_equal(LevelEncoder().fit_transform(array), OrdinalEncoder().fit_transform(array))


def test_settings_by_column_are_refused_where_the_encoding_moves_columns():
    numbers = FEATURES[["age", "count"]]
    for made in (
        HistGradientBoostingClassifier(monotonic_cst=[0, 1]),
        LGBMClassifier(monotone_constraints=[0, 1]),
        XGBClassifier(monotone_constraints=(0, 1)),
        HistGradientBoostingClassifier(categorical_features=[1]),
        XGBClassifier(monotone_constraints="(0, 1)"),
    ):
        assert make_model(made, numbers).fit(numbers, TARGET == "yes").predict(numbers).shape == (N,)
        with pytest.raises(InputError, match=r"for its columns.*Give a Pipeline"):
            make_model(made, FEATURES[["<b>town</b>", "count"]])
        with pytest.raises(InputError, match=r"for its columns.*Give a Pipeline"):
            make_model(made, FEATURES[["empty", "count"]])
    for plain in (HistGradientBoostingClassifier(), LGBMClassifier(), XGBClassifier()):
        make_model(plain, FEATURES)
