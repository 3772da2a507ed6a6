"""A tracking server that fails costs no report, and the run is logged to it later."""

import contextlib
import json
import shutil
import sqlite3
import threading
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

import toolkit as tk
from toolkit.cli import main
from toolkit.core.results import read_results
from toolkit.errors import InputError, RunError
from toolkit.models.load import load_model
from toolkit.registry import store, tracking
from toolkit.runs import manifest, runner
from toolkit.runs.process import Failure
from toolkit.runs.publish import track

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ASKED = 1 + int(store.PATIENCE["MLFLOW_HTTP_REQUEST_MAX_RETRIES"])


class Broken(ThreadingHTTPServer):
    """A server on loopback: it ``fails`` with 500s but is well, ``stops`` once asked, ``hangs``, or is ``silent``.

    One that is ``another`` answers everything by an empty object, and one that is ``closed`` wants a login.
    """

    def __init__(self, how):
        super().__init__(("127.0.0.1", 0), Handler)
        self.how, self.asked, self.ended = how, Counter(), threading.Event()
        self.uri = f"http://me:secret@127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.socket.close()

    def server_close(self):
        self.ended.set()
        self.stop()
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked[path] += 1
        if self.server.how == "silent" or (self.server.how == "hangs" and path != "/health"):
            self.server.ended.wait()
            return
        code = {"another": 200, "closed": 401}.get(self.server.how, 500)
        self.send_response(200 if path == "/health" else code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"No" if code == 401 else b"{}")
        if self.server.how == "stops":
            self.server.stop()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815  # http.server's names

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """Make one empty store to copy: making one takes seconds."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with store.connect(f"sqlite:///{path}") as client:
        client.search_experiments()
    return path


@pytest.fixture
def broken(tmp_path, monkeypatch, empty_store):
    """Make servers that fail in a given way, name them as the tracking server, and end them."""
    servers = []

    def start(how):
        server = Broken(how)
        servers.append(server)
        if how == "refuses":
            server.stop()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        return server

    for name in ("TOOLKIT_OUT", "TOOLKIT_RUN_FOLDER", "TOOLKIT_REPORT_ID", "MLFLOW_EXPERIMENT_NAME", *store.PATIENCE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    yield start
    for server in servers:
        server.server_close()


def results_of(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def untracked(folder):
    return [one for one in results_of(folder)["findings"] if one["code"] == "TRACKING-FAILED"]


def assert_whole(folder):
    """The page and the notebook say what results.json says, and the manifest is of these very files."""
    names = {"report.html", "notebook.ipynb", "results.json"}
    assert {path.name for path in folder.iterdir()} == names | {"manifest.json"}
    states = {one.part: one.state for one in manifest.verify(folder)}
    assert {states.pop(name) for name in (*names, "manifest.json", "manifest in report.html")} == {"matches"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert ("TRACKING-FAILED" in page) == bool(untracked(folder))
    assert results_of(folder)["mlflow"]["run_id"] in page


def publish_one(out):
    """Publish a trained model by hand."""
    dataset = tk.load_dataset("wine")
    parts = tk.split_dataset(dataset)
    training = tk.train(parts, candidates=["logistic"], cv=2)
    return training, tk.publish(dataset, parts, training, template="by hand", parameters={"seed": 0}, out=out)


def publish_without_a_process(template, notebook, *_, marks, **__):
    """Stand in for the process of a run: leave what the notebook ``publishes`` leaves."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**marks, "TOOLKIT_RUN_FOLDER": str(notebook.parent)}.items():
            patch.setenv(name, value)
        published = tk.publish(tk.load_dataset("wine"), template="publishes", parameters={})
    content = json.loads(template.read_text())
    bundle = published._repr_mimebundle_()
    output = {"output_type": "execute_result", "data": bundle, "metadata": {}, "execution_count": 1}
    content["cells"][-1]["outputs"] = [output]
    notebook.write_text(json.dumps(content))


