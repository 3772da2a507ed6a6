"""One boundary: whatever goes wrong ends in one message, an exit code, and nothing a terminal would obey."""

import contextlib
import errno
import http.server
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import nbformat
import psutil
import pytest
from click.testing import CliRunner
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell
from sample_notebook import notebook_of

import toolkit as tk
from toolkit import doctor
from toolkit.card.content import read_author, write_author_file
from toolkit.cli import main
from toolkit.console import Commands
from toolkit.core.resources import write_text
from toolkit.core.result import Candidate, Record
from toolkit.core.words import masked
from toolkit.data.read import read_table
from toolkit.data.schema import Schema
from toolkit.errors import InputError
from toolkit.policy.policy import read_policy
from toolkit.registry import lifecycle, tracking
from toolkit.registry.store import beside, connect
from toolkit.report import render as report
from toolkit.runs import parameters, runner

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def command_that(work):
    made = Commands("toolkit")
    made.command("work")(work)
    return lambda: CliRunner().invoke(made, ["work"])


def raiser(error):
    def work():
        raise error

    return work


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code", "said"),
        [
            (MemoryError(), 3, "not enough memory"),
            (RecursionError("deep"), 2, "nested too deeply"),
            (
                OSError(errno.ENOSPC, "No space left", "/reports/a"),
                3,
                "no room on the disk for '/reports/a'. Make some",
            ),
            (OSError(errno.EDQUOT, "Disk quota exceeded"), 3, "There is no room on the disk. Make some"),
            (PermissionError(errno.EACCES, "Permission denied", "/reports/a"), 2, "Permission denied"),
            (InputError("What was given."), 2, "Error: What was given."),
        ],
    )
    def test_what_a_user_or_a_machine_can_cause(self, error, code, said):
        done = command_that(raiser(error))()
        assert (done.exit_code, said in done.stderr) == (code, True)
        assert "Traceback" not in done.output

    def test_a_fault_of_the_toolkit_leaves_a_file_that_says_where(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        done = command_that(raiser(ZeroDivisionError("https://me:secret@host/x?token=abc")))()
        assert done.exit_code == 4
        (file,) = tmp_path.iterdir()
        assert str(file) in done.stderr
        text = file.read_text()
        assert "ZeroDivisionError" in text
        assert "raise error" in text
        assert "Send this file" in text.splitlines()[-1]
        assert not any(secret in text + done.stderr for secret in ("secret", "abc"))


class TestFilesThatAreAskedFor:
    WRITERS = (
        lambda path: tk.summarize(tk.load_dataset("wine")).save(path),
        lambda path: tk.load_dataset("wine").schema.save(path),
        write_author_file,
        lambda path: parameters.new_template("made", path.parent),
        lambda path: report.write_history(path, name="a", now=dict.fromkeys(lifecycle.ALIASES), records=[], faults=[]),
    )

    @pytest.mark.parametrize("write", WRITERS)
    def test_a_full_disk_leaves_no_half_of_one(self, write, tmp_path, monkeypatch):
        def full(path, *_, **__):
            path.touch()
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "made.html")
        assert list(tmp_path.iterdir()) == []

    def test_a_link_stays_one_and_a_device_is_no_file(self, tmp_path):
        (tmp_path / "link").symlink_to("file")
        os.mkfifo(tmp_path / "pipe")
        assert write_text(tmp_path / "link", "a") == tmp_path / "link"
        assert ((tmp_path / "link").is_symlink(), (tmp_path / "file").read_text()) == (True, "a")
        with pytest.raises(InputError, match=r"Cannot write '.*pipe': there is something else of that name\."):
            write_text(tmp_path / "pipe", "a")
        assert (tmp_path / "pipe").is_fifo()


class TestTerminal:
    def test_no_escape_and_no_secret_reaches_it(self):
        def work():
            click.echo("a\x1b[31mb\x07\x9b1m\u202ec\nd")
            click.echo("s3 https://u:pw@host/a.csv?sig=12ab&year=1", err=True)
            raise InputError("bad \x1b]0;title\x07 postgresql://u:pw@host/db")

        done = command_that(work)()
        assert done.stdout == "ab  1m c\nd\n"  # click takes whole codes out itself
        assert done.stderr.splitlines() == [
            "s3 https://***@host/a.csv?sig=***&year=1",
            "Error: bad  ]0;title  postgresql://***@host/db",
        ]

    @pytest.mark.parametrize(("target", "code"), [("| head -c 0", 0), (">&-", 0), ("> /dev/full", 3)])
    def test_a_reader_that_is_gone_is_no_failure(self, target, code):
        shell = f"set -o pipefail; {sys.executable} -m toolkit templates {target}"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.splitlines()) == (code > 0)

    def test_a_stream_of_ones_own_is_left_alone(self):
        with contextlib.redirect_stdout(io.StringIO()) as given:
            command_group = Commands("toolkit")
            command_group.command("work")(lambda: click.echo("a"))
            command_group.main(["work"], standalone_mode=False)
        assert given.getvalue() == "a\n"


