"""Retraining: a champion that became worse is trained again, judged, registered as the challenger, and not promoted."""

import json

import numpy as np
import pandas as pd
import pytest
from test_audit import toolkit

import toolkit as tk
from toolkit.core.result import NotApplicable, if_applicable
from toolkit.errors import InputError, NotApplicableError
from toolkit.models.held_out import about_rows
from toolkit.registry import lifecycle
from toolkit.registry.store import connect, tracking_uri

POLICY = "title: Easy\nfindings: {below: high}\nnumbers:\n  test.roc_auc: {min: 0.5}\n"


def rows(n, seed, weights):
    """Two classes by three columns and ``weights``; women and men."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    bought = np.where(rng.random(n) < 1 / (1 + np.exp(-x @ np.array(weights))), "yes", "no")
    return pd.DataFrame(x, columns=list("abc")).assign(sex=rng.choice(["f", "m"], n), bought=bought)


BEFORE, AFTER = (1.5, -1.0, 0.0), (-1.0, -1.0, 1.0)


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """A folder with the tables, and the model of an experiment as the champion."""
    place = tmp_path_factory.mktemp("retrain")
    for name, seed, weights in (("old", 0, BEFORE), ("same", 2, BEFORE), ("new", 1, AFTER)):
        rows(1000, seed, weights).to_csv(place / f"{name}.csv", index=False)
    (place / "easy.yaml").write_text(POLICY, encoding="utf-8")
    given = ("-p", "data", "old.csv", "-p", "target", "bought", "-p", "positive", "yes", "-p", "sensitive", "sex")
    given += ("-p", "threshold", "max_f1")
    done = toolkit("run", "experiment", *given, "-p", "candidates", "logistic", "--policy", "easy.yaml", folder=place)
    assert done.returncode == 0, done.stderr
    out = place / "reports"
    lifecycle.register(place / done.stdout.strip().removesuffix("/report.html"), "shop", by="ann", out=out)
    lifecycle.promote("shop/1", by="bob", out=out)
    return place


def retrain(place, current, *more):
    model = ("-p", "model", "models:/shop@champion", "-p", "current", current, "--policy", "easy.yaml")
    done = toolkit("run", "retrain", *model, *more, folder=place)
    return done, json.loads((place / done.stdout.strip()).with_name("results.json").read_text(encoding="utf-8"))


def aliases(place):
    with connect(tracking_uri(place / "reports")) as client:
        return {alias: str(number) for alias, number in client.get_registered_model("shop").aliases.items()}


@pytest.mark.slow
def test_a_worse_model_is_trained_again_and_registered(champion, monkeypatch):
    monkeypatch.setenv("TOOLKIT_OUT", str(champion / "reports"))
    done, results = retrain(champion, "new.csv")
    assert done.returncode == 0
    assert "shop/2 is the challenger now; nothing is promoted." in done.stderr
    assert aliases(champion) == {"champion": "1", "challenger": "2"}
    assert results["headline"].startswith("The challenger is better: ROC AUC is ")
    assert "The model in use: ROC AUC is " in results["headline"]
    scalars, settings = results["scalars"], results["parameters"]["settings"]
    assert (settings["candidates"], settings["target"], settings["data"]) == (["logistic"], "bought", "old.csv")
    # All former rows, and those newer ones that are neither tried on nor used for a threshold.
    assert (scalars["split.train.rows"]["value"], scalars["split.test.rows"]["value"]) == (1000 + 650, 200)
    assert scalars["change.test.roc_auc"]["low"] > 0
    assert scalars["champion.roc_auc"]["value"] < 0.6
    # What is wrong with the champion is why there is a new model, and no fault of that.
    assert "ESTIMATE-CONCEPT-SHIFT" in [one["code"] for one in results["findings"] if one["severity"] == "info"]
    own = tk.load_model("models:/shop/2").threshold
    assert results["recorded"]["threshold"] == f"{own.value:g} (chosen on the validation part: largest F1)"
    entries, faults = lifecycle.history("shop", out=champion / "reports")
    assert faults == []
    assert (entries[-1].what, entries[-1].why) == ("register", "retrained from models:/shop/1 on new.csv")


def test_one_that_is_as_good_as_before_is_left_alone(champion):
    before = aliases(champion)
    done, results = retrain(champion, "same.csv")
    assert done.returncode == 0
    assert results["verdict"]["outcome"] in ("ok", "watch")
    assert not [name for name in results["scalars"] if name.startswith(("test.", "split."))]
    assert results["mlflow"]["model_uri"] == ""
    assert aliases(champion) == before


@pytest.mark.slow
def test_one_that_fails_the_policy_is_not_registered(champion):
    before = aliases(champion)
    (champion / "easy.yaml").write_text(POLICY.replace("0.5", "0.999"), encoding="utf-8")
    done, results = retrain(champion, "same.csv", "-p", "at_least", "ok")
    assert done.returncode == 1
    assert results["verdict"]["outcome"] == "fail"
    assert results["mlflow"]["model_uri"]
    assert aliases(champion) == before


SETTINGS = {"split": "random", "test_size": 0.2, "validation_size": 0.0, "seed": 0}


class TestParts:
    def tables(self):
        old = tk.load_dataset(rows(300, 0, BEFORE), target="bought", sensitive=["sex"])
        later = rows(100, 1, AFTER).assign(sex=["x"] * 50 + ["f"] * 50)
        later.loc[:9, "bought"] = None
        return old, tk.load_dataset(later, like=old, sensitive=["sex"])

    def test_the_newer_rows_are_held_out_or_added(self):
        old, new = self.tables()
        parts = tk.split_retraining("retrain", old, new, settings=SETTINGS)
        assert (parts.train.rows, parts.test.rows) == (300 + 72, 18)
        assert parts.train.target.notna().all()
        assert set(parts.train.sensitive["sex"].cat.categories) == {"f", "m", "x"}
        known = set(new.features["a"])
        assert set(parts.test.features["a"]) <= known
        assert sum(value in known for value in parts.train.features["a"]) == 72

    @pytest.mark.parametrize("when", [False, True])
    @pytest.mark.parametrize("overlap", [150, 300])
    def test_a_group_that_lives_on_is_on_one_side_only(self, when, overlap):
        rng = np.random.default_rng(0)
        old = rows(300, 0, BEFORE).assign(who=np.arange(300) % overlap, at=pd.Timestamp("2024-01-01"))
        new = rows(200, 1, AFTER).assign(who=rng.integers(100, 300, 200), at=pd.date_range("2025-01-01", periods=200))
        roles = {"group": "who"} | ({"time": "at"} if when else {"drop": ["at"]})
        before = tk.load_dataset(old, target="bought", **roles)
        after = tk.load_dataset(new, like=before)
        settings = {"split": "auto", "test_size": 0.2, "validation_size": 0.2, "seed": 0}
        parts = tk.split_retraining("retrain", before, after, settings=settings)
        held = set(parts.test.group) | set(parts.validation.group)
        assert not held & set(parts.train.group)
        kept = sum(part.rows for part in parts.parts().values())
        (said,) = [one for one in parts.findings() if one.code.endswith("-GROUPS") or one.code.endswith("-LEFT-OUT")]
        assert said.code == "SPLIT-GROUPS-LEFT-OUT"
        assert said.message.startswith(f"{500 - kept} earlier rows are left out, as their 'who' has rows in a later")

    def test_below_the_level_nothing_is_split(self):
        old, new = self.tables()
        with pytest.raises(NotApplicableError, match="The decision is 'watch': the model is not trained again below"):
            tk.split_retraining("watch", old, new, settings=SETTINGS)
        assert tk.split_retraining("watch", old, new, settings=SETTINGS, at_least="watch").test.rows == 18

    def test_without_the_former_rows_it_asks_for_them(self):
        old, new = self.tables()
        with pytest.raises(InputError, match="Give reference"):
            tk.split_retraining("retrain", tk.summarize(old), new, settings=SETTINGS)

    def test_what_rests_on_a_step_that_did_not_apply_does_not_apply(self):
        absent = NotApplicable("split", "Nothing to do.")
        assert if_applicable(tk.train, absent) is absent
        found = if_applicable(tk.compare, LogisticLike(), absent, absent)
        assert found.reason == "Nothing to do."


class LogisticLike:
    classes_ = np.array(["no", "yes"])

    def predict(self, features):
        return np.repeat("no", len(features))


def test_a_model_that_is_not_registered_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="No model is registered beside 'reports'"):
        tk.load_retraining(model="models:/none@champion", current="new.csv")


@pytest.mark.parametrize("settings", [{"candidtes": ["logistic"]}, {"sed": 3}])
def test_a_setting_that_is_none_is_refused_with_the_nearest(champion, monkeypatch, settings):
    monkeypatch.chdir(champion)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match=r"Did you mean '(candidates|seed)'"):
        tk.load_retraining(model="models:/shop@champion", current="new.csv", settings=settings)


def test_a_retrained_model_asks_for_its_table_at_once(champion, monkeypatch):
    if "challenger" not in aliases(champion):
        (champion / "easy.yaml").write_text(POLICY, encoding="utf-8")
        retrain(champion, "new.csv")
    monkeypatch.chdir(champion)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="was itself retrained: give reference"):
        tk.load_retraining(model="models:/shop@challenger", current="new.csv")
    old, _, _, _, settings = tk.load_retraining(model="models:/shop@challenger", current="new.csv", reference="old.csv")
    assert (old.rows, settings["candidates"], "settings" in settings) == (1000, ["logistic"], False)


def test_held_out_rows_are_those_of_the_experiment_and_of_no_table_that_has_changed_since(champion, monkeypatch):
    monkeypatch.chdir(champion)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    given = {"model": "models:/shop@champion", "current": "new.csv"}
    old, held_out, _, model, _ = tk.load_retraining(**given)
    assert (old.rows, held_out.rows, about_rows(model, held_out)) == (1000, 200, [])
    otherwise = tk.load_retraining(**given, settings={"test_size": 0.4, "seed": 3})
    pd.testing.assert_index_equal(otherwise[1].target.index, held_out.target.index)
    assert (otherwise[4]["test_size"], otherwise[4]["seed"]) == (0.4, 3)
    first = (champion / "old.csv").read_text(encoding="utf-8")
    try:
        rows(500, 7, AFTER).to_csv(champion / "old.csv", mode="a", header=False, index=False)
        grown, unknown, _, _, _ = tk.load_retraining(**given)
    finally:
        (champion / "old.csv").write_text(first, encoding="utf-8")
    assert (grown.rows, isinstance(unknown, tk.Profile)) == (1500, True)


@pytest.mark.slow
def test_rows_of_another_table_are_not_called_held_out(champion):
    """The model in use was trained on four of five of them: it is judged by the counts that were kept with it."""
    both = pd.concat([pd.read_csv(champion / "old.csv"), rows(600, 5, BEFORE)])
    both.to_csv(champion / "both.csv", index=False)
    _, exact = retrain(champion, "new.csv")
    _, wider = retrain(champion, "new.csv", "-p", "reference", "both.csv")
    name = "drift.realized_change.roc_auc"
    assert wider["scalars"][name]["value"] == pytest.approx(exact["scalars"][name]["value"], abs=0.01)


def test_folds_of_given_parts_keep_groups_together():
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"person": np.repeat(np.arange(80), 5), "x": np.repeat(rng.normal(size=80), 5)})
    people["bought"] = np.repeat(rng.choice(["yes", "no"], 80), 5)
    old = tk.load_dataset(people, target="bought", group="person", name="people")
    parts = tk.split_dataset(old, seed=1)
    given = tk.split_dataset(train=parts.train, test=parts.test)
    assert tk.train(given, candidates=["logistic"]).folds == "5-fold by group"


def test_what_is_wrong_with_the_model_in_use_is_known_and_not_judged():
    before, after = (rows(1500, seed, weights)[["a", "b", "c"]] for seed, weights in ((0, BEFORE), (1, AFTER)))
    drift = tk.detect_drift(before, after + 2)
    found = tk.Reason(drift)
    assert [one.code for one in found.findings()] == [one.code for one in drift.findings()]
    assert {one.severity for one in found.findings()} == {"info"}
    assert {one.severity for one in drift.findings()} != {"info"}
    assert found.scalars() == drift.scalars()
    assert found.face().lead == drift.face().lead
    assert found.record() == drift.record()
    assert tk.Reason(drift, "The model in use").record().headline == f"The model in use: {drift.record().headline}"
