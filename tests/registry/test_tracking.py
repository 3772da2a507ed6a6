import contextlib
import math
import os
import sqlite3
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import sqlalchemy
from lightgbm import LGBMClassifier
from mlflow.exceptions import MlflowException
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import toolkit
from toolkit.core.estimate import Estimate
from toolkit.core.result import Candidate, DataRecord, ModelRecord, Record
from toolkit.core.results import RunInfo
from toolkit.errors import InputError
from toolkit.models.preprocessing import make_model
from toolkit.registry import model_store, store, tracking
from toolkit.registry.store import safe_names

FRAME = pd.DataFrame(
    {
        "age": np.arange(60),
        "town é <b>": pd.Series(["Oslo", "Bergen", None] * 20, dtype=object),
        "member": [True, False] * 30,
        "pay": np.where(np.arange(60) % 7 == 0, np.nan, np.arange(60.0)),
    }
)
TARGET = pd.Series(["yes" if age > 30 else "no" for age in FRAME["age"]])
SCALARS = {
    "test.roc_auc": Estimate(0.9, 0.8, 1.0, 60),
    "test.<i>class</i>.recall": Estimate(0.5),
    "test.:i:class:/i:.recall": Estimate(0.25),
    "test.precision": Estimate(math.nan, n=60),
}


@pytest.fixture(autouse=True)
def _no_address(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)


def records(estimator):
    model = make_model(estimator, FRAME).fit(FRAME, TARGET)
    data = DataRecord("people", "people.csv", "sha256:" + "ab" * 32, 60, 5, "answer", FRAME)
    candidates = (
        Candidate("baseline", {"strategy": "prior"}, {"cv.roc_auc": Estimate(0.5)}),
        Candidate("logistic", {}, {}),
    )
    record = Record(
        {"rule": "best"}, candidates, ModelRecord("logistic", model, FRAME.head(3), ("scikit-learn",)), data
    )
    return model, [record]


def log(tmp_path, estimator=None, kept=(), **changes):
    model, made = records(estimator or LogisticRegression(max_iter=500))
    made.append(Record(kept=dict(kept)))
    arguments = {
        "experiment": "people",
        "name": "first",
        "parameters": {"data": "people.csv", "drop": ["a"], "note": "x" * 9000},
        "tags": {"toolkit.seed": "0", tracking.REPORT_TAG: "id-1"},
        "out": tmp_path / "reports",
    }
    return model, tracking.log_run(made, SCALARS, **(arguments | changes))


