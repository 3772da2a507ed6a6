import json
import pickle
from dataclasses import asdict

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError, NotApplicableError
from toolkit.evaluation.evaluate import evaluate
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.individual import check_individual
from toolkit.fairness.mitigate import mitigate, read_constraint
from toolkit.models.load import load_audit
from toolkit.models.preprocessing import make_model
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.train import train
from toolkit.registry.tracking import log_run


def people(n=6000, seed=0, gap=1.5, missing=0.0):
    """A table where men are called more often, because of their sex and of a column that goes with it."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    frame = pd.DataFrame({"sex": sex, "skill": rng.standard_normal(n), "town": rng.choice(["a", "b", "c"], n)})
    frame["height"] = rng.standard_normal(n) + (sex == "m")
    signal = frame["skill"] + gap * (sex == "m") - gap / 2 + 0.5 * rng.standard_normal(n)
    frame["y"] = np.where(signal > 0, "yes", "no")
    frame.loc[rng.random(n) < missing, "sex"] = None
    return frame


def parts(frame=None, **options):
    given = {"sensitive": ["sex"], "positive": "yes"} | options
    data = load_dataset(people() if frame is None else frame, target="y", **given)
    return split_dataset(data, validation_size=0.2)


def fitted(split, estimator=None):
    estimator = LogisticRegression() if estimator is None else estimator
    return make_model(estimator, split.train.features).fit(split.train.features, split.train.target)


@pytest.fixture(scope="module")
def found():
    split = parts()
    return mitigate(fitted(split), split)


def disparities(found):
    return {row["point"]: row[found.disparity] for _, row in found.frontier.iterrows()}


METHODS = ["threshold_optimizer", "exponentiated_gradient_1pct", "correlation_remover_100pct", "reweighing"]


def test_each_method_makes_the_disparity_smaller_on_rows_not_seen(found):
    values = disparities(found)
    assert values["original"].low > 0.4
    for name in METHODS:
        assert values[name].high < values["original"].low, name
    assert values["threshold_optimizer"].value < 0.08


@pytest.mark.parametrize("constraint", ["equalized_odds", "true_positive_rate_parity"])
def test_the_other_constraints_are_met_by_thresholds_and_reductions(constraint):
    split = parts()
    found = mitigate(
        fitted(split), split, constraint=constraint, methods=["threshold_optimizer", "exponentiated_gradient"]
    )
    values = disparities(found)
    for name in ("threshold_optimizer", "exponentiated_gradient_1pct"):
        assert values[name].value < values["original"].value / 2, name


def test_the_numbers_are_those_of_the_models_themselves(found):
    test = found.split.test
    beside = pd.concat([test.features, test.sensitive.drop(columns=test.features.columns, errors="ignore")], axis=1)
    for _, row in found.frontier.iterrows():
        labels = found.models[row["point"]].predict(beside)
        right = np.mean(labels == test.target.to_numpy())
        assert row["accuracy"].value == pytest.approx(right)
        rates = [np.mean(labels[(test.sensitive["sex"] == sex).to_numpy()] == "yes") for sex in ("f", "m")]
        assert row[found.disparity].value == pytest.approx(abs(rates[0] - rates[1]))


def test_an_audit_of_a_mitigated_model_agrees(found):
    audit = audit_fairness(found.models["threshold_optimizer"], found.split.test, replicates=200)
    again = audit.scalars()["fairness.sex.demographic_parity_difference"]
    assert again.value == pytest.approx(disparities(found)["threshold_optimizer"].value)


def test_the_baseline_is_marked_and_so_is_what_is_no_better(found):
    table = found.frontier.set_index("point")
    itself = table.loc["original", "difference"]
    assert (itself.value, itself.has_interval) == (0, False)
    assert table["beats_baseline"].drop("baseline").all()
    assert not table.loc["baseline", "beats_baseline"]
    assert table.loc["baseline", found.disparity].value == 0
    assert table.loc["baseline", found.disparity].high > 0
    rng = np.random.default_rng(9)
    noise = people().assign(y=rng.choice(["no", "yes"], 6000))
    split = parts(noise)
    useless = mitigate(fitted(split), split, methods="reweighing")
    assert not useless.frontier["beats_baseline"].any()
    note = next(one for one in useless.findings() if one.code == "MITIGATE-NOT-BETTER-THAN-BASELINE")
    assert "original" in note.message
    assert "reweighing" in note.message


def test_what_needs_the_sensitive_column_is_said(found):
    needs = found.frontier.set_index("point")["needs_sensitive"]
    assert needs["threshold_optimizer"] == "yes"
    assert needs["correlation_remover_50pct"] == "yes"
    assert needs["reweighing"] == "as a feature"
    assert needs["baseline"] == "no"
    apart = parts(sensitive_as_features=False)
    other = mitigate(fitted(apart), apart, methods=["reweighing", "threshold_optimizer"])
    needs = other.frontier.set_index("point")["needs_sensitive"]
    assert needs["reweighing"] == needs["original"] == "no"
    assert needs["threshold_optimizer"] == "yes"
    model, test = other.models["threshold_optimizer"], apart.test
    with pytest.raises(InputError, match="needs features that the table does not have: sex"):
        model.predict(test.features)
    with pytest.raises(InputError, match="needs the sensitive columns sex"):
        model.estimator.predict(test.features)
    labels = model.estimator.predict(test.features, sensitive_features=test.sensitive)
    both = pd.concat([test.features, test.sensitive], axis=1)
    assert (labels == model.predict(both)).all()


def test_it_is_a_result_and_recommends_nothing(found):
    assert isinstance(found, Result)
    numbers = found.scalars()
    json.dumps({name: asdict(number) for name, number in numbers.items()})
    assert numbers["mitigation.reweighing.accuracy"].has_interval
    assert "mitigation.original.difference" not in numbers
    assert {"accuracy_low", "demographic_parity_difference_high"} <= set(found.frame().columns)
    assert figure(found, "frontier").image
    assert found.plot().has_data()
    page = found._repr_html_()
    assert "None is recommended" in page
    assert [one.code for one in found.findings()].count("MITIGATE-NEEDS-SENSITIVE") == 1
    record = found.record()
    assert [one.name for one in record.models] == [
        f"mitigation_{name}"
        for name in found.frontier["point"].drop(
            found.frontier.index[found.frontier["point"].isin(["original", "baseline"])]
        )
    ]
    for one in record.models:
        assert len(one.estimator.predict(one.example)) == 5


def test_the_same_again_and_models_that_can_be_kept(found):
    split = parts()
    again = mitigate(fitted(split), split)
    pd.testing.assert_frame_equal(found.frame(), again.frame())
    for name, model in found.models.items():
        kept = pickle.loads(pickle.dumps(model))
        assert (kept.predict(split.test.features) == model.predict(split.test.features)).all(), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_logged_models_predict_the_same_when_loaded(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    split = parts(people(1500), sensitive_as_features=False)
    found = mitigate(fitted(split), split)
    given = {"experiment": "people", "name": "first", "parameters": {}, "tags": {}}
    logged = log_run([found.record()], found.scalars(), **given, out=tmp_path / "reports")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    kept = mlflow.MlflowClient().search_logged_models([logged.experiment_id])
    assert {one.name for one in kept} == {f"mitigation_{name}" for name in set(found.models) - {"original", "baseline"}}
    both = pd.concat([split.test.features, split.test.sensitive], axis=1)
    for one in kept:
        expected = found.models[one.name.removeprefix("mitigation_")].predict(both)
        assert (mlflow.sklearn.load_model(one.model_uri).predict(both) == expected).all(), one.name
        assert (mlflow.pyfunc.load_model(one.model_uri).predict(both) == expected).all(), one.name


def test_mitigated_models_can_be_audited_like_any_other(found, tmp_path):
    people().to_csv(tmp_path / "people.csv", index=False)
    for name in ("threshold_optimizer", "correlation_remover_100pct", "exponentiated_gradient_5pct", "reweighing"):
        joblib.dump(found.models[name], tmp_path / "model.joblib")
        subject, data = load_audit(
            model=str(tmp_path / "model.joblib"),
            data=str(tmp_path / "people.csv"),
            target="y",
            sensitive=["sex"],
            positive="yes",
        )
        test = data.take(data.features.index.get_indexer(found.split.test.features.index))
        disparity = audit_fairness(subject, test, replicates=200).scalars()[f"fairness.sex.{found.disparity}"]
        assert disparity.value == pytest.approx(disparities(found)[name].value, abs=1e-12), name
        assert "sex" in list(subject.columns)


def test_a_mitigated_model_is_known_to_read_the_sensitive_column(found):
    test = found.split.test.take(np.arange(200))
    turned = check_individual(found.models["correlation_remover_100pct"], test).scalars()
    assert turned["individual.sex.score_change"].low > 0


def test_a_training_may_be_given():
    split = parts(people(1500))
    training = train(split, candidates=["logistic"], cv=2)
    found = mitigate(training, split, methods="threshold_optimizer")
    assert found.models["original"].estimator is training.model.estimator


def test_the_rule_of_a_chosen_threshold_chooses_for_the_refitted_models():
    split = parts(people(3000))
    model = fitted(split)
    chosen = evaluate(model, split, threshold="recall>=0.95", latency=False).threshold
    by_choice, by_rule = (
        mitigate(model, split, methods="reweighing", threshold=one).frame() for one in (chosen, "recall>=0.95")
    )
    pd.testing.assert_frame_equal(by_choice, by_rule)
    assert len(mitigate(model, split, methods="reweighing").frame().merge(by_rule)) < len(by_rule)


def test_balanced_accuracy_is_sought_where_asked():
    frame = people()
    few = frame["y"].eq("yes") & (np.random.default_rng(1).random(len(frame)) < 0.8)
    split = parts(frame[~few].reset_index(drop=True))
    model, only = fitted(split), ["threshold_optimizer", "exponentiated_gradient"]
    plain = mitigate(model, split, methods=only).frontier.set_index("point")
    balanced = mitigate(model, split, methods=only, metric="balanced_accuracy").frontier.set_index("point")
    for name in ("threshold_optimizer", "exponentiated_gradient_5pct"):
        assert balanced.loc[name, "balanced_accuracy"].value > plain.loc[name, "balanced_accuracy"].value


def test_intersections_missing_labels_small_groups_and_unseen_ones():
    frame = people(4000, missing=0.1)
    rng = np.random.default_rng(3)
    frame["race"] = rng.choice(["x", "y", "<b>rare</b>"], len(frame), p=[0.6, 0.397, 0.003])
    split = parts(frame, sensitive=["sex", "race"])
    found = mitigate(fitted(split), split, constraint="equalized_odds")
    assert found.feature == "sex+race"
    assert any(one.code == "MITIGATE-GROUPS-MERGED" and "<b>rare</b>" in one.message for one in found.findings())
    assert "<b>rare" not in found._repr_html_()
    strange = split.test.features.head(3).assign(sex=["?", None, "f"], race=[None, "new", "x"])
    for name, model in found.models.items():
        assert set(model.predict(strange)) <= {"yes", "no"}, name


def test_numeric_sensitive_columns_are_cut_into_bins():
    frame = people()
    frame["age"] = np.random.default_rng(5).integers(18, 90, len(frame))
    split = parts(frame, sensitive=["age"])
    found = mitigate(fitted(split), split, methods=["threshold_optimizer", "reweighing"])
    assert found.feature == "age"
    assert len(found.models["threshold_optimizer"].estimator.groups.known) == 4
    odd = split.test.features.head(3).assign(age=[-5.0, np.nan, 1e300])
    assert len(found.models["threshold_optimizer"].predict(odd)) == 3


def test_a_group_of_one_class_does_not_break_it():
    frame = people(3000)
    frame.loc[frame["town"] == "c", "y"] = "no"
    split = parts(frame, sensitive=["town"])
    for constraint, methods in (
        ("demographic_parity", ["exponentiated_gradient", "reweighing"]),
        ("equalized_odds", []),
    ):
        methods = methods or ["threshold_optimizer", "exponentiated_gradient"]
        assert len(mitigate(fitted(split), split, constraint=constraint, methods=methods).frontier) == 5


def test_the_positive_class_may_come_first():
    split = parts(positive="no")
    found = mitigate(fitted(split), split, methods=["threshold_optimizer", "correlation_remover"])
    values = disparities(found)
    assert values["threshold_optimizer"].value < 0.08
    assert values["correlation_remover_100pct"].high < values["original"].low
    model = found.models["correlation_remover_100pct"]
    chance = model.predict_proba(split.test.features)
    labels = model.predict(split.test.features)
    assert (labels == np.array(model.classes)[chance.argmax(axis=1)]).all()
    assert not hasattr(found.models["threshold_optimizer"], "predict_proba")


def test_models_that_cannot_be_refitted_with_weights():
    split = parts(people(2000))
    found = mitigate(fitted(split, KNeighborsClassifier()), split)
    assert list(found.models) == [
        "original",
        "baseline",
        "threshold_optimizer",
        "correlation_remover_50pct",
        "correlation_remover_100pct",
    ]
    left = [one.message for one in found.findings() if one.code == "MITIGATE-LEFT-OUT"]
    assert len(left) == 2
    assert all("KNeighborsClassifier takes no sample weights" in one for one in left)

    class Rule:
        def predict(self, features):
            return np.where(features["skill"] + (features["sex"] == "m") > 0.5, "yes", "no")

    found = mitigate(Rule(), split)
    assert "threshold_optimizer" in found.models
    assert "reweighing" not in found.models


def test_what_it_does_not_apply_to():
    wine = split_dataset(load_dataset("wine"))
    with pytest.raises(NotApplicableError, match="binary"):
        mitigate(fitted(wine), wine)
    bare = parts(people(500), sensitive=[])
    with pytest.raises(NotApplicableError, match="no sensitive column"):
        mitigate(fitted(bare), bare)
    split = parts(people(500))
    recorded = RecordedPredictions(y_pred=split.data.target, classes=split.data.classes)
    with pytest.raises(NotApplicableError, match="recorded"):
        mitigate(recorded, split)
    with pytest.raises(NotApplicableError, match="no sensitive column but the target itself"):
        mitigate(fitted(split), split, sensitive="y")
    one = parts(people(500).assign(sex="f"), sensitive=["sex"])
    with pytest.raises(NotApplicableError, match="fewer than two groups"):
        mitigate(fitted(one), one)
    many = people(900)
    many = parts(many.assign(team=[f"team {place % 60}" for place in range(900)]), sensitive=["team"])
    with pytest.raises(NotApplicableError, match="on 180 test rows fewer than two groups by team are large enough"):
        mitigate(fitted(many), many)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraint": "equal_odds"}, "Did you mean 'equalized_odds'"),
        ({"methods": ["reweigh"]}, "Did you mean 'reweighing'"),
        ({"metric": "f1"}, "Known: accuracy, balanced_accuracy"),
        ({"sensitive": "sexx"}, "Did you mean 'sex'"),
        ({"rows": 3}, "at least 100"),
    ],
)
def test_wrong_options_are_refused(options, message):
    split = parts(people(500))
    with pytest.raises(InputError, match=message):
        mitigate(fitted(split), split, **options)


def test_a_table_is_not_enough():
    split = parts(people(500))
    with pytest.raises(InputError, match="type Split is needed here, not Dataset"):
        mitigate(fitted(split), split.test)


def test_a_sample_is_said():
    split = parts()
    found = mitigate(fitted(split), split, methods=["correlation_remover", "reweighing"], rows=500)
    note = next(one for one in found.findings() if one.code == "MITIGATE-SAMPLED")
    assert "500 of 3,600" in note.message
    assert "reweighing" not in note.message


def test_a_constraint_can_be_read_before_anything_is_trained():
    assert read_constraint("true_positive_rate_parity") == "true_positive_rate_parity"
    assert read_constraint("") == ""
    with pytest.raises(InputError, match="There is no fairness constraint 'false'\\. Known: demographic_parity"):
        read_constraint("false")


def test_nothing_is_mitigated_unless_a_constraint_is_named():
    with pytest.raises(NotApplicableError, match="No constraint was named"):
        mitigate(None, None, constraint="")
