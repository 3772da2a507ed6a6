import datetime
import json
import subprocess

import pandas as pd
import pytest
import schemas

import toolkit as tk
from toolkit.core.face import Face
from toolkit.core.result import ModelRecord, Record, Result
from toolkit.core.results import MIME, Results
from toolkit.errors import InputError
from toolkit.runs.publish import summarize


@pytest.fixture(scope="module")
def results():
    dataset = tk.load_dataset("wine")
    parts = tk.split_dataset(dataset, validation_size=0.2)
    training = tk.train(parts, candidates=["logistic"], cv=2)
    return dataset, parts, training, tk.evaluate(training.model, parts, baseline=training.baseline)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "TOOLKIT_OUT", "TOOLKIT_RUN_FOLDER", "TOOLKIT_REPORT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def summary_of(results, **arguments):
    return summarize(results, [result.record() for result in results], **arguments)


def test_writes_results_and_a_tracked_run(results, folder):
    import mlflow

    published = tk.publish(*results, template="experiment", parameters={"data": "wine", "seed": 0, "secret": object()})
    written = json.loads((published.folder / "results.json").read_text())
    assert published.folder.resolve().parent == folder / "reports"
    assert written["parameters"] == {"data": "wine", "seed": 0}
    assert written["command"] == "toolkit run experiment -p data wine"
    assert written["data"]["rows"] == 178
    assert written["verdict"] == {"outcome": None, "policy": "", "rules": [], "left_out": [], "approval": ""}
    assert Results.read(written).plain() == written == published.results.plain()
    assert {"data.rows", "split.test.rows", "cv.neg_log_loss", "test.accuracy", "baseline.accuracy"} <= set(
        written["scalars"]
    )
    number = written["scalars"]["test.accuracy"]
    assert number["low"] < number["value"] <= number["high"]
    store = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run = store.get_run(written["mlflow"]["run_id"])
    assert run.data.metrics["test.accuracy"] == number["value"]
    assert run.data.tags["toolkit.data_fingerprint"] == written["data"]["fingerprint"]
    kept = [file.path for file in store.list_artifacts(run.info.run_id, "report")]
    assert kept == ["report/replicates.json", "report/results.json"]


def test_a_run_shows_the_key_numbers_and_all_of_them_where_asked(results, folder, monkeypatch):
    import mlflow

    def shown(published):
        info = published.results.mlflow
        store = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        return set(store.get_run(info.run_id).data.metrics)

    published = tk.publish(*results, template="by hand", parameters={})
    key = {number.name for number in published.results.key_numbers}
    assert len(key) < 12 < len(published.results.scalars)
    assert shown(published) == key
    monkeypatch.setenv("TOOLKIT_MLFLOW_METRICS", "all")
    defined = {name for name, number in published.results.scalars.items() if number.value == number.value}
    assert shown(tk.publish(*results, template="by hand", parameters={})) == defined


@pytest.mark.parametrize(
    ("name", "experiment"),
    [("sales_2025-11", "sales"), ("sales 2026-01-31", "sales"), ("sales", "sales"), ("2025", "2025"), ("v2", "v2")],
)
def test_months_of_a_problem_stand_in_one_experiment(results, folder, name, experiment):
    frame = pd.DataFrame({"x": range(40), "bought": [0, 1] * 20})
    frame.to_csv(folder / f"{name}.csv", index=False)
    table = tk.load_dataset(folder / f"{name}.csv", target="bought")
    assert tk.publish(table, template="by hand", parameters={}).results.mlflow.experiment == f"bought in {experiment}"


def test_the_cell_output_carries_the_results_for_the_page(results, folder):
    bundle = tk.publish(*results, template="by hand", parameters={})._repr_mimebundle_()
    assert bundle[MIME]["command"] == ""
    assert bundle[MIME]["title"] == "by hand: cultivar in wine"
    json.dumps(bundle[MIME], allow_nan=False)


def test_two_runs_in_one_second_have_two_folders(results, folder):
    first, second = (tk.publish(*results, template="experiment", parameters={}) for _ in range(2))
    assert first.folder != second.folder


class AboutAnother(Result):
    """A result about another model, such as the one in use beside the one that is to take its place."""

    def face(self):
        return Face("Another", "")

    def record(self):
        return Record({"metric": "its own", "window": "month"}, model=ModelRecord("another"))


def test_what_is_published_first_speaks_for_the_run(results, folder):
    import mlflow

    found = tk.publish(*results, AboutAnother(), template="by hand", parameters={}).results
    assert found.model.name == "logistic"
    assert (found.recorded["metric"], found.recorded["window"]) == ("neg_log_loss", "month")
    store = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    logged = store.get_run(found.mlflow.run_id).data.params
    assert (logged["metric"], logged["window"]) == ("neg_log_loss", "month")


def test_key_numbers_are_those_with_a_baseline(results):
    numbers = summary_of(results, template="experiment", parameters={}).key_numbers
    names = [number.name for number in numbers]
    assert "test.accuracy" in names
    assert {(number.on, number.beside) for number in numbers} == {("test part", "baseline")}
    assert not any(name.startswith("test.class_") for name in names)


def test_a_result_published_twice_is_refused(results, folder):
    with pytest.raises(InputError, match="Publish each result once"):
        tk.publish(*results, results[-1], template="experiment", parameters={})
    assert list(folder.iterdir()) == []


def test_publishing_needs_the_data(results, folder):
    with pytest.raises(InputError, match="knows the data"):
        tk.publish(results[-1], template="experiment", parameters={})
    assert list(folder.iterdir()) == []


def test_the_commit_and_changed_files_are_known(results, folder):
    for arguments in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=b@c", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *arguments], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    summary = summary_of(results, template="experiment", parameters={})
    assert (summary.commit, summary.dirty) == (head, False)
    (folder / "x.txt").write_text("1")
    subprocess.run(["git", "add", "x.txt"], check=True)
    assert summary_of(results, template="experiment", parameters={}).dirty is True


def test_a_report_keeps_how_its_table_is_read_and_no_cell_of_it(folder):
    rows = [f"00{7 + n % 3},{n % 28 + 1:02}/{n % 5 + 2:02}/2021,Ann{n}x,{n % 7 // 4}" for n in range(60)]
    first, later = folder / "first.csv", folder / "later.csv"
    first.write_text("\n".join(["code,start,person,buys", *rows]))
    later.write_text("code,start,person\n007,02/01/2022,Bob\n010,03/04/2022,Eve\n")
    published = tk.publish(tk.load_dataset(first, target="buys"), template="by hand", parameters={})
    text = (published.folder / "results.json").read_text()
    schemas.RESULTS.validate(json.loads(text))
    assert "Ann" not in text
    assert "2021-02-01" not in text
    days = [(day - datetime.date(1970, 1, 1)).days for day in (datetime.date(2022, 1, 2), datetime.date(2022, 4, 3))]
    for known in (published.folder, published.folder / "results.json"):
        read = tk.load_dataset(later, like=known)
        assert (read.task, read.roles.target) == ("binary", "buys")
        assert read.features["code"].tolist() == ["007", "010"]
        assert read.features["start"].tolist() == days