@pytest.mark.parametrize("how", ["fails", "stops", "refuses", pytest.param("silent", marks=pytest.mark.slow)])
def test_a_server_that_fails_costs_no_report(tmp_path, broken, how, monkeypatch):
    server = broken(how)
    if how != "fails":
        monkeypatch.setattr(runner, "execute", publish_without_a_process)
    result = CliRunner().invoke(main, ["run", str(NOTEBOOKS / "publishes.ipynb"), "--out", "out"])
    assert result.exit_code == 0, result.output
    folder = Path(result.stdout.splitlines()[-1]).parent
    assert_whole(folder)
    (finding,) = untracked(folder)
    assert finding["severity"] == "medium"
    assert f"127.0.0.1:{server.server_port} cannot be used" in finding["message"]
    assert "toolkit track REPORT" in finding["message"]
    warnings = [line for line in result.stderr.splitlines() if line.startswith("Warning")]
    at_once = ["The run goes on" in line for line in warnings]
    assert at_once == ([False] if how in ("fails", "stops") else [True, False])
    assert f"toolkit track {folder}" in warnings[-1]
    written = [path.read_text(errors="replace") for path in folder.iterdir()]
    assert "secret" not in "".join([*written, result.output])
    with store.connect(store.beside(Path("out"))) as client:
        found = client.get_run(results_of(folder)["mlflow"]["run_id"])
        kept = {Path(file.path).name for file in client.list_artifacts(found.info.run_id, "report")}
    assert found.info.status == "FINISHED"
    assert kept == {path.name for path in folder.iterdir()}
    api = Counter({path: count for path, count in server.asked.items() if path != "/health"})
    assert list(api.values()) == ([ASKED] if how == "fails" else [])
    assert server.asked["/health"] == {"fails": 2, "stops": 1, "refuses": 0, "silent": 2}[how]


def test_required_tracking_refuses_to_begin_without_a_server(tmp_path, broken):
    broken("refuses")
    with pytest.raises(InputError, match="cannot be used"):
        runner.run(NOTEBOOKS / "publishes.ipynb", {}, require_tracking=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_required_tracking_that_fails_in_the_end_leaves_the_report_and_says_3(broken, monkeypatch):
    broken("fails")
    monkeypatch.setattr(runner, "execute", publish_without_a_process)
    with pytest.raises(RunError, match="too many 500 error responses") as caught:
        runner.run(NOTEBOOKS / "publishes.ipynb", {}, require_tracking=True)
    assert caught.value.exit_code == 3
    assert_whole(caught.value.folder)
    assert not caught.value.folder.name.endswith("FAILED")
    assert str(caught.value.folder / "report.html") in str(caught.value)


def test_a_failed_run_is_recorded_beside_the_reports(tmp_path, broken, monkeypatch):
    broken("fails")
    failure = Failure("ZeroDivisionError", "division by zero")
    monkeypatch.setattr(runner, "execute", lambda *_, **__: failure)
    with pytest.raises(RunError, match="not on the tracking server, but in mlflow") as caught:
        runner.run(NOTEBOOKS / "breaks.ipynb", {})
    assert (caught.value.folder / "report.html").is_file()
    assert "secret" not in str(caught.value)
    with store.connect(store.beside(tmp_path / "reports")) as client:
        (found,) = client.search_runs([client.get_experiment_by_name("breaks").experiment_id])
    assert found.info.status == "FAILED"
    assert "division by zero" in found.data.tags["toolkit.error"]


def test_a_server_that_hangs_is_asked_as_often_and_long_as_the_user_says(tmp_path, broken, monkeypatch):
    server = broken("hangs")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    out = tmp_path / "reports"
    logged = tracking.log_run([], {}, experiment="e", name="n", parameters={}, tags={}, out=out)
    assert "asked 2 times" in logged.failure
    assert sorted(server.asked.values()) == [1, 2]
    with store.connect(store.beside(out)):
        import mlflow

        assert mlflow.environment_variables.MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 1
        assert mlflow.environment_variables.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.get() == 1


def test_another_server_than_mlflows_takes_no_run(tmp_path, broken):
    server = broken("another")
    _, published = publish_one(tmp_path / "reports")
    (finding,) = untracked(published.folder)
    assert f"127.0.0.1:{server.server_port} cannot be used: it answers, but not as MLflow does." in finding["message"]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="it answers, but not as MLflow does"):
        track(published.folder)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with store.connect(store.beside(tmp_path / "reports")) as client:
        assert client.get_run(published.results.mlflow.run_id).info.status == "FINISHED"
    assert load_model(published.results.mlflow.model_uri, out=tmp_path / "reports").name == "logistic"