def client(tmp_path):
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_run_holds_numbers_parameters_data_tags_and_files(tmp_path):
    _, logged = log(tmp_path)
    (folder := tmp_path / "reports" / "run").mkdir(parents=True)
    (folder / "results.json").write_text("{}")
    assert tracking.attach(logged, folder) == logged
    run = client(tmp_path).get_run(logged.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test.roc_auc"] == 0.9
    assert sorted(run.data.metrics.values()) == [0.25, 0.5, 0.9]
    assert run.data.params["drop"] == '["a"]'
    assert run.data.params["rule"] == "best"
    assert len(run.data.params["note"]) == 6000
    assert run.data.tags["toolkit.seed"] == "0"
    assert run.inputs.dataset_inputs[0].dataset.name == "people"
    assert "sha256:abab" in run.inputs.dataset_inputs[0].dataset.profile
    assert [file.path for file in client(tmp_path).list_artifacts(logged.run_id, "report")] == ["report/results.json"]


def test_more_numbers_and_parameters_than_a_server_takes_at_once_are_all_logged(tmp_path):
    given, numbers = {f"p{at}": at for at in range(250)}, {f"test.m{at}": Estimate(at / 7) for at in range(1500)}
    named = {"experiment": "people", "name": "first", "tags": {tracking.REPORT_TAG: "id-1"}}
    logged = tracking.log_run([], numbers, **named, parameters=given, out=tmp_path / "reports")
    run = client(tmp_path).get_run(logged.run_id)
    assert run.data.metrics == {f"test.m{at}": at / 7 for at in range(1500)}
    assert run.data.params == {name: str(value) for name, value in given.items()}


def test_each_candidate_is_a_child(tmp_path):
    _, logged = log(tmp_path)
    found = client(tmp_path).search_runs([logged.experiment_id], f"tags.`mlflow.parentRunId` = '{logged.run_id}'")
    assert {run.info.run_name: run.data.metrics for run in found} == {"baseline": {"cv.roc_auc": 0.5}, "logistic": {}}
    assert all(run.info.status == "FINISHED" and tracking.REPORT_TAG not in run.data.tags for run in found)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        HistGradientBoostingClassifier(max_iter=5),
        LGBMClassifier(n_estimators=5, verbose=-1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_loaded_model_predicts_the_same(tmp_path, estimator):
    import mlflow

    model, logged = log(tmp_path, estimator)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert (loaded.predict(FRAME) == model.predict(FRAME)).all()
    unseen = FRAME.head(3).assign(age=[None, 1.5, 2], **{"town é <b>": ["Paris", None, "Oslo"]})
    assert len(loaded.predict(unseen)) == 3
    as_category = FRAME.astype({"town é <b>": "category"})
    assert (loaded.predict(as_category) == model.predict(FRAME)).all()
    sklearn_model = mlflow.sklearn.load_model(logged.model_uri)
    assert np.array_equal(sklearn_model.predict_proba(FRAME), model.predict_proba(FRAME))
    requirements = mlflow.pyfunc.get_model_dependencies(logged.model_uri)
    assert "scikit-learn" in Path(requirements).read_text()


def test_files_are_kept_with_the_model_and_read_back(tmp_path, capfd):
    _, logged = log(tmp_path, kept={"note é.json": "{}\n"})
    out = tmp_path / "reports"
    assert model_store.load_model(logged.model_uri, out).kept == {"note é.json": "{}\n"}
    assert capfd.readouterr().err == ""
    assert "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR" not in os.environ


def test_a_failing_log_marks_the_run_failed(tmp_path, monkeypatch):
    def fail(*_):
        raise FileNotFoundError("no such model")

    monkeypatch.setattr(tracking, "log_model", fail)
    _, logged = log(tmp_path)
    assert logged == RunInfo(failure=logged.failure)
    assert "cannot be used: FileNotFoundError: no such model" in logged.failure
    runs = client(tmp_path).search_runs(["1"], "tags.`toolkit.report_id` = 'id-1'")
    assert [run.info.status for run in runs] == ["FAILED"]


def test_a_failed_report_marks_its_run_or_gets_one(tmp_path):
    _, logged = log(tmp_path)
    for report_id in ("id-1", "id-2"):
        tracking.record_failure(report_id, "experiment", {"seed": 0}, "ValueError: no", [], tmp_path / "reports")
    store = client(tmp_path)
    assert store.get_run(logged.run_id).info.status == "FAILED"
    every = [experiment.experiment_id for experiment in store.search_experiments()]
    (other,) = store.search_runs(every, "tags.`toolkit.report_id` = 'id-2'")
    assert other.info.status == "FAILED"
    assert other.data.tags["toolkit.error"] == "ValueError: no"
    assert other.data.params == {"seed": "0"}


def test_the_callers_own_tracking_address_is_put_back(tmp_path):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'own.db'}")
    log(tmp_path)
    assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path / 'own.db'}"


