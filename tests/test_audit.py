"""The audit, from the command line to the page, of predictions and models that nobody prepared for it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import schemas
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from toolkit.models.load import load_model

HOSTILE = '<script>alert("1")</script>'


def toolkit(*arguments, folder):
    command = [sys.executable, "-m", "toolkit", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def report_of(done):
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1]).parent
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    schemas.RESULTS.validate(results)
    return (folder / "report.html").read_text(encoding="utf-8"), results


def texts_of(*pairs):
    return [part for name, value in pairs for part in ("-p", name, value)]


def scored(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    y, group = rng.integers(0, 2, rows), rng.choice(["a", "b", HOSTILE], rows, p=[0.5, 0.45, 0.05])
    score = 1 / (1 + np.exp(-rng.normal(2 * y - 1 - (group == "b"), 1.2)))
    return pd.DataFrame({"y_true": y, "y_score": score, "group {x}": group})


def check_page(page):
    assert len(page.encode()) < 100_000 * max(10, page.count("<figure"))
    for wrong in ("Traceback", "Warning", HOSTILE):
        assert wrong not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_a_file_of_predictions_is_enough(tmp_path):
    frame = scored()
    frame[["y_true", "y_score"]].to_csv(tmp_path / "scored.csv", index=False)
    page, results = report_of(toolkit("run", "audit", "-p", "predictions", "scored.csv", folder=tmp_path))
    check_page(page)
    assert "predictions in scored.csv" in page
    scalars = results["scalars"]
    wanted = roc_auc_score(frame["y_true"], frame["y_score"])
    assert scalars["test.roc_auc"]["value"] == pytest.approx(wanted, abs=1e-12)
    assert scalars["difference.roc_auc"]["low"] > 0
    assert not any(name.startswith(("latency.", "fairness.", "explanation.")) for name in scalars)
    steps = {finding["where"] for finding in results["findings"] if finding["code"] == "STEP-NOT-APPLICABLE"}
    assert {"audit_fairness", "explain"} <= steps


@pytest.mark.slow
def test_what_cannot_be_audited_leaves_nothing_and_exits_with_2(tmp_path):
    scored().assign(y_score=2).to_csv(tmp_path / "scored.csv", index=False)
    done = toolkit("run", "audit", "-p", "predictions", "scored.csv", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: y_score must hold probabilities in [0, 1]; 400 of 400 rows")
    assert [path.name for path in tmp_path.iterdir()] == ["scored.csv"]


@pytest.mark.slow
def test_the_threshold_of_an_experiment_travels_with_its_model(tmp_path):
    """Also where the model takes codes for the labels, and the positive class is not the last of them."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=900), "z": rng.normal(size=900), "sex": rng.choice(["F", "M"], 900)})
    rows["y"] = np.where(rows["x"] + rng.normal(size=900) > 0, "ja", "nein")
    rows[:600].to_csv(tmp_path / "old.csv", index=False)
    rows[600:].to_csv(tmp_path / "new.csv", index=False)
    given = texts_of(("data", "old.csv"), ("target", "y"), ("sensitive", "sex"), ("positive", "ja"))
    given += texts_of(("threshold", "cost:fp=1,fn=5"), ("candidates", "xgboost.XGBClassifier"))
    _, trained = report_of(toolkit("run", "experiment", *given, folder=tmp_path))
    address, chosen = trained["mlflow"]["model_uri"], trained["scalars"]["threshold.value"]["value"]
    assert chosen < 0.4
    given = texts_of(("model", address), ("data", "new.csv"), ("target", "y"), ("sensitive", "sex"))
    page, audited = report_of(toolkit("run", "audit", *given, folder=tmp_path))
    assert audited["scalars"]["threshold.value"]["value"] == chosen
    assert "kept with the model, chosen on the validation part: least expected cost" in audited["recorded"]["threshold"]
    assert "kept with the model, chosen on the validation part" in page
    assert "is ja" in page
    model = load_model(address, out=tmp_path / "reports")
    called = model.predict_proba(rows[600:][["x", "z", "sex"]])[:, model.classes.index("ja")] >= chosen
    assert (model.classes, model.positive) == (("nein", "ja"), "ja")
    assert (model.predict(rows[600:][["x", "z", "sex"]]) == np.where(called, "ja", "nein")).all()
    recall = called[rows[600:]["y"] == "ja"].mean()
    assert audited["scalars"]["test.recall"]["value"] == pytest.approx(recall, abs=1e-12)
    given = texts_of(("reference", "old.csv"), ("current", "new.csv"), ("model", address), ("target", "y"))
    given += texts_of(("sensitive", "sex"), ("evidently", "false"))
    _, watched = report_of(toolkit("run", "drift", *given, folder=tmp_path))
    assert watched["scalars"]["drift.realized.recall"]["value"] == pytest.approx(recall, abs=1e-12)
    assert "kept with the model" in watched["recorded"]["threshold"]