def test_a_server_that_wants_a_login_is_said_so(tmp_path, broken):
    broken("closed")
    logged = tracking.log_run([], {}, experiment="e", name="n", parameters={}, tags={}, out=tmp_path / "reports")
    assert "Give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or correct" in logged.failure
    assert logged.run_id


@pytest.mark.slow  # SQLite waits for the lock
def test_a_file_that_is_locked_is_said_in_one_sentence(tmp_path, broken, capfd):
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        logged = tracking.log_run([], {}, experiment="e", name="n", parameters={}, tags={}, out=tmp_path / "reports")
    assert "cannot be used: database is locked. Start" in logged.failure
    assert capfd.readouterr() == ("", "")


def test_a_store_that_fails_without_another_costs_no_report(tmp_path, broken, monkeypatch, empty_store):
    (tmp_path / "mlflow.db").write_text("not a database" * 100)
    _, published = publish_one(tmp_path / "reports")
    (finding,) = untracked(published.folder)
    assert "file is not a database" in finding["message"]
    assert "a model that it trained is not kept" in finding["message"]
    assert "no MLflow run" in published._repr_mimebundle_()["text/plain"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    shutil.copy(empty_store, tmp_path / "other.db")
    with pytest.raises(InputError, match=r"mlflow\.db cannot be used: file is not a database"):
        track(published.folder)
    (tmp_path / "mlflow.db").unlink()
    with pytest.raises(InputError, match=r"neither in sqlite:.*other\.db nor in mlflow\.db"):
        track(published.folder)


def test_files_that_could_not_be_added_are_a_finding(tmp_path, broken, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'server.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(tracking, "attach", lambda logged, *_: replace(logged, failure="Files: no."))
    _, published = publish_one(tmp_path / "reports")
    before = results_of(published.folder)
    assert "Files: no." in untracked(published.folder)[0]["message"]
    (notes := published.folder / ".ipynb_checkpoints").mkdir()  # as JupyterLab makes it beside a notebook
    (notes / "notebook.ipynb").touch()
    track(published.folder)
    shutil.rmtree(notes)
    after = results_of(published.folder)
    assert before["mlflow"] == {**after["mlflow"], "failure": "Files: no."}
    with store.connect(uri) as client:
        files = {file.path for file in client.list_artifacts(after["mlflow"]["run_id"], "report")}
    assert files == {f"report/{path.name}" for path in published.folder.iterdir()}


def test_a_model_beside_the_reports_is_found_there(tmp_path, broken):
    broken("fails")
    training, published = publish_one(tmp_path / "reports")
    loaded = load_model(published.results.mlflow.model_uri, out=tmp_path / "reports")
    rows = tk.load_dataset("wine").features
    assert (loaded.predict(rows) == training.model.predict(rows)).all()


def test_no_server_named_is_said(tmp_path, broken):
    _, published = publish_one(tmp_path / "reports")
    assert untracked(published.folder) == []
    result = CliRunner().invoke(main, ["track", str(published.folder)])
    assert (result.exit_code, "Set MLFLOW_TRACKING_URI" in result.stderr) == (2, True)


def test_a_server_that_still_fails_leaves_the_report_as_it_was(tmp_path, broken):
    broken("fails")
    _, published = publish_one(tmp_path / "reports")
    before = {path.name: path.read_bytes() for path in published.folder.iterdir()}
    with pytest.raises(InputError, match="cannot be used") as caught:
        track(published.folder)
    assert "secret" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in published.folder.iterdir()} == before
    assert [path.name for path in published.folder.parent.iterdir()] == [published.folder.name]


@pytest.fixture
def broken_off(monkeypatch):
    """Let an attempt to log later end after half of it."""

    def attempt(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("toolkit.runs.publish.rewrite", lambda *_: (_ for _ in ()).throw(InputError("enough")))
            with pytest.raises(InputError, match="enough"):
                track(folder)

    return attempt


def assert_logged_as_if_it_had_been_there(folder, uri, local, rows, predicted):
    """All that lies beside the reports is on the server, once, and the report names that."""
    import mlflow

    logged = read_results(folder).mlflow
    assert untracked(folder) == []
    with store.connect(store.beside(folder.parent)) as client:
        expected = client.get_run(local.run_id)
    with store.connect(uri) as client:
        found = client.get_run(logged.run_id)
        runs = client.search_runs([logged.experiment_id])
        (model,) = client.search_logged_models([logged.experiment_id], f"source_run_id = '{logged.run_id}'")
        files = {file.path for file in client.list_artifacts(logged.run_id, "report")}
        loaded = mlflow.sklearn.load_model(logged.model_uri)
    assert found.info.status == "FINISHED"
    assert found.data.metrics == expected.data.metrics
    assert len(found.data.metrics) > 5
    assert (found.data.params, found.info.run_name) == (expected.data.params, expected.info.run_name)
    same = {name: tag for name, tag in expected.data.tags.items() if name.startswith("toolkit.")}
    assert found.data.tags.items() >= same.items()
    assert found.inputs.dataset_inputs[0].dataset.digest == expected.inputs.dataset_inputs[0].dataset.digest
    parents = [run.data.tags.get("mlflow.parentRunId", "") for run in runs]
    assert sorted(parents) == ["", *[logged.run_id] * 2]
    assert {metric.key for metric in model.metrics} == set(expected.data.metrics)
    assert files == {f"report/{path.name}" for path in folder.iterdir()}
    assert (loaded.predict(rows) == predicted).all()
    assert logged.model_uri == f"models:/{model.model_id}"
    assert logged.model_uri != local.model_uri


def check_later(tmp_path, broken, monkeypatch, broken_off, uri):
    broken("fails")
    training, published = publish_one(tmp_path / "reports")
    rows = tk.load_dataset("wine").features
    predicted = training.model.predict(rows)
    local = published.results.mlflow
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    broken_off(published.folder)
    assert untracked(published.folder) != []
    for _ in range(2):
        assert track(published.folder) == published.folder
        assert_logged_as_if_it_had_been_there(published.folder, uri, local, rows, predicted)


def test_a_report_is_logged_later_to_another_database(tmp_path, broken, monkeypatch, broken_off, empty_store):
    shutil.copy(empty_store, tmp_path / "server.db")
    check_later(tmp_path, broken, monkeypatch, broken_off, uri := f"sqlite:///{tmp_path / 'server.db'}")
    (folder,) = (one for one in (tmp_path / "reports").iterdir() if one.is_dir())
    logged = read_results(folder).mlflow
    with store.connect(uri) as client:
        client.delete_experiment(logged.experiment_id)
    track(folder)  # what was deleted on the server since is there again
    with store.connect(uri) as client:
        assert client.get_run(logged.run_id).info.lifecycle_stage == "active"


@pytest.mark.slow
def test_a_report_is_logged_later_to_a_server(tmp_path, broken, monkeypatch, broken_off, server):
    check_later(tmp_path, broken, monkeypatch, broken_off, server)
    broken("stops")
    done = runner.run(NOTEBOOKS / "publishes.ipynb", {})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    for _ in range(2):
        result = CliRunner().invoke(main, ["track", str(done.report)])
        assert (result.exit_code, Path(result.stdout.strip())) == (0, done.folder)
        assert untracked(done.folder) == []
        assert_whole(done.folder)