def test_mlflow_is_left_as_it_was_found(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.chdir(tmp_path)
    _, logged = log(tmp_path)
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert mlflow.get_run(logged.run_id).info.status == "FINISHED"  # mlflow's own default is the file beside


def test_the_environment_names_another_place(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'else.db'}")
    monkeypatch.chdir(tmp_path)
    log(tmp_path)
    assert (tmp_path / "else.db").exists()
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.slow
def test_a_server_is_used_where_the_environment_names_one(tmp_path, monkeypatch, server, capsys):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    store.check_reachable(store.tracking_uri(tmp_path / "reports"))
    model, logged = log(tmp_path)
    assert capsys.readouterr().out == ""  # MLflow would print the address, which may hold a password
    assert mlflow.MlflowClient(server).get_run(logged.run_id).info.status == "FINISHED"
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert (loaded.predict(FRAME) == model.predict(FRAME)).all()
    assert not (tmp_path / "mlflow.db").exists()


def test_looking_whether_it_is_reachable_writes_nothing(tmp_path):
    store.check_reachable(store.tracking_uri(tmp_path / "reports"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://user:secret@127.0.0.1:9",
        "http://nobody.invalid",
        "sqlite:////no/such/folder/mlflow.db",
        "postgresql://user:secret@127.0.0.1:9/runs",
    ],
)
def test_an_unreachable_store_is_one_clear_error(tmp_path, monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(InputError, match="cannot be used") as caught:
        store.check_reachable(store.tracking_uri(tmp_path / "reports"))
    assert "secret" not in str(caught.value)
    assert "MLFLOW_TRACKING_URI" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be looked at" * 10)
    with pytest.raises(InputError, match="cannot be used"):
        store.check_reachable(store.tracking_uri(tmp_path / "reports"))


@pytest.mark.parametrize(
    ("version", "said"), [("cfd24bdc0731", "an older MLflow: back it up"), ("f00", "a newer MLflow")]
)
def test_tables_of_another_mlflow_are_refused_before_a_run_begins(tmp_path, version, said):
    uri = store.beside(tmp_path / "reports")
    store.prepare(uri, tmp_path)
    (tmp_path / store.PREPARED).rename(tmp_path / "mlflow.db")
    store.check_reachable(uri)
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", [version])
    with pytest.raises(InputError, match=f"cannot be used: its tables are of {said}"):
        store.check_reachable(uri)
    with pytest.raises(InputError, match=said):
        toolkit.run("experiment", data="wine", out=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("closed", ["mlflow.db", "runs"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, monkeypatch, closed):
    (tmp_path := tmp_path / "runs").mkdir()
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("CREATE TABLE runs (id)")
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != closed)  # as it is for all but root
    with pytest.raises(InputError, match="its file, or the folder that it is in, cannot be written to"):
        store.check_reachable(store.tracking_uri(tmp_path / "reports"))


@pytest.mark.parametrize("folder", ["50%", "a b", "q'#&@:;"])
def test_a_folder_may_have_most_signs(tmp_path, folder):
    (tmp_path / folder).mkdir()
    with store.connect(store.beside(tmp_path / folder / "reports")) as client:
        client.search_experiments()
    assert [one.name for one in (tmp_path / folder).iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize("folder", ["who?", "a%20b", "'a\"b", "\"a'b", os.fsdecode(b"\xe4")])
def test_a_folder_that_no_address_can_name_is_refused_at_once(tmp_path, folder):
    (tmp_path / folder).mkdir()
    with pytest.raises(InputError, match="Choose another folder"):
        toolkit.run("experiment", data="wine", out=tmp_path / folder / "reports")
    assert [one.name for one in tmp_path.rglob("*")] == [folder]


def test_an_experiment_that_another_run_makes_meanwhile_is_used(tmp_path, monkeypatch):
    with store.connect(store.beside(tmp_path / "reports")) as client:
        first, look = store.experiment_of(client, "ours", tmp_path / "reports"), client.get_experiment_by_name
        answers = iter([None, look("ours"), None, None])
        monkeypatch.setattr(client, "get_experiment_by_name", lambda _: next(answers))
        assert store.experiment_of(client, "ours", tmp_path / "reports") == first
        with pytest.raises(MlflowException, match="already exists"):  # which nobody finds
            store.experiment_of(client, "ours", tmp_path / "reports")


def test_safe_names_are_accepted_and_stay_apart():
    names = safe_names(dict.fromkeys(["a/b", "a?b", "a:b", "..", "x" * 999, "x" * 998, "é.ü"]))
    assert len(set(names.values())) == len(names)
    assert names["é.ü"] == "é.ü"
    assert all(0 < len(name) <= 250 for name in names.values())


def test_sqlite_is_the_default_beside_the_reports(tmp_path):
    log(tmp_path)
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select count(*) from runs").fetchone()[0] == 3
    assert os.path.isdir(tmp_path / "mlruns")


def test_other_models_are_logged_beside_the_main_one(tmp_path):
    model, made = records(LogisticRegression(max_iter=500))
    other = ModelRecord("mitigated é", model, FRAME.head(3), ("scikit-learn",))
    given = {"experiment": "people", "name": "second", "parameters": {}, "tags": {}}
    logged = tracking.log_run([*made, Record(models=(other,))], SCALARS, **given, out=tmp_path / "reports")
    found = client(tmp_path).search_logged_models([logged.experiment_id])
    assert sorted(one.name for one in found) == ["logistic", "mitigated_é"]
    assert logged.model_uri.endswith(next(one.model_id for one in found if one.name == "logistic"))


def tables(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        parts = set(database.execute("SELECT type, name FROM sqlite_master"))
        return parts, {
            name: [*database.execute(f"PRAGMA table_info({name})")] for kind, name in parts if kind == "table"
        }


class TestPreparedStore:
    """The tables of a store are made elsewhere while the notebook runs, and come to its place when they are needed."""

    @pytest.fixture
    def uri(self, tmp_path):
        return store.beside(tmp_path / "reports")

    def test_it_is_as_mlflow_makes_it_and_taken_when_needed(self, uri, tmp_path, monkeypatch, capfd):
        store.prepare(uri, tmp_path)
        assert [file.name for file in tmp_path.iterdir()] == [store.PREPARED]
        prepared = (tmp_path / store.PREPARED).stat().st_ino
        monkeypatch.setenv("TOOLKIT_RUN_FOLDER", str(tmp_path))
        with store.connect(uri) as client:
            client.create_experiment("first")
        assert (tmp_path / "mlflow.db").stat().st_ino == prepared
        other = tmp_path / "other"
        other.mkdir()
        with store.connect(store.beside(other / "reports")) as client:
            client.create_experiment("first")
        assert tables(tmp_path / "mlflow.db") == tables(other / "mlflow.db")
        assert capfd.readouterr() == ("", "")

    def test_what_is_there_stays(self, uri, tmp_path, monkeypatch):
        run = tmp_path / "run"
        run.mkdir()
        with store.connect(uri) as client:
            client.create_experiment("first")
        store.prepare(uri, run)
        assert [*run.iterdir()] == []
        (run / store.PREPARED).write_text("made before somebody else made the file")
        monkeypatch.setenv("TOOLKIT_RUN_FOLDER", str(run))
        with store.connect(uri) as client:
            assert client.get_experiment_by_name("first")

    @pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "databricks", "sqlite:///:memory:", "./mlruns"])
    def test_other_stores_need_none(self, uri, tmp_path):
        store.prepare(uri, tmp_path)
        assert [*tmp_path.iterdir()] == []

    def test_where_it_cannot_be_made_there_is_a_reason_and_no_half_of_it(self, uri, tmp_path, monkeypatch, capfd):
        with pytest.raises(InputError, match="cannot be used: unable to open database file"):
            store.prepare(uri, tmp_path / "gone")
        full = sqlalchemy.exc.OperationalError("CREATE TABLE", {}, sqlite3.OperationalError("disk is full"))
        with monkeypatch.context() as patched:
            patched.setattr("alembic.command.upgrade", Mock(side_effect=full))
            with pytest.raises(InputError, match="cannot be used: disk is full"), store.connect(uri):
                pass
        assert [*tmp_path.iterdir()] == []
        with store.connect(uri) as client:
            assert client.create_experiment("first")
        assert capfd.readouterr() == ("", "")