class TestReading:
    def test_a_device_a_pipe_or_a_socket_is_refused_at_once(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.csv")
        for path in (tmp_path / "pipe.csv", "/dev/zero", "/dev/null"):
            with pytest.raises(InputError, match="is a device, a pipe or a socket"):
                read_table(path)

    @pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip", "zst"])
    def test_a_small_file_cannot_fill_the_memory(self, tmp_path, monkeypatch, suffix):
        import pandas as pd

        path = tmp_path / f"many.csv.{suffix}"
        pd.DataFrame({"a": range(20_000)}).to_csv(path, index=False)
        assert len(read_table(path).frame) == 20_000
        monkeypatch.setenv("TOOLKIT_MOST_UNPACKED_GB", "0.0001")
        with pytest.raises(InputError, match=r"more than 0\.0001 GB.*TOOLKIT_MOST_UNPACKED_GB"):
            read_table(path)

    def test_an_address_takes_variables(self, tmp_path, monkeypatch):
        (tmp_path / "a.csv").write_text("a,b\n1,2\n")
        monkeypatch.setenv("PLACE", str(tmp_path))
        assert read_table("${PLACE}/a.csv").source == "${PLACE}/a.csv"
        assert read_table("file://${PLACE}/a.csv").frame.shape == (1, 2)
        with pytest.raises(InputError, match="NOSUCH is not set"):
            read_table("https://host/a.csv?sig=${NOSUCH}")


TAGS = ["!!int ''", "!!float ''", "!!bool x", "!!timestamp x", '"\\U00110000"', '"\\ud800"', "!!set [a]", "{? [a] : b}"]


@pytest.mark.parametrize("value", [*TAGS, "[" * 3000 + "]" * 3000, "{a: " * 3000 + "1" + "}" * 3000])
@pytest.mark.parametrize(
    "read", [Schema.load, read_policy, read_author, parameters.Schema(parameters.find_template("drift")).read_file]
)
def test_yaml_that_is_none_is_refused(read, value, tmp_path):
    path = tmp_path / "odd.yaml"
    for form in ("{}", "? {}\n: 1", "columns: {}", "columns: {{a: {{kind: {}}}}}"):
        path.write_text(form.format(value), encoding="utf-8")
        with pytest.raises(InputError):
            read(path)


SECRETS = {
    "postgresql://ann:p@ss:w0rd@host/shop": "postgresql://***@host/shop",
    "https://host/a.csv?year=1994&sig=d3%2Fb0": "https://host/a.csv?year=1994&sig=***",
    "https://host/a.csv?X-Amz-Credential=AK&X-Amz-Signature=12ab": "https://host/a.csv?X-Amz-Credential=***&X-Amz-Signature=***",
    "https://host/a.csv?access_token=ab.cd": "https://host/a.csv?access_token=***",
    "https://host/a.csv?api_key=12&n=1": "https://host/a.csv?api_key=***&n=1",
    "abfs://host;AccountKey=a+b==;x=1": "abfs://host;AccountKey=***;x=1",
    "https://host/a?password=1&pwd=2&session=3&jwt=4": "https://host/a?password=***&pwd=***&session=***&jwt=***",
    "https://me@host/a": "https://***@host/a",
    "mysql://me:pa#ss@db": "mysql://***@db",
    "postgresql://me:pa?ss@db": "postgresql://***@db",
    "postgresql://me:pa/ss@db/runs": "postgresql://***@db/runs",
    "postgresql://me:p'a@db": "postgresql://***@db",
    "s3://AKIA:ab/cd+e@bucket": "s3://***@bucket",
    "postgresql://me:1234@db": "postgresql://***@db",
    "postgresql://me:secret${X}@db": "postgresql://***@db",
    "https://h/a?key=${A}realsecret": "https://h/a?key=***",
    "https://h/a#access_token=abc": "https://h/a#access_token=***",
    "https://h/a?pass=abc&n=1": "https://h/a?pass=***&n=1",
    "mssql+pyodbc:///?odbc_connect=D%3D1%3BPWD%3Dsecret": "mssql+pyodbc:///?odbc_connect=***",
    "Max retries exceeded with url: /a.csv?sig=abc (x)": "Max retries exceeded with url: /a.csv?sig=*** (x)",
    "https://h/a?clientSecret=abcä&sv=1": "https://h/a?clientSecret=***&sv=1",
    "good.csv?sig=abc": "good.csv?sig=***",
    # No secrets: variables, a mark in a path, a question in a text, mail.
    "postgresql://${DB_USER}:${DB_PASSWORD}@host/shop": "postgresql://${DB_USER}:${DB_PASSWORD}@host/shop",
    "postgresql://ann:${DB_PASSWORD}@host/shop": "postgresql://ann:${DB_PASSWORD}@host/shop",
    "https://host/a?sig=${SIG}&n=1": "https://host/a?sig=${SIG}&n=1",
    "https://host/~ann@home/a.csv": "https://host/~ann@home/a.csv",
    "https://host?by=ann@home": "https://host?by=ann@home",
    "see https://host or mail ann@host": "see https://host or mail ann@host",
    "sort(key=len)": "sort(key=len)",
    "x = 1;key=min(x, 2)": "x = 1;key=min(x, 2)",
    "if (a&&key==b)": "if (a&&key==b)",
    "f'https://h/a?token={TOKEN}'": "f'https://h/a?token={TOKEN}'",
    "f'postgresql://{user}:{pw}@{host}/db'": "f'postgresql://{user}:{pw}@{host}/db'",
    "https://h/a?design=blue&author=ann&keyword=x": "https://h/a?design=blue&author=ann&keyword=x",
    "/data/x;authors=3/y": "/data/x;authors=3/y",
    "https://host:8080/~ann@home": "https://host:8080/~ann@home",
    "['https://a:1/x', 'b@c']": "['https://a:1/x', 'b@c']",
}


@pytest.mark.parametrize("text", SECRETS)
def test_what_an_address_hides_is_masked(text):
    assert masked(text) == SECRETS[text]
    assert masked(f'"data = \\"{text}\\""') == f'"data = \\"{SECRETS[text]}\\""'
    assert masked({"data": [text, 1], "other": None}) == {"data": [SECRETS[text], 1], "other": None}


class TestKilledRuns:
    def test_what_a_killed_run_wrote_is_kept_and_said(self, tmp_path, capsys, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
        Path("my_own_module.py").write_text("VALUE = 1")
        out = tmp_path / "reports"
        for name in ("000000000001", "000000000002", "000000000003"):
            (out / f".running-{name}").mkdir(parents=True)
            (tmp_path / "scratch" / f"toolkit-run-{name}-abc").mkdir(parents=True)
        (out / ".running-000000000001" / "notebook.ipynb").write_text("{}")
        with FileLock(out / ".running-000000000003.lock"):
            found = next(one.found for one in doctor.examine(out) if one.name == "Reports")
            assert [f"00{n}" in found for n in (1, 2, 3)] == [True, True, False]
            runner.run(NOTEBOOKS / "echoes.ipynb", {"data": "a"}, out=out)
            names = sorted(one.name for one in out.iterdir() if one.is_dir())
        assert [name.partition("-0000")[2] for name in names if "INTERRUPTED" in name] == ["00000001-INTERRUPTED"]
        assert [name for name in names if name.startswith(".running")] == [".running-000000000003"]
        assert [one.name[-7:] for one in (tmp_path / "scratch").iterdir() if one.is_dir()] == ["003-abc"]
        assert capsys.readouterr().err.count("INTERRUPTED") == 1

    def test_what_a_notebook_writes_for_a_while_is_removed_after_it(self, tmp_path):
        place = tmp_path / "own.ipynb"
        source = "import tempfile\nprint(tempfile.mkdtemp())"
        parameters = new_code_cell("n: int = 1  # a number", metadata={"tags": ["parameters"]})
        nbformat.write(notebook_of(new_markdown_cell("# Own"), parameters, new_code_cell(source)), place)
        done = runner.run(place, out=tmp_path / "reports")
        written = nbformat.read(done.folder / "notebook.ipynb", as_version=4).cells[-1].outputs[0]["text"].strip()
        assert Path(written).is_absolute()
        assert not Path(written).exists()

    def test_a_tracked_run_whose_folder_is_gone_is_called_killed(self, tmp_path, monkeypatch):
        out = tmp_path / "reports"
        out.mkdir()
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for name in ("gone", "there"):
            monkeypatch.setenv("TOOLKIT_RUN_FOLDER", str(tmp_path / name))
            records = [Record(candidates=[Candidate(f"candidate of {name}", {}, {})])]
            logged = tracking.log_run(records, {}, experiment="e", name=name, parameters={}, tags={}, out=out)
            with connect(beside(out)) as client:
                for one in client.search_runs([logged.experiment_id], "status = 'FINISHED'"):
                    client.update_run(one.info.run_id, status="RUNNING")
        (tmp_path / "there").mkdir()
        monkeypatch.delenv("TOOLKIT_RUN_FOLDER")
        tracking.log_run([], {}, experiment="e", name="later", parameters={}, tags={}, out=out)
        with connect(beside(out)) as client:
            runs = client.search_runs([logged.experiment_id])
            assert {one.info.run_name: one.info.status for one in runs} == {
                "gone": "KILLED",
                "candidate of gone": "KILLED",
                "there": "RUNNING",
                "candidate of there": "RUNNING",
                "later": "FINISHED",
            }


@pytest.mark.slow
def test_a_time_limit_ends_soon(tmp_path):
    began = time.monotonic()
    command = [sys.executable, "-m", "toolkit", "run", str(NOTEBOOKS / "sleeps.ipynb"), "--timeout", "6"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3
    assert "time limit of 6 seconds" in done.stderr
    print(f"{time.monotonic() - began:.1f} s for a limit of 6 s")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    data = tk.load_dataset("wine")
    out = tmp_path_factory.mktemp("whole") / "reports"
    return tk.write_report(data, tk.split_dataset(data), title="Whole", out=out).folder


@pytest.mark.parametrize("content", ["", '{"schema": 0}', "[]"])
@pytest.mark.parametrize(
    "command", ["gate {} --policy standard", "register {} any --by me", "reproduce {}", "track {}", "card diff {} {}"]
)
def test_a_report_without_its_results_is_refused_by_name(whole, tmp_path, command, content):
    report = Path(shutil.copytree(whole, tmp_path / "report"))
    (report / "results.json").write_text(content) if content else (report / "results.json").unlink()
    done = CliRunner().invoke(main, [part.format(report) for part in command.split()])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "results.json" in done.stderr


@pytest.mark.parametrize("command", ["gate {} --policy standard", "register {} any --by me", "card diff {} {}"])
def test_results_of_another_version_are_refused_as_such(tmp_path, command):
    (tmp_path / "results.json").write_text('{"schema": 0}')
    done = CliRunner().invoke(main, [part.format(tmp_path) for part in command.split()])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "results.json' was written by another version (schema 0; this one reads 1)" in done.stderr


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a,y\n" + b"1,0\n2,1\n" * 40)

    def log_message(self, *_):
        pass


def test_no_output_holds_a_secret_of_an_address(tmp_path):
    """Neither the report, nor the notebook, nor MLflow, nor a message shows what an address holds in secret."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/a.csv?token=s3cr3tvalue&year=1994"
        command = [sys.executable, "-m", "toolkit", "run", "experiment", "-p", "data", address, "-p", "target", "y"]
        done = subprocess.run(command, capture_output=True, cwd=tmp_path)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    held = [path for path in tmp_path.rglob("*") if path.is_file() and b"s3cr3tvalue" in path.read_bytes()]
    assert held == []
    assert b"s3cr3tvalue" not in done.stdout + done.stderr
    results = next(tmp_path.glob("reports/*/results.json")).read_text()
    assert "token=***&year=1994" in results


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_AS"), reason="the system has no such limit")
@pytest.mark.parametrize("gigabytes", [1, 1.5, 2])
def test_too_little_address_space_is_refused_at_once(tmp_path, gigabytes):
    """Under such a limit threads of OpenBLAS wait forever, so there is no run that could end in a message."""
    resource = pytest.importorskip("resource")
    limit = int(gigabytes * 1e9)
    command = [sys.executable, "-m", "toolkit", "run", "experiment", "-p", "data", "wine"]
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, **limited)
    said = f"Error: Address space is limited to {gigabytes:.1f} GB (ulimit -v), and a run reserves more than it uses."
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"{said} Allow 4 GB, or limit real memory, as containers do."]
    assert list(tmp_path.iterdir()) == []
