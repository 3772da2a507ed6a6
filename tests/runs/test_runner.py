"""Runs: what they leave when they end well, fail, are refused, run out of time, or are killed."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psutil
import pytest

import toolkit
from toolkit.core.result import DataInfo
from toolkit.core.results import Results, RunInfo, read_results
from toolkit.errors import InputError, RunError
from toolkit.registry import tracking
from toolkit.report import render as report
from toolkit.runs import manifest, process, publish, runner, spare
from toolkit.runs.process import Failure, interrupted_once, is_alive, tidy_notebook

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ROOT = Path(__file__).parents[2]
HOSTILE = "<b>ü</b> \"q\" \\ {x} 'y'\n\t€"


@pytest.fixture(scope="module", autouse=True)
def tracked(tmp_path_factory):
    """Keep the runs of all tests in one database: making one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        uri = f"sqlite:///{tmp_path_factory.getbasetemp() / 'runs.db'}"
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        yield uri


def outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]


def printed(notebook):
    return ["".join(output["text"]) for output in outputs(notebook) if output["output_type"] == "stream"]


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def processes_of(out, command=""):
    """Return the processes that carry the mark of a run into ``out`` and were called with ``command``."""
    found = []
    for one in psutil.process_iter():
        try:
            mark, words = one.environ().get("TOOLKIT_RUN_FOLDER", ""), " ".join(one.cmdline())
        except psutil.Error:
            continue
        if Path(mark).parent == out and command in words:
            found.append(one)
    return found


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def failed_run(out):
    (folder,) = (path for path in out.iterdir() if path.is_dir())
    assert folder.name.endswith("-FAILED")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder full of traps: modules named as ours, another python3 kernel, a start-up file, braces."""
    place = tmp_path_factory.mktemp("a {folder} of ü")
    (place / "toolkit").mkdir()
    for name in ("toolkit/__init__.py", "pandas.py", "papermill.py", "json.py", "ipykernel_launcher.py"):
        (place / name).write_text("raise RuntimeError('taken from the current folder')")
    (place / "my_own_module.py").write_text("VALUE = 'mine'")
    kernel = place / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Other", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    startup = place / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "first.py").write_text("from_startup_file = True")
    return place


@pytest.fixture(scope="module")
def run(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("JUPYTER_PATH", str(place / "jupyter"))
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        given = {"data": HOSTILE, "sensitive": ["a b", "ü"], "test_size": 1, "costs": {"fn": [None, True]}}
        return runner.run(NOTEBOOKS / "echoes.ipynb", given)


class TestGoodRun:
    def test_leaves_one_folder_and_the_index(self, run, place):
        assert run.folder.parent == place / "reports"
        assert everything_in(place / "reports") == sorted(
            ["index.html", run.folder.name, f"{run.folder.name}/notebook.ipynb", f"{run.folder.name}/report.html"]
        )
        when, name = run.folder.name[:15], run.folder.name[16:]
        assert abs((datetime.strptime(when, "%Y%m%d-%H%M%S") - datetime.now()).total_seconds()) < 300
        assert name == "echoes-echoes"
        assert run.report == run.folder / "report.html"
        assert 0 < run.seconds < 300

    def test_the_notebook_sees_the_given_values_and_the_defaults(self, run):
        given = [HOSTILE, None, ["a b", "ü"], [1, 2], [0.5], 1.0, "youden", False, {"fn": [None, True]}, 0]
        assert json.loads(printed(run.folder / "notebook.ipynb")[0]) == given

    def test_the_kernel_is_this_interpreter_with_this_toolkit_in_the_current_folder(self, run, place):
        seen = json.loads(printed(run.folder / "notebook.ipynb")[1])
        import pandas

        assert seen["python"] == sys.executable
        assert seen["folder"] == str(place)
        assert seen["toolkit"] == toolkit.__file__
        assert seen["pandas"] == pandas.__file__
        assert seen["startup"] is False

    def test_modules_of_the_current_folder_can_be_imported(self, run):
        assert printed(run.folder / "notebook.ipynb")[2].strip() == "mine"

    def test_the_environment_says_where_it_runs_and_that_nothing_phones_home(self, run, place):
        environment = json.loads(printed(run.folder / "notebook.ipynb")[1])["environment"]
        assert environment["TOOLKIT_OUT"] == str(place / "reports")
        assert Path(environment["TOOLKIT_RUN_FOLDER"]).parent == place / "reports"
        assert len(environment["TOOLKIT_REPORT_ID"]) == 32
        assert environment["DO_NOT_TRACK"] == "1"
        assert environment["PYTHONHASHSEED"] == "0"
        assert environment["OMP_WAIT_POLICY"] == "PASSIVE"

    def test_the_notebook_names_a_plain_kernel_and_no_path_of_the_run(self, run):
        metadata = json.loads((run.folder / "notebook.ipynb").read_text())["metadata"]
        assert metadata["kernelspec"]["name"] == "python3"
        assert metadata["papermill"]["input_path"] == "echoes.ipynb"
        assert metadata["papermill"]["output_path"] == "notebook.ipynb"
        assert ".running-" not in json.dumps(metadata)

    def test_no_process_is_left(self, run, place):
        assert processes_of(place / "reports") == []


def test_a_published_run_has_a_manifest_and_its_files_in_the_tracker(tmp_path, tracked, monkeypatch):
    import mlflow

    monkeypatch.chdir(tmp_path)
    run = runner.run(NOTEBOOKS / "publishes.ipynb", {}, out=tmp_path / "out")
    assert run.folder.name.endswith("-publishes-wine")
    files = ["manifest.json", "notebook.ipynb", "report.html", "results.json"]
    assert everything_in(run.folder) == files
    assert run.results.data.rows == 178
    found = mlflow.MlflowClient(tracked).get_run(run.results.mlflow.run_id)
    assert found.info.status == "FINISHED"
    report_folder = Path(found.info.artifact_uri.removeprefix("file://")) / "report"
    assert sorted(path.name for path in report_folder.iterdir()) == files


class TestFailedRun:
    def test_a_failing_cell_leaves_a_readable_report(self, tmp_path, tracked):
        import mlflow

        out = tmp_path / "out"
        with pytest.raises(RunError, match="ZeroDivisionError: division by zero") as caught:
            runner.run(NOTEBOOKS / "breaks.ipynb", {"seed": 3}, out=out)
        folder = failed_run(out)
        assert caught.value.folder == folder
        assert str(folder / "report.html") in str(caught.value)
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert page.index("ZeroDivisionError") < page.index("this ran")
        assert printed(folder / "notebook.ipynb") == ["this ran\n"]
        assert folder.name in (out / "index.html").read_text(encoding="utf-8")
        client = mlflow.MlflowClient(tracked)
        experiment = client.get_experiment_by_name("breaks")
        (tracked_run,) = client.search_runs([experiment.experiment_id], "params.seed = '3'")
        assert tracked_run.info.status == "FAILED"
        assert "division by zero" in tracked_run.data.tags["toolkit.error"]

    def test_wrong_input_found_by_a_cell_leaves_nothing(self, tmp_path):
        with pytest.raises(InputError, match="'incme' is not in the table"):
            runner.run(NOTEBOOKS / "refuses.ipynb", {}, out=tmp_path / "new" / "out")
        assert everything_in(tmp_path) == []

    def test_the_time_limit_stops_everything_and_keeps_what_ran(self, tmp_path):
        out = tmp_path / "out"
        began = time.monotonic()
        with pytest.raises(RunError, match="TimeoutError: stopped at the time limit of 15 seconds"):
            runner.run(NOTEBOOKS / "sleeps.ipynb", {}, out=out, timeout=15)
        assert time.monotonic() - began < 90  # the cell would take 120
        assert processes_of(out) == []
        first, error = outputs(failed_run(out) / "notebook.ipynb")
        assert first["text"] == ["this ran\n"]
        assert (error["ename"], error["output_type"]) == ("TimeoutError", "error")
        assert "time limit of 15 seconds" in (failed_run(out) / "report.html").read_text(encoding="utf-8")

    def test_the_end_of_a_process_is_noted_though_its_threads_and_memory_end_later(self, monkeypatch):
        monkeypatch.setattr(process.time, "sleep", lambda _: None)
        code = """if True:
            import threading, time
            held = bytearray(300_000_000)
            for _ in range(60):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            print(flush=True)
            time.sleep(60)
        """
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with psutil.Popen([sys.executable, "-c", code], **pipes, start_new_session=True) as started:
            started.stdout.readline()
            process._stop(started, "no other process")
            assert started.returncode == -9

    def test_a_killed_kernel_is_said(self, tmp_path):
        out = tmp_path / "out"
        with pytest.raises(RunError, match="KernelDied: the kernel died while running this cell"):
            runner.run(NOTEBOOKS / "dies.ipynb", {}, out=out)
        assert [output["output_type"] for output in outputs(failed_run(out) / "notebook.ipynb")] == ["stream", "error"]


RESULTS = Results(template="breaks", data=DataInfo("wine"), scalars={}, mlflow=RunInfo("0"))


class TestReportThatCannotBeMade:
    @pytest.fixture(autouse=True)
    def published(self, monkeypatch):
        """Let the notebook seem to have run and published."""

        def execute(template, notebook, *_, **__):
            notebook.write_bytes(template.read_bytes())
            (notebook.parent / "results.json").write_text(RESULTS.to_json())

        monkeypatch.setattr(runner, "execute", execute)
        monkeypatch.setattr(tracking, "record_failure", lambda *_: "")

    def break_(self, monkeypatch, module, name, error):
        def broken(*_, **__):
            raise error

        monkeypatch.setattr(module, name, broken)

    def test_a_page_that_cannot_be_written_keeps_what_there_is(self, tmp_path, monkeypatch):
        self.break_(monkeypatch, report, "render", ValueError("no ink"))
        with pytest.raises(RunError, match=r"no ink\n.*page could not be made\. ValueError: no ink\nWhat .*ipynb$"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
        assert everything_in(failed_run(tmp_path / "out")) == ["notebook.ipynb", "results.json"]

    def test_a_manifest_that_cannot_be_written_keeps_what_there_is(self, tmp_path, monkeypatch):
        self.break_(monkeypatch, manifest, "write_manifest", OSError("disk full"))
        with pytest.raises(RunError, match=r"The report could not be made\. OSError: disk full"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
        left = everything_in(failed_run(tmp_path / "out"))
        assert left == ["notebook.ipynb", "report.html", "results.json"]

    def test_results_that_cannot_be_read_keep_what_there_is(self, tmp_path, monkeypatch):
        monkeypatch.setattr(type(RESULTS), "to_json", lambda _: '{"data": 1}')
        with pytest.raises(RunError, match=r"could not be made\. InputError: .* does not hold the results of a report"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
        left = everything_in(failed_run(tmp_path / "out"))
        assert left == ["notebook.ipynb", "report.html", "results.json"]

    def test_a_tracker_that_went_away_costs_no_report(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(manifest, "write_manifest", lambda *_: None)
        monkeypatch.setattr(tracking, "attach", lambda logged, *_: replace(logged, failure="It is gone."))
        run = runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
        assert not run.folder.name.endswith("FAILED")
        assert everything_in(run.folder) == ["notebook.ipynb", "report.html", "results.json"]
        assert run.results == read_results(run.folder)
        assert run.results.findings[0].message.startswith("It is gone. The report is whole")
        assert f"It is gone. Log it later: toolkit track {run.folder}\n" in capsys.readouterr().err
        assert (tmp_path / "out" / "index.html").is_file()

    def test_that_no_store_took_the_run_is_said(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(tracking, "attach", lambda logged, *_: replace(logged, run_id="", failure="It is gone."))
        run = runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
        lost = "It is gone. Nothing of the run is tracked, and a model that it trained is not kept."
        assert run.results.findings[0].message == lost
        assert f"not on the tracking server. {lost}\n" in capsys.readouterr().err

    def test_a_tracker_that_went_away_is_said_with_a_failure(self, tmp_path, monkeypatch):
        monkeypatch.setattr(runner, "execute", lambda *_, **__: Failure("ValueError", "bad"))
        monkeypatch.setattr(tracking, "record_failure", lambda *_: "It is gone.")
        with pytest.raises(RunError, match=r"ValueError: bad\n.*\nIt is gone\."):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")

    def test_a_whole_report_stays_whole_where_the_disk_fills_up_afterwards(self, tmp_path, monkeypatch):
        # As a copy of a folder fails, which names each of its files.
        full = shutil.Error([("a", "b", "[Errno 28] No space left on device")] * 50)

        def halfway(folder, *_):
            (folder / "results.json").write_text("{")
            raise full

        monkeypatch.setattr(tracking, "attach", lambda logged, *_: replace(logged, failure="It is gone."))
        monkeypatch.setattr(publish, "rewrite", halfway)
        with pytest.raises(RunError, match=r"is whole, .* No space left on device.*\nIt is .*report\.html$") as caught:
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
        assert len(str(caught.value)) < 600
        folder = caught.value.folder
        assert read_results(folder) == RESULTS
        assert [one.state for one in manifest.verify(folder)].count("differs") == 0
        assert [one.name for one in (tmp_path / "out").iterdir()] == [folder.name]

    def test_a_page_of_ones_own_in_the_place_of_the_index_costs_no_report(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tracking, "attach", lambda logged, *_: logged)
        (tmp_path / "index.html").write_text("<p>My own.")
        with pytest.raises(RunError, match=r"is whole, .*index\.html' is no page .* move it\.\nIt is ") as caught:
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path)
        assert (caught.value.exit_code, (caught.value.folder / "report.html").is_file()) == (3, True)
        assert not caught.value.folder.name.endswith("FAILED")
        assert (tmp_path / "index.html").read_text() == "<p>My own."

    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), InputError("No page.")])
    def test_an_index_that_cannot_be_written_hides_no_failure(self, tmp_path, monkeypatch, error):
        monkeypatch.setattr(runner, "execute", lambda *_, **__: Failure("ValueError", "bad"))
        self.break_(monkeypatch, report, "write_index", error)
        with pytest.raises(RunError, match=r"The notebook stopped\. ValueError: bad\n"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")


def test_an_outcome_that_cannot_be_written_is_a_process_that_died(tmp_path, monkeypatch, capfd):
    """Where the disk is full the process that runs the notebook cannot even say so."""
    write_spec = process._write_spec

    def without_a_place_for_it(scratch, *given):
        path = write_spec(scratch, *given)
        path.write_text(path.read_text().replace("outcome.json", "tmp"))  # a folder
        return path

    monkeypatch.setattr(process, "_write_spec", without_a_place_for_it)
    with pytest.raises(RunError, match=r"ProcessDied: the process .* ended with code 0; was memory or disk short\?"):
        runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=tmp_path / "out")
    assert "Traceback" not in capfd.readouterr().err


class TestInterruptedOnce:
    def test_a_second_signal_does_not_disturb_the_clearing_up(self):
        seen = []
        try:
            with interrupted_once():
                try:
                    signal.raise_signal(signal.SIGTERM)
                finally:
                    signal.raise_signal(signal.SIGINT)
                    signal.raise_signal(signal.SIGTERM)
                    seen.append("cleared up")
        except KeyboardInterrupt:
            seen.append("interrupted")
        assert seen == ["cleared up", "interrupted"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_an_ignored_signal_stays_ignored(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with interrupted_once():
                signal.raise_signal(signal.SIGHUP)
        finally:
            signal.signal(signal.SIGHUP, before)


class TestRefusedRun:
    @pytest.fixture(autouse=True)
    def nothing_left(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        yield
        assert everything_in(tmp_path) == []

    @pytest.fixture(autouse=True)
    def no_kernel(self, monkeypatch):
        def started(*_, **__):
            pytest.fail("a process was started")

        monkeypatch.setattr(runner, "execute", started)

    def test_unknown_template(self):
        with pytest.raises(InputError, match="There is no template 'experimnt'"):
            runner.run("experimnt", {})

    @pytest.mark.parametrize("given", [{}, {"data": 1}, {"data": "a", "dta": "b"}])
    def test_wrong_parameters(self, given):
        with pytest.raises(InputError, match=r"[Pp]arameter"):
            runner.run(NOTEBOOKS / "echoes.ipynb", given)

    @pytest.mark.parametrize("out", ["/dev/null", "/dev/null/reports", "/proc/reports"])
    def test_a_folder_that_cannot_be_written(self, out):
        with pytest.raises(InputError, match=rf"Cannot write reports in '{out}': .*--out"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, out=out)

    @pytest.mark.parametrize("seconds", [0, -1, float("nan")])
    def test_a_time_limit_that_is_none(self, seconds):
        with pytest.raises(InputError, match="time limit must be more than 0 seconds"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, timeout=seconds)

    def test_a_tracking_server_that_does_not_answer(self, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        with pytest.raises(InputError, match="cannot be used"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {}, require_tracking=True)

    def test_no_place_at_all_for_the_run(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        (tmp_path / "mlflow.db").mkdir()
        with pytest.raises(InputError, match=r"mlflow\.db cannot be used"):
            runner.run(NOTEBOOKS / "breaks.ipynb", {})
        (tmp_path / "mlflow.db").rmdir()


class TestPolicyOfATemplateOfOnesOwn:
    """Whatever is published can be judged, declared or not."""

    @pytest.mark.parametrize(("least", "outcome"), [(100, "pass"), (1000, "fail")])
    def test_the_report_has_the_verdict(self, tmp_path, least, outcome):
        policy = tmp_path / "rows.yaml"
        policy.write_text(f"title: Rows\nnumbers:\n  data.rows: {{min: {least}}}\n", encoding="utf-8")
        done = runner.run(NOTEBOOKS / "publishes.ipynb", {"policy": str(policy)}, out=tmp_path / "out")
        assert (done.results.verdict.outcome, done.results.verdict.policy) == (outcome, "Rows")
        assert done.results.parameters["policy"] == str(policy)
        page = done.report.read_text(encoding="utf-8")
        assert ("Fails the policy “Rows”" in page) == (outcome == "fail")
        assert "Policy rules" in page

    def test_one_that_publishes_nothing_cannot_be_judged(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("my_own_module.py").write_text("VALUE = 1")
        with pytest.raises(RunError, match="this one publishes nothing"):
            runner.run(NOTEBOOKS / "echoes.ipynb", {"data": "a", "policy": "standard"}, out=tmp_path / "out")

    @pytest.mark.parametrize(
        ("template", "rules", "said"),
        [
            (NOTEBOOKS / "publishes.ipynb", "numbers: {data.rwos: {min: 100}}", "Did you mean 'data.rows'"),
            (NOTEBOOKS / "publishes.ipynb", "levels: {watch: {numbers: {data.rows: {min: 1}}}}", "of the other kind"),
            ("audit", "numbers: {test.roc_aux: {min: 0.5}}", "Did you mean 'test.roc_auc'"),
            pytest.param(
                "drift", "levels: {watch: {numbers: {data.rwos: {min: 1}}}}", "no such number", marks=pytest.mark.slow
            ),
            ("drift", "numbers: {data.rows: {min: 1}}", "of the other kind"),
        ],
    )
    def test_one_that_does_not_fit_costs_the_verdict_and_not_the_report(
        self, tmp_path, monkeypatch, template, rules, said
    ):
        monkeypatch.chdir(tmp_path)
        rows = "".join(f"{at % 2},{at / 100},{at % 7}\n" for at in range(100))
        Path("said.csv").write_text(f"y_true,y_score,a\n{rows}", encoding="utf-8")
        Path("rules.yaml").write_text(f"title: Rules\n{rules}\n", encoding="utf-8")
        tables = {"audit": ["predictions"], "drift": ["reference", "current"]}.get(template, [])
        with pytest.raises(RunError, match=f"whole, but not judged. .+{said}") as caught:
            runner.run(template, dict.fromkeys(tables, "said.csv"), policy="rules.yaml")
        kept = read_results(caught.value.folder)
        assert kept.verdict.outcome is None
        assert kept.mlflow.run_id
        manifest.check_whole(caught.value.folder)
        judging = [one for one in kept.findings if one.where in ("check", "decide")]
        assert [one.message in str(caught.value) for one in judging] == [True]
        assert "The policy could not be applied" in (caught.value.folder / "report.html").read_text(encoding="utf-8")

    def test_a_policy_with_a_slip_is_refused_at_once(self, tmp_path):
        with pytest.raises(InputError, match="Did you mean 'standard'"):
            runner.run(NOTEBOOKS / "publishes.ipynb", {"policy": "standrd"}, out=tmp_path / "out")
        assert not (tmp_path / "out").exists()


class TestKilledRun:
    @pytest.fixture
    def sleeping(self, tmp_path, tmp_path_factory):
        """Start a run in a process of its own and wait until its kernel is at work."""
        out = tmp_path / "out"
        command = [sys.executable, "-m", "toolkit", "run", str(NOTEBOOKS / "sleeps.ipynb"), "--out", str(out)]
        short = tmp_path_factory.getbasetemp().parent.parent / f"toolkit-{os.getpid()}"
        short.unlink(missing_ok=True)
        short.symlink_to(tmp_path)  # where names are short, the kernel is talked to over files, not ports
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(short)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with (
            subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, **pipes) as process,
            contextlib.ExitStack() as after,
        ):
            after.callback(short.unlink)
            after.callback(process.kill)
            # The kernel starts others for a moment when it loads packages: only one of them sleeps.
            assert wait_for(lambda: process.poll() is not None or processes_of(out, "time.sleep("), 60)
            assert process.poll() is None, process.stderr.read()
            children = processes_of(out)
            assert len(children) == 3  # papermill, the kernel, and the child of the kernel
            yield process, children

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_stopped_run_leaves_nothing(self, sleeping, tmp_path, number):
        process, children = sleeping
        process.send_signal(number)
        assert process.wait(20) == 130
        assert not any(map(is_alive, children))
        assert everything_in(tmp_path) == []
        assert b"Traceback" not in process.stderr.read()

    def test_when_the_parent_is_killed_the_rest_goes_too(self, sleeping, tmp_path):
        process, children = sleeping
        process.kill()
        assert wait_for(lambda: not any(map(is_alive, children)), 60)
        assert wait_for(lambda: everything_in(tmp_path) == ["out"], 60)


def test_what_a_killed_run_removes_itself_meanwhile_is_no_error_of_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "interrupted", lambda out: [out / ".running-0123456789ab"])
    process._tidy(tmp_path)
    assert everything_in(tmp_path) == []


def test_what_ended_is_not_waited_for_where_its_parent_takes_no_note_of_that():
    code = "import os, time\nif pid := os.fork():\n    print(pid, flush=True)\n    time.sleep(30)"
    reading, writing = os.pipe()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent, open(reading):
        ended = spare.Spare(int(parent.stdout.readline()), writing)
        assert wait_for(lambda: not is_alive(ended), 20)
        process._stop(ended, "of no run")
        assert parent.poll() is None
        parent.kill()


def test_a_worker_that_fails_says_so_by_its_code():
    command = [*spare.COMMAND, "notebook", "no such order"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 1


def test_two_runs_at_once_do_not_collide(tmp_path):
    command = [sys.executable, "-m", "toolkit", "run", str(NOTEBOOKS / "echoes.ipynb"), "-p", "data", "a"]
    (tmp_path / "my_own_module.py").write_text("VALUE = 1")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) for _ in range(2)]
    done = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    assert [code for *_, code in done] == [0, 0], done
    reports = {Path(out.splitlines()[-1]) for out, *_ in done}
    assert len(reports) == 2
    assert all(path.is_file() for path in reports)
    assert len([path for path in (tmp_path / "reports").iterdir() if path.is_dir()]) == 2
    index = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert all(path.parent.name in index for path in reports)


class TestSettle:
    def job(self, out, name=None):
        staging = out / f".running-{len(list(out.iterdir()))}"
        staging.mkdir()
        (staging / "notebook.ipynb").touch()
        schema = runner.Schema(NOTEBOOKS / "breaks.ipynb")
        job = runner._Job(schema, {}, staging, name)
        job.started = datetime(2026, 1, 2, 3, 4, 5)
        return job

    def test_a_taken_name_gets_a_number(self, tmp_path):
        names = [self.job(tmp_path).settle(None).name for _ in range(3)]
        assert names == ["20260102-030405-breaks-breaks" + ending for ending in ("", "-2", "-3")]

    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Ünïcode / Näme", "unicode-name"),
            ("表", "breaks"),
            ("../../etc", "etc"),
            ("x" * 99, "x" * 40),
            ("", "breaks"),
        ],
    )
    def test_a_name_is_short_and_plain(self, tmp_path, name, slug):
        assert self.job(tmp_path, name).settle(None).name == f"20260102-030405-breaks-{slug}"


class TestTidyNotebook:
    @pytest.mark.parametrize("left", [None, "", '{"cells": [{"cell_type": "co'])
    def test_what_was_cut_off_is_made_from_the_template(self, tmp_path, left):
        path = tmp_path / "notebook.ipynb"
        if left is not None:
            path.write_text(left)
        tidy_notebook(path, NOTEBOOKS / "breaks.ipynb", Failure("ProcessDied", "gone"))
        (error,) = outputs(path)
        assert (error["ename"], error["evalue"]) == ("ProcessDied", "gone")

    def test_an_error_of_its_own_is_enough(self, tmp_path):
        path = tmp_path / "notebook.ipynb"
        error = {"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": []}
        cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [error]}
        path.write_text(json.dumps({"cells": [cell, cell], "metadata": {}}))
        tidy_notebook(path, path, Failure("ValueError", "x"))
        assert outputs(path) == [error, error]


def test_a_run_shows_its_verdict_and_a_link_in_a_notebook(tmp_path):
    shown = runner.Run(tmp_path / "one<b>", tmp_path / "report.html", None, 1.0)._repr_html_()
    assert shown.startswith('<div class="tk-result">')
    assert "one&lt;b&gt;" in shown
    assert shown.endswith(' target="_blank">Open the report</a></p>')