@pytest.mark.slow
def test_the_errors_of_a_regression_travel_with_its_model(tmp_path):
    """So a drift report without a reference tells how large they are now, by the labels and without them."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"size": rng.normal(size=1500), "rooms": rng.normal(size=1500)})
    rows["price"] = 9 + 2 * rows["size"] + np.exp(0.4 * rows["size"]) * rng.normal(size=1500)
    rows[:900].to_csv(tmp_path / "old.csv", index=False)
    rows[900:].to_csv(tmp_path / "new.csv", index=False)
    given = texts_of(("data", "old.csv"), ("target", "price"), ("candidates", "ridge"))
    _, trained = report_of(toolkit("run", "experiment", *given, folder=tmp_path))
    address = trained["mlflow"]["model_uri"]
    predicted = load_model(address, out=tmp_path / "reports").predict(rows[900:][["size", "rooms"]])
    real = np.abs(predicted - rows["price"][900:]).mean()
    given = texts_of(("current", "new.csv"), ("model", address), ("evidently", "false"))
    page, watched = report_of(toolkit("run", "drift", *given, folder=tmp_path))
    numbers = watched["scalars"]
    estimated = numbers["drift.estimated.mean_absolute_error"]
    assert estimated["low"] < real < estimated["high"]
    assert numbers["drift.realized.mean_absolute_error"]["value"] == pytest.approx(real, abs=1e-9)
    level = trained["scalars"]["test.mean_absolute_error"]["value"]
    assert numbers["drift.realized_ratio.mean_absolute_error"]["value"] == pytest.approx(real / level)
    assert "rests on the predictions alone" in page


@pytest.mark.slow
class TestSlow:
    def test_labels_in_text_with_groups(self, tmp_path):
        frame = scored(2000)
        frame["y_pred"] = np.where(frame["y_score"] > 0.6, "ja", "nein")
        frame["y_true"] = np.where(frame["y_true"] == 1, "ja", "nein")
        frame.drop(columns="y_score").to_parquet(tmp_path / "p.parquet")
        given = texts_of(("predictions", "p.parquet"), ("sensitive", "group {x}"), ("positive", "ja"))
        page, results = report_of(toolkit("run", "audit", *given, folder=tmp_path))
        check_page(page)
        called = frame["y_pred"] == "ja"
        wanted = balanced_accuracy_score(frame["y_true"] == "ja", called)
        assert results["scalars"]["test.balanced_accuracy"]["value"] == pytest.approx(wanted, abs=1e-12)
        assert results["scalars"]["test.roc_auc"] is None
        chosen = results["scalars"]["fairness.group {x}.b.selection_rate"]["value"]
        assert chosen == pytest.approx(called[frame["group {x}"] == "b"].mean(), abs=1e-12)
        assert "Balanced accuracy on the test part" in page or "Accuracy on the test part is" in page

    def test_classes_and_numbers(self, tmp_path):
        rng = np.random.default_rng(0)
        classes = pd.DataFrame({"y_true": rng.choice(["x", "y", "z"], 300), "sex": rng.choice(["F", "M"], 300)})
        for label in "xyz":
            classes[f"y_score_{label}"] = np.where(classes["y_true"] == label, 0.5, 0.25)
        classes.to_csv(tmp_path / "classes.csv", index=False)
        y = rng.normal(size=300)
        numbers = pd.DataFrame({"y_true": y, "y_pred": y + rng.normal(0, 0.5, 300), "sex": rng.choice(["F", "M"], 300)})
        numbers.to_csv(tmp_path / "numbers.csv", index=False)
        for name, metric in (("classes.csv", "accuracy"), ("numbers.csv", "r2")):
            given = texts_of(("predictions", name), ("sensitive", "sex"))
            page, results = report_of(toolkit("run", "audit", *given, folder=tmp_path))
            check_page(page)
            assert results["scalars"][f"difference.{metric}"]["low"] > 0
            assert any(number.startswith("fairness.sex.") for number in results["scalars"])

    def test_a_tracked_model_on_data_it_has_not_seen(self, tmp_path):
        early = texts_of(("data", "acs_employment"), ("periods", "2015"), ("candidates", "logistic"))
        _, trained = report_of(toolkit("run", "experiment", *early, folder=tmp_path))
        address = trained["mlflow"]["model_uri"]
        given = texts_of(("model", address), ("data", "acs_employment"), ("periods", "2018"))
        page, results = report_of(toolkit("run", "audit", *given, folder=tmp_path))
        check_page(page)
        assert address in page
        scalars = results["scalars"]
        assert scalars["test.roc_auc"]["value"] == pytest.approx(trained["scalars"]["test.roc_auc"]["value"], abs=0.03)
        for start in ("fairness.sex.", "individual.", "proxy.", "explanation.", "slices.", "latency."):
            assert any(name.startswith(start) for name in scalars), start

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ((), "found neither"),
            ((("predictions", "scored.csv"), ("y_true", "truth")), "has no column 'truth' (the true values)"),
            ((("predictions", "scored.csv"), ("sensitive", "gender")), "Sensitive column 'gender' is not in the table"),
            (
                (("predictions", "scored.csv"), ("data", "short.csv"), ("target", "y_true")),
                "holds 400 predictions, but",
            ),
            ((("predictions", "scored.csv"), ("threshold", "1.5")), "The threshold must lie in [0, 1]"),
            ((("model", "models:/nobody@champion"), ("data", "wine")), "There is no model 'models:/nobody@champion'"),
            ((("model", "line.joblib"), ("data", "wine")), "fitted on columns that the table lacks: a"),
            (
                (("model", "line.joblib"), ("data", "short.csv"), ("target", "y")),
                "Target column 'y' is not in the table",
            ),
        ],
    )
    def test_wrong_input_is_one_clear_error(self, tmp_path, given, message):
        scored().to_csv(tmp_path / "scored.csv", index=False)
        scored().head(399).to_csv(tmp_path / "short.csv", index=False)
        joblib.dump(LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0]}), [0, 1]), tmp_path / "line.joblib")
        done = toolkit("run", "audit", *texts_of(*given), folder=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "reports").exists()
