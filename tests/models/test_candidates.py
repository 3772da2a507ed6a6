import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from toolkit.errors import InputError
from toolkit.models.candidates import CANDIDATES, make_candidates, requirements_of


def test_defaults_fit_the_task():
    assert list(make_candidates(None, "binary", seed=0)) == ["logistic", "boosting"]
    assert list(make_candidates([], "regression", seed=0)) == ["ridge", "boosting"]
    assert list(make_candidates([], "multiclass", 0)) == ["logistic", "boosting"]


def test_names_paths_and_objects_mix_and_take_the_seed():
    made = make_candidates(
        ["forest", "lightgbm.LGBMClassifier", DecisionTreeClassifier(random_state=5)], "binary", seed=3
    )
    assert list(made) == ["forest", "LGBMClassifier", "DecisionTreeClassifier"]
    assert [estimator.get_params()["random_state"] for estimator in made.values()] == [3, 3, 5]


def test_each_training_gives_its_own_seed_to_what_it_is_given_also_inside_another():
    forest, held = RandomForestClassifier(), RandomForestClassifier(random_state=5)
    given = [make_pipeline(StandardScaler(), forest), VotingClassifier([("a", forest), ("b", held)])]
    for seed in (3, 4):
        pipeline, voting = make_candidates(given, "binary", seed).values()
        assert pipeline[-1].random_state == voting.get_params()["a__random_state"] == seed
        assert voting.get_params()["b__random_state"] == 5
    assert forest.random_state is None
    single = [make_candidates([forest], "binary", seed)["RandomForestClassifier"].random_state for seed in (3, 4)]
    assert single == [3, 4]


def test_a_mapping_gives_names():
    assert list(
        make_candidates({"mild": LogisticRegression(C=10), "strong": LogisticRegression(C=0.1)}, "binary", 0)
    ) == ["mild", "strong"]


def test_one_text_with_commas_is_a_list():
    for given in ("logistic, boosting", ["logistic, boosting"]):
        assert list(make_candidates(given, "binary", 0)) == ["logistic", "boosting"]


@pytest.mark.parametrize(
    ("candidates", "task", "message"),
    [
        (["bosting"], "binary", "Unknown candidate 'bosting'. Did you mean 'boosting'?"),
        (["ridge"], "binary", "'ridge' is not for a binary target"),
        (["no.such.Model"], "binary", "cannot be imported"),
        (["sklearn.tree.DecisionTreClassifier"], "binary", "Did you mean 'DecisionTreeClassifier'?"),
        (["sklearn.ensemble.VotingClassifier"], "binary", "cannot be made without arguments"),
        (["os.getcwd"], "binary", "not a scikit-learn compatible estimator"),
        ([LogisticRegression], "binary", "Give an instance"),
        ([LinearRegression()], "binary", "is not a classifier"),
        (["logistic", LogisticRegression(), LogisticRegression()], "binary", "Two candidates are named"),
        ({"baseline": LogisticRegression()}, "binary", "Two candidates are named 'baseline'"),
        ([3], "binary", "not a scikit-learn compatible estimator"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(candidates, task, message):
    with pytest.raises(InputError) as caught:
        make_candidates(candidates, task, 0)
    assert message in str(caught.value)


def test_every_named_candidate_has_a_space_whose_ends_it_takes():
    for name, known in CANDIDATES.items():
        (task, *_) = ["binary" if kind == "classification" else kind for kind in known if kind != "space"]
        ((_, estimator),) = make_candidates([name], task, 0).items()
        assert all(low < high for low, high, _ in known["space"].values())
        estimator.set_params(**{setting: low for setting, (low, *_) in known["space"].items()})


@pytest.mark.parametrize("path", ["lightgbm.LGBMClassifier", "lightgbm.LGBMRegressor"])
def test_a_candidate_that_prints_pages_is_quiet(path, capfd):
    task = "binary" if path.endswith("Classifier") else "regression"
    ((_, estimator),) = make_candidates([path], task, 0).items()
    rng = np.random.default_rng(0)
    estimator.fit(rng.normal(size=(200, 2)), rng.integers(0, 2, 200))
    assert capfd.readouterr() == ("", "")


def test_what_an_estimator_inside_another_needs_is_required_too():
    inside = make_pipeline(StandardScaler(), CalibratedClassifierCV(XGBClassifier()))
    packages = {one.partition("==")[0] for one in requirements_of(inside)}
    assert packages - {"xgboost", "xgboost-cpu"} == {"numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"}
    assert len(packages) == 7
