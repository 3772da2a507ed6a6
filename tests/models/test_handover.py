"""The model that is handed over takes the table as a file holds it, where nothing of ours is installed."""

import json
import shutil
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier

import toolkit as tk
from toolkit.data.datasets import BUILT_IN, FOLDER
from toolkit.models.candidates import handed_over
from toolkit.registry import store, tracking
from toolkit.runs import runner

ROWS = 300
ALONE = """
import json, sys
sys.modules["toolkit"] = None
import mlflow, pandas as pd
uri, file = sys.argv[1:]
rows = pd.read_csv(file, sep=";", dtype={"zip": str}) if file.endswith("csv") else pd.read_parquet(file)
model = mlflow.sklearn.load_model(uri)
pyfunc = mlflow.pyfunc.load_model(uri)
said = {"scores": model.predict_proba(rows)[:, 1].tolist(), "labels": list(map(str, pyfunc.predict(rows)))}
try:
    pyfunc.predict(rows.rename(columns={"price": "prise"}))
except Exception as error:
    said["error"] = str(error)
print(json.dumps(said))
"""


def table(seed=0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "zip": rng.choice(["007", "01067", "1"], ROWS),
            "price": rng.uniform(1, 90, ROWS).round(2),
            "start": pd.Timestamp("2021-01-31") + pd.to_timedelta(rng.integers(0, 300, ROWS), unit="D"),
            "member": rng.choice([True, False], ROWS),
        }
    )
    odds = (rows["price"] - 45) / 20 + (rows["zip"] == "007") * 2 - 2
    rows["buys"] = np.where(rng.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no")
    rows.loc[::17, "price"] = np.nan
    return rows


def as_csv(rows, path):
    prices = rows["price"].map("{:.2f}".format).str.replace(".", ",").replace("nan", "")
    rows.assign(price=prices, start=rows["start"].dt.strftime("%d/%m/%Y")).to_csv(path, sep=";", index=False)
    return path


@pytest.fixture(scope="module", params=["logistic", pytest.param("xgboost", marks=pytest.mark.slow)])
def logged(request, tmp_path_factory):
    """A model that was trained on a CSV, chosen a threshold for, and logged."""
    folder = tmp_path_factory.mktemp("handed") / "reports"
    folder.mkdir()
    data = tk.load_dataset(as_csv(table(), folder / "first.csv"), target="buys", positive="yes")
    split = tk.split_dataset(data, validation_size=0.2)
    candidate = XGBClassifier(n_estimators=5) if request.param == "xgboost" else "logistic"
    training = tk.train(split, candidates=[candidate], cv=2)
    found = tk.evaluate(training.model, split, threshold="recall>=0.9", latency=False)
    records = [training.record(), found.record()]
    options = {"experiment": "e", "name": "n", "parameters": {}, "tags": {}, "out": folder}
    run = tracking.log_run(records, {}, **options)
    assert not run.failure
    with store.connect(store.tracking_uri(folder)):
        address = mlflow.artifacts.download_artifacts(run.model_uri)
    return found.model, tk.load_model(run.model_uri, out=folder), address, folder


def alone(address, file):
    done = subprocess.run([sys.executable, "-c", ALONE, address, str(file)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["csv", pytest.param("parquet", marks=pytest.mark.slow)])
def test_it_gives_the_same_numbers_where_the_toolkit_is_not_installed(logged, kind):
    model, again, address, folder = logged
    rows = table(1)
    file = folder / f"next.{kind}"
    as_csv(rows, file) if kind == "csv" else rows.to_parquet(file)
    data = tk.load_dataset(file, like=model)
    said = alone(address, file)
    np.testing.assert_allclose(said["scores"], model.positive_scores("yes", data.features), atol=1e-12)
    assert said["labels"] == model.predict(data.features).tolist()
    assert "price" in said["error"]
    assert set(said["labels"]) == {"no", "yes"}
    assert (again.schema, again.classes, again.threshold.value) == (model.schema, model.classes, model.threshold.value)


def test_it_takes_the_table_as_it_is_here_too(logged):
    model, again, _, folder = logged
    rows = pd.read_csv(as_csv(table(2), folder / "raw.csv"), sep=";", dtype={"zip": str})
    data = tk.load_dataset(folder / "raw.csv", like=again)
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(data.features))
    assert again.predict(rows).tolist() == model.predict(data.features).tolist()


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """A model that was trained on a Parquet file, which has types, and logged."""
    folder = tmp_path_factory.mktemp("typed") / "reports"
    folder.mkdir()
    rows = table().assign(visits=np.arange(ROWS) % 7, loan=["007", "12"] * (ROWS // 2))
    rows.to_parquet(folder / "first.parquet")
    split = tk.split_dataset(tk.load_dataset(folder / "first.parquet", target="buys", positive="yes"))
    training = tk.train(split, candidates=["logistic"], cv=2)
    options = {"experiment": "e", "name": "n", "parameters": {}, "tags": {}, "out": folder}
    run = tracking.log_run([training.record()], {}, **options)
    assert not run.failure
    with store.connect(store.tracking_uri(folder)):
        address = mlflow.artifacts.download_artifacts(run.model_uri)
    return training.model, mlflow.pyfunc.load_model(address), split.test, rows


def test_its_signature_names_the_types_of_the_table_and_is_loose_where_the_model_is(logged, typed):
    first = mlflow.pyfunc.load_model(logged[2]).metadata.get_input_schema().to_dict()
    assert {one["name"]: one["type"] for one in first} == {
        "zip": "string",
        "price": "any",  # its decimal mark is a comma
        "start": "any",  # day first
        "member": "boolean",
    }
    _, pyfunc, _, rows = typed
    types = {one["name"]: one["type"] for one in pyfunc.metadata.get_input_schema().to_dict()}
    assert types == {
        "zip": "string",
        "price": "double",
        "start": "any",  # a date is text in a CSV
        "member": "boolean",
        "visits": "any",  # whole numbers, with or without missing ones
        "loan": "string",
    }
    wanted = pyfunc.predict(rows)
    loose = rows.assign(visits=rows["visits"].astype(float), zip=rows["zip"].astype(object))
    loose["start"] = loose["start"].dt.strftime("%Y-%m-%d")
    np.testing.assert_array_equal(pyfunc.predict(loose), wanted)
    assert len(pyfunc.predict(rows.assign(visits=np.nan, price=np.nan))) == ROWS


@pytest.mark.parametrize(
    ("change", "said"), [({"price": "12o"}, "price"), ({"member": 7.5}, "member"), ({"zip": 7}, "zip")]
)
def test_mlflow_itself_refuses_what_is_of_another_type(typed, change, said):
    _, pyfunc, _, rows = typed
    with pytest.raises(mlflow.exceptions.MlflowException, match=f"Incompatible input types for column {said}"):
        pyfunc.predict(rows.assign(**change))


@pytest.mark.parametrize("name", ["price", "start", "member", "zip", "visits"])
def test_mlflow_itself_refuses_a_table_without_a_column(typed, name):
    _, pyfunc, _, rows = typed
    with pytest.raises(mlflow.exceptions.MlflowException, match=rf"missing inputs \['{name}'\]"):
        pyfunc.predict(rows.rename(columns={name: f"{name}s"}))


def test_a_pyfunc_of_it_is_judged_as_the_model_itself(typed):
    model, pyfunc, test, _ = typed
    mine, theirs = (tk.evaluate(one, test, latency=False).scalars() for one in (model, pyfunc))
    assert {name: number.value for name, number in theirs.items()} == {
        name: number.value for name, number in mine.items()
    }


FRESH = """
import importlib.util, json, sys
assert importlib.util.find_spec("toolkit") is None
import mlflow, pandas as pd
readers = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}
readers["jsonl"] = lambda path: pd.read_json(path, lines=True)
uri, said, *files = sys.argv[1:]
model, pyfunc = mlflow.sklearn.load_model(uri), mlflow.pyfunc.load_model(uri)
found = {}
for file in files:
    rows = readers[file.rpartition(".")[2]](file)
    found[file.rpartition(".")[2]] = model.predict_proba(rows)[:, 1].tolist(), pyfunc.predict(rows).tolist()
json.dump(found, open(said, "w"))
"""


@pytest.fixture
def fresh(tmp_path):
    """Make an environment, and return what installs requirements into it and its Python."""
    python = tmp_path / "env" / "bin" / "python"
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "env"], check=True)
        return ["uv", "pip", "install", "--quiet", "--python", python], python
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    return [python, "-m", "pip", "install", "--quiet"], python


@pytest.mark.slow
def test_the_model_of_the_demo_scores_next_year_in_a_fresh_environment_with_its_own_requirements(fresh, tmp_path):
    install, python = fresh
    out = tmp_path / "reports"
    demo = {"data": "census_income", "periods": ["1994"], "policy": "standard"}
    uri = runner.run("experiment", demo, out=out).results.mlflow.model_uri
    with store.connect(store.tracking_uri(out)):
        folder = mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "model"))
    done = subprocess.run([*install, "-r", f"{folder}/requirements.txt"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the model's requirements cannot be installed here: {done.stderr.strip()[-300:]}")
    rows = pd.read_parquet(FOLDER / BUILT_IN["census_income"].file).query("year == 1995").reset_index(drop=True)
    files = {kind: tmp_path / f"next.{kind}" for kind in ("csv", "parquet", "jsonl", "json")}
    rows.to_csv(files["csv"], index=False)
    rows.to_parquet(files["parquet"])
    rows.to_json(files["jsonl"], orient="records", lines=True)
    rows.to_json(files["json"], orient="records")
    (tmp_path / "fresh.py").write_text(FRESH)
    said = tmp_path / "said.json"
    subprocess.run([python, tmp_path / "fresh.py", folder, said, *files.values()], check=True, cwd=tmp_path)
    model = tk.load_model(uri, out=out)
    features = tk.load_dataset(files["csv"], like=model).features
    scores, labels = model.positive_scores(model.positive, features), model.predict(features).tolist()
    found = json.loads(said.read_text())
    print({kind: float(np.abs(np.array(one[0]) - scores).max()) for kind, one in found.items()})
    for kind in files:
        np.testing.assert_allclose(found[kind][0], scores, rtol=0, atol=1e-12, err_msg=kind)
        assert found[kind][1] == labels, kind


def test_a_pipeline_that_calls_its_columns_otherwise_is_handed_over_by_those_of_the_table():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a b", "c"])
    rows["y"] = (rows["a b"] > 0).astype(int)
    split = tk.split_dataset(tk.load_dataset(rows, target="y"))
    # LightGBM knows no blanks in names.
    model = tk.train(split, candidates=[make_pipeline(LGBMClassifier(n_estimators=5, verbose=-1))], cv=2).model
    assert model.columns == {"a b": "number", "c": "number"}
    whole = handed_over(model, "m", split.train.features).estimator
    known = model.predict_proba(split.test.features)
    later = rows.loc[split.test.features.index]
    np.testing.assert_array_equal(whole.predict_proba(later), known)
    np.testing.assert_array_equal(model.predict_proba(later.rename(columns={"a b": "a_b"})), known)


def test_rows_with_the_same_label_and_gaps_are_predicted():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"zip": rng.choice(["0107", "200", "300"], 100), "x": rng.normal(size=100)})
    split = tk.split_dataset(tk.load_dataset(rows.assign(y=rng.integers(0, 2, 100)), target="y"))
    model = tk.train(split, candidates=["logistic"], cv=2).model
    few = pd.DataFrame({"zip": [300.0, np.nan], "x": [1.0, 2.0]})
    twice = handed_over(model, "m", split.train.features).estimator.predict_proba(pd.concat([few, few]))
    np.testing.assert_array_equal(twice, np.tile(model.predict_proba(few), (2, 1)))


@pytest.mark.parametrize("positive", ["no", "yes"])
def test_a_threshold_on_decision_values_is_handed_over_too(positive, tmp_path):
    split = tk.split_dataset(tk.load_dataset(table(), target="buys", positive=positive), validation_size=0.2)
    training = tk.train(split, candidates=[LinearSVC()], metric="balanced_accuracy", cv=2)
    found = tk.evaluate(training.model, split, threshold="cost:fp=1,fn=9", latency=False)
    options = {"experiment": "e", "name": "n", "parameters": {}, "tags": {}, "out": tmp_path / "reports"}
    run = tracking.log_run([training.record(), found.record()], {}, **options)
    with store.connect(store.tracking_uri(tmp_path / "reports")):
        pyfunc = mlflow.pyfunc.load_model(run.model_uri)
    said = pyfunc.predict(table().loc[split.test.target.index])
    assert said.tolist() == found.model.predict(split.test.features).tolist()
    assert (said == positive).sum() > (training.model.labels(split.test.features) == positive).sum()
    known = (said == positive)[(split.test.target == positive).to_numpy()].mean()
    assert found.scalars()["test.recall"].value == pytest.approx(known, abs=1e-12)
