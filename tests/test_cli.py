"""The command line: what it prints, what it ends with, what it loads, and that wrong input leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import toolkit
from toolkit import doctor
from toolkit.cli import main
from toolkit.console import printable, text_table
from toolkit.core.estimate import Estimate
from toolkit.core.result import DataInfo
from toolkit.core.results import Results, RunInfo
from toolkit.data.datasets import BUILT_IN
from toolkit.data.load import load_dataset
from toolkit.data.schema import Schema
from toolkit.errors import InputError, RunError
from toolkit.runs.runner import Run

NOTEBOOKS = Path(__file__).parent / "notebooks"
ROOT = Path(__file__).parent.parent
ECHOES = str(NOTEBOOKS / "echoes.ipynb")
HEAVY = ("pandas", "numpy", "scipy", "sklearn", "mlflow", "matplotlib", "papermill", "nbconvert", "nbformat", "optuna")


def coded_table(path):
    """Write a table with codes and dates whose day comes first."""
    rows = (f"00{7 + n % 3},{n % 28 + 1:02}/{n % 5 + 2:02}/2021,{'yes' if n % 7 < 3 else 'no'}" for n in range(60))
    path.write_text("\n".join(["zip,start,buys", *rows]) + "\n")
    return path


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def shell(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "toolkit", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Be in an empty folder, which must be empty afterwards too."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.rglob("*")) == []


@pytest.fixture
def recorded(monkeypatch):
    """Replace the runner by one that only writes down how it was called."""
    calls = []

    def run(template, parameters, **options):
        calls.append((template, dict(parameters), options))
        folder = Path(options["out"]) / "20260102-030405-echoes-a"
        results = Results(data=DataInfo("t"), scalars={}, title="Ü", mlflow=RunInfo(model_uri="models:/m-1"))
        return Run(folder, folder / "report.html", results, 1.26)

    monkeypatch.setattr("toolkit.run", run)
    return calls


class TestCost:
    @pytest.mark.parametrize(
        "arguments", [["--help"], ["params", "experiment"], ["templates"], ["data"], ["--version"]]
    )
    def test_looking_loads_nothing_heavy(self, arguments):
        code = f"import sys\nfrom toolkit.cli import main\nmain({arguments!r}, standalone_mode=False)\n" + (
            f"print([name for name in {HEAVY!r} if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"


class TestHelp:
    @pytest.mark.parametrize("name", sorted(main.commands))
    def test_every_command_shows_an_example_that_it_takes(self, name):
        help_text = call(name, "--help").output
        (example,) = (line.strip() for line in help_text.splitlines() if line.strip().startswith("Example:"))
        words = example.removeprefix("Example: toolkit ").split()
        assert words[0] == name
        command = main.commands[name]
        command.make_context(name, words[1:], resilient_parsing=False)

    def test_lists_every_command(self):
        output = call("--help").output
        for name in ("run", "params", "templates", "data", "render", "index", "demo", "doctor"):
            assert f"  {name} " in output
        commands = output.partition("Commands:")[2]
        assert "..." not in commands

    def test_says_its_version(self):
        assert toolkit.__version__ in call("--version").output


class TestRun:
    def test_prints_the_report_last_and_passes_typed_values(self, recorded, tmp_path):
        file = tmp_path / "given.yaml"
        file.write_text("data: from file\nseed: 4\nsensitive: [x]\n")
        result = call(
            *("run", ECHOES, "-p", "data", "-1", "-p", "sensitive", "a b", "-p", "sensitive", "--", "-f", file),
            *("--timeout", "9.5", "--out", tmp_path / "out"),
        )
        assert result.exit_code == 0
        report = tmp_path / "out" / "20260102-030405-echoes-a" / "report.html"
        assert result.stdout.splitlines()[-1] == str(report)
        values = {"data": "-1", "seed": 4, "sensitive": ["a b", "--"]}
        options = {"out": tmp_path / "out", "timeout": 9.5, "require_tracking": False}
        assert recorded == [(ECHOES, values, options)]

    def test_json_is_one_line_for_machines(self, recorded, tmp_path):
        summary = json.loads(call("run", ECHOES, "-p", "data", "a", "--out", tmp_path, "--json").stdout)
        assert summary["report"].endswith("report.html")
        assert summary["seconds"] == 1.3
        assert (summary["results"]["title"], summary["results"]["mlflow"]["model_uri"]) == ("Ü", "models:/m-1")

    def test_a_real_run_keeps_stdout_for_the_result(self, tmp_path):
        (tmp_path / "my_own_module.py").write_text("VALUE = 1")
        done = shell("run", ECHOES, "-p", "data", "a", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        assert Path(line).is_file()
        assert " s  Echoes\n" in done.stderr

    def test_a_failed_run_ends_with_3_and_names_its_folder(self, tmp_path, tmp_path_factory):
        uri = f"sqlite:///{tmp_path_factory.getbasetemp() / 'runs.db'}"
        done = shell("run", NOTEBOOKS / "breaks.ipynb", cwd=tmp_path, MLFLOW_TRACKING_URI=uri)
        assert done.returncode == 3
        assert done.stdout == ""
        assert "Error: The notebook stopped. ZeroDivisionError" in done.stderr
        assert "Traceback" not in done.stderr
        (folder,) = (tmp_path / "reports").glob("*-FAILED")
        assert str(folder / "report.html") in done.stderr


class TestWrongInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["run", "experimnt"], "There is no template 'experimnt'. Did you mean 'experiment'?"),
            (["run", "nowhere/own.ipynb"], "There is no notebook 'nowhere/own.ipynb'"),
            (["run", ECHOES], "needs the parameter 'data'"),
            (["run", ECHOES, "-p", "dta", "a"], "no parameter 'dta'. Did you mean 'data'?"),
            (["run", ECHOES, "-p", "data", "a", "-p", "seed", "x"], "Parameter 'seed' must be a whole number, not 'x'"),
            (["run", ECHOES, "-f", "none.yaml"], "Cannot read the parameters file 'none.yaml'"),
            (["run", ECHOES, "-p", "data", "a", "--timeout", "0"], "The time limit must be more than 0 seconds"),
            (["run", ECHOES, "-p", "data", "a", "--out", "/dev/null"], "Cannot write reports in '/dev/null'"),
            (["params", "experimnt"], "Did you mean 'experiment'?"),
            (["data", "census_incme"], "census_incme"),
            (["data", "none.csv"], "none.csv"),
            (["data", "wine", "--target", "cultivr"], "Did you mean 'cultivar'?"),
            (["render", "none.ipynb"], "none.ipynb"),
            (["index", "nowhere"], "There is no folder 'nowhere'"),
            (["container", "models:/none@champion", "--out", "box"], "There is no model 'models:/none@champion'"),
            (["container", "none.pkl", "--out", "box"], "There is no model 'none.pkl'"),
            (["container", "models:/none@champion", "--out", "."], "'.' is there already"),
        ],
    )
    def test_one_clear_message_exit_code_2_and_nothing_left(self, empty, arguments, message):
        result = call(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert result.stdout == ""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["rum"], "No such command 'rum'"),
            (["run", ECHOES, "-p", "data"], "requires 2 arguments"),
            (["run", ECHOES, "-p", "data=a.csv", "-p", "target=y"], "write -p data a.csv"),
            (["run", ECHOES, "--timeout", "soon"], "not a valid float"),
            (["run"], "Missing argument 'TEMPLATE'"),
            (["container", "models:/none@champion"], "Missing option '--out'"),
            (["data", "wine", "--targt", "x"], "--target"),
        ],
    )
    def test_wrong_usage_ends_with_2(self, empty, arguments, message):
        result = call(*arguments)
        assert result.exit_code == 2
        assert message in result.stderr

    def test_the_tracking_server_is_asked_before_anything_starts(self, empty, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        result = call("run", ECHOES, "-p", "data", "a", "--require-tracking")
        assert result.exit_code == 2
        assert "cannot be used" in result.stderr


class TestErrors:
    @pytest.fixture
    def failing(self, monkeypatch):
        def fail(error):
            def run(*_, **__):
                raise error

            monkeypatch.setattr("toolkit.run", run)
            return call("run", ECHOES, "-p", "data", "a")

        return fail

    @pytest.mark.parametrize(("error", "code"), [(InputError("no"), 2), (RunError("no", Path("x")), 3)])
    def test_an_error_gives_its_exit_code_and_no_traceback(self, failing, monkeypatch, error, code):
        monkeypatch.delenv("TOOLKIT_DEBUG", raising=False)
        result = failing(error)
        assert (result.exit_code, result.stderr, result.stdout) == (code, "Error: no\n", "")

    @pytest.mark.parametrize("command", ["run", "sweep --over seed=1,2"])
    def test_a_current_folder_that_is_gone_is_said(self, tmp_path, command):
        asked = f"{sys.executable} -m toolkit {command} {ECHOES} -p data a --out {tmp_path}/reports"
        script = f"mkdir {tmp_path}/gone; cd {tmp_path}/gone; rmdir {tmp_path}/gone; {asked}"
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=False)
        assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
        assert done.stderr.endswith("Error: The system refused: the current folder: No such file or directory.\n")

    def test_debugging_adds_the_traceback(self, failing, monkeypatch):
        monkeypatch.setenv("TOOLKIT_DEBUG", "1")
        result = failing(InputError("no"))
        assert result.exit_code == 2
        assert "Traceback" in result.stderr
        assert result.stderr.endswith("Error: no\n")

    def test_an_interrupt_ends_with_130(self, failing):
        result = failing(KeyboardInterrupt())
        assert (result.exit_code, result.stderr.strip()) == (130, "Stopped.")

    def test_a_closed_pipe_is_quiet(self):
        command = f"{sys.executable} -m toolkit params experiment | true"
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.stderr == ""

    @pytest.mark.parametrize("stderr", ["&-", "/dev/full"])
    def test_progress_that_nobody_can_read_costs_no_report(self, tmp_path, stderr):
        command = f"{sys.executable} -m toolkit run {ECHOES} -p data wine --out {tmp_path}/reports 2>{stderr}"
        (tmp_path / "my_own_module.py").write_text("VALUE = 1")
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        how = {"cwd": tmp_path, "env": environ, "stdout": subprocess.PIPE, "text": True}
        done = subprocess.run(["bash", "-c", command], **how, check=False)
        assert done.returncode == 0
        assert Path(done.stdout.strip()).is_file()

    def test_warnings_as_errors_cost_no_report(self, tmp_path):
        (tmp_path / "my_own_module.py").write_text("VALUE = 1")
        done = shell("run", ECHOES, "-p", "data", "wine", cwd=tmp_path, PYTHONWARNINGS="error")
        assert (done.returncode, "Traceback" in done.stderr) == (0, False)

    @pytest.mark.parametrize("stderr", ["&-", "/dev/full"])
    def test_a_refusal_that_nobody_can_read_ends_with_its_code(self, tmp_path, stderr):
        command = f"{sys.executable} -m toolkit params experimant 2>{stderr}"
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 2

    def test_a_terminal_that_cannot_write_a_letter_gets_a_question_mark(self, tmp_path):
        done = shell("data", "census_incme", cwd=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


class TestLooking:
    def test_params_lists_types_defaults_and_help(self):
        lines = call("params", ECHOES).output.splitlines()
        assert lines[:2] == ["Echoes", "What does a notebook see of its parameters and its surroundings?"]
        rows = [line.split(maxsplit=1) for line in lines[4:]]
        assert [row[0] for row in rows][:3] == ["data", "target", "sensitive"]
        assert rows[0][1].split() == ["str", "required", "a", "text", "that", "must", "be", "given"]
        assert "none" in rows[1][1]

    def test_templates_lists_the_experiment(self):
        assert "experiment  How well can" in call("templates").output

    def test_data_lists_the_built_in_tables(self):
        output = call("data").output
        assert all(name in output for name in BUILT_IN)

    def test_data_profiles_a_built_in_table(self):
        output = call("data", "wine").output
        assert "wine: 178 rows, 14 columns; multiclass task" in output
        assert "alcohol " in output
        assert "DATA-FEW-ROWS" in output

    def test_data_profiles_a_file_with_and_without_a_target(self, tmp_path):
        path = tmp_path / "own table.csv"
        rows = "".join(
            f"{number},{'yes' if number % 3 else 'no'},{'left' if number % 2 else 'right'}\n" for number in range(30)
        )
        path.write_text("a b,<i>é\x1b[31m\x1b,side\n" + rows, encoding="utf-8")
        plain = call("data", path)
        assert plain.exit_code == 0, plain.stderr
        assert "30 rows, 3 columns" in plain.stdout
        assert "\x1b" not in plain.stdout
        aimed = call("data", path, "--target", "side", "--sensitive", "a b")
        assert aimed.exit_code == 0, aimed.stderr
        assert "30 rows, 3 columns; binary task" in aimed.stdout

    def test_data_says_how_a_table_is_read_and_reads_it_so_again(self, tmp_path):
        table, schema = coded_table(tmp_path / "own.csv"), tmp_path / "schema.yaml"
        first = call("data", table, "--target", "buys", "--positive", "no", "--save", schema)
        assert first.exit_code == 0, first.stderr
        shown = [line.split() for line in first.stdout.splitlines()]
        assert ["zip", "feature", "text", "007", "numbers", "would", "not", "give", "its", "spelling", "back"] in shown
        assert ["start", "feature", "dates", "as", "%d/%m/%Y", "01/02/2021"] in [line[:6] for line in shown]
        assert first.stdout.splitlines()[-1] == str(schema)
        assert Schema.load(schema) == load_dataset(table, target="buys", positive="no").schema
        again = call("data", table, "--schema", schema)
        columns, _, said = again.stdout.partition("severity")
        assert columns == first.stdout.partition("severity")[0]
        assert "DATA-FEW-ROWS" in said  # what the schema has settled is not said again
        assert "DATA-DATES" not in said

        schema.write_text(schema.read_text().replace("dates: '%d/%m/%Y'", "dates: '%m/%d/%Y'"))
        edited = call("data", table, "--schema", schema)
        assert "DATA-FORMAT-CHANGED" in edited.stdout
        schema.write_text(schema.read_text().replace("kind: date", "kind: dte"))
        slip = call("data", table, "--schema", schema)
        assert (slip.exit_code, slip.stdout) == (2, "")
        assert "columns.start.kind" in slip.stderr
        assert "Did you mean 'date'?" in slip.stderr

    def test_data_never_writes_a_schema_over_a_file(self, tmp_path):
        table, schema = coded_table(tmp_path / "own.csv"), tmp_path / "schema.yaml"
        schema.write_text("edited by hand")
        done = call("data", table, "--save", schema)
        assert (done.exit_code, done.stdout, schema.read_text()) == (2, "", "edited by hand")
        assert "already" in done.stderr
        assert call("data", "--save", tmp_path / "new.yaml").exit_code == 2
        assert call("data", table, "--save", tmp_path / "new.yaml").exit_code == 0
        assert call("data", table, "--schema", tmp_path / "new.yaml").exit_code == 0

    def test_index_and_render_print_their_file(self, tmp_path):
        executed = tmp_path / "own.ipynb"
        executed.write_text((NOTEBOOKS / "breaks.ipynb").read_text())
        assert Path(call("render", executed).stdout.strip()) == tmp_path / "own.html"
        assert Path(call("render", executed, "-o", tmp_path / "b.html").stdout.strip()).is_file()
        assert Path(call("index", tmp_path).stdout.strip()) == tmp_path / "index.html"

    def test_a_page_replaces_nothing_but_a_page(self, tmp_path):
        executed = tmp_path / "own.ipynb"
        executed.write_text((NOTEBOOKS / "breaks.ipynb").read_text())
        (tmp_path / "kept.csv").write_text("a,b")
        os.mkfifo(tmp_path / "pipe")
        assert call("render", executed, "-o", tmp_path / "b.html").exit_code == 0
        assert call("render", executed, "-o", tmp_path / "b.html").exit_code == 0
        (tmp_path / "link").symlink_to("b.html")
        for name in ("kept.csv", "pipe", "link"):
            refused = call("render", executed, "-o", tmp_path / name)
            assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
            assert f"{name}' is no page of the toolkit" in refused.stderr
        assert (tmp_path / "kept.csv").read_text() == "a,b"
        assert (tmp_path / "pipe").is_fifo()
        assert (tmp_path / "link").is_symlink()
        (tmp_path / "index.html").write_text("<!DOCTYPE html><p>My own.")
        assert call("index", tmp_path).exit_code == 2

    def test_compare_names_versions_of_one_model(self, recorded, tmp_path, monkeypatch):
        checked = []
        monkeypatch.setattr("toolkit.registry.lifecycle.find_version", lambda one, out: checked.append((one, out)))
        assert (
            call("compare", "champion", "3", "--model", "churn", "--data", "new.csv", "--out", tmp_path).exit_code == 0
        )
        assert call("compare", "a.pkl", "b.pkl", "--data", "wine", "-p", "seed", "1", "--out", tmp_path).exit_code == 0
        sides = {"champion": "models:/churn@champion", "challenger": "models:/churn/3"}
        assert checked == [(one, tmp_path) for one in sides.values()]
        assert recorded[0][:2] == ("comparison", {**sides, "data": "new.csv"})
        assert recorded[1][:2] == (
            "comparison",
            {"champion": "a.pkl", "challenger": "b.pkl", "data": "wine", "seed": 1},
        )

    def test_demo_runs_the_experiment_then_drift_and_prints_the_index_last(self, recorded, tmp_path):
        result = call("demo", "--out", tmp_path)
        assert result.exit_code == 0
        assert result.stdout == f"{tmp_path / 'index.html'}\n"
        judged = {"data": "census_income", "periods": ["1994"], "policy": "standard"}
        assert recorded[0][:2] == ("experiment", judged)
        assert recorded[1][0] == "drift"
        assert recorded[1][1]["model"] == "models:/m-1"
        assert recorded[1][1]["current_periods"] == ["1995"]


class TestDoctor:
    def test_a_working_machine_ends_with_0(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        result = call("doctor", "--out", tmp_path / "reports")
        assert result.exit_code == 0, result.output
        assert sys.executable in result.output
        assert list(tmp_path.iterdir()) == []

    def test_problems_are_named_with_their_fix_and_end_with_1(self, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        monkeypatch.setattr(doctor, "_requirements", lambda: ["numpy<1", "no-such-package>=2", "numpy; extra == 'x'"])
        result = call("doctor", "--out", "/dev/null/reports")
        assert result.exit_code == 1
        checks = {check.name: check for check in doctor.examine(Path("/dev/null/reports"))}
        assert [name for name, check in checks.items() if check.state == "problem"] == [
            *("Packages", "numpy", "no-such-package", "Reports", "Tracking")
        ]
        assert checks["Packages"].found == "0 of 2 as required"
        assert 'pip install "no-such-package>=2"' in result.output

    def test_another_kernel_named_python3_is_said(self, tmp_path, monkeypatch):
        folder = tmp_path / "kernels" / "python3"
        folder.mkdir(parents=True)
        spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Other", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        check = doctor._kernel()
        assert check.state == "note"
        assert "/bin/false" in check.found
        assert "ipykernel install" in check.fix


class TestText:
    def test_a_table_aligns_numbers_right_and_shortens_texts(self):
        table = text_table(["name", "n", "what"], [["x" * 60, 1, "y" * 60], ["é\n\x1b[31m", 1000, None]], widest=10)
        assert table.splitlines() == [
            "name            n  what",
            f"{'x' * 6}…xxx      1  {'y' * 60}",
            "é [31m      1,000  –",
        ]

    def test_an_empty_table_is_its_head(self):
        assert text_table(["a", "b"], []) == "a  b"

    def test_nothing_steers_the_terminal(self):
        assert printable("a\x1b]0;title\x07\r\nb\u202ec") == "a ]0;title   b c"


def test_the_commands_are_documented():
    assert all(isinstance(command, click.Command) and command.help for command in main.commands.values())


def test_a_failed_verdict_is_the_exit_code(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("numbers: {data.rows: {min: 100000}}")
    results = Results(data=DataInfo("t"), scalars={"data.rows": Estimate(10)})
    (tmp_path / "results.json").write_text(results.to_json())
    done = CliRunner().invoke(main, ["gate", str(tmp_path), "--policy", str(policy)])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "fail       data.rows 10: at least 100,000. The number does not satisfy it.",
        "fail",
    ]
    done = CliRunner().invoke(main, ["gate", str(tmp_path), "--policy", str(policy), "--json"])
    assert json.loads(done.stdout)["outcome"] == "fail"
    policy.write_text("numbers: {data.rows: {min: 1}}")
    assert CliRunner().invoke(main, ["gate", str(tmp_path), "--policy", str(policy)]).exit_code == 0


@pytest.mark.parametrize("outcome", [None, "pass", "undecided", "ok"])
def test_a_level_to_fail_on_is_said_to_do_nothing_where_no_decision_is_made(outcome, capsys):
    toolkit.cli._exit_by(outcome, "watch")
    assert ("--fail-on watch did nothing" in capsys.readouterr().err) is (outcome != "ok")


def test_a_policy_is_read_before_anything_runs(tmp_path):
    done = CliRunner().invoke(
        main, ["run", "experiment", "-p", "data", "wine", "--policy", "nope", "--out", str(tmp_path / "reports")]
    )
    assert done.exit_code == 2
    assert not (tmp_path / "reports").exists()
