"""Sweeps: what is refused beforehand, what a failing report costs, what killing leaves, and what the page says."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from scipy import stats

from toolkit.cli import main
from toolkit.core.estimate import Estimate, KeyNumber
from toolkit.core.face import cell_html
from toolkit.core.result import DataInfo
from toolkit.core.results import Results, read_results
from toolkit.errors import InputError
from toolkit.report.gallery import Run, SweptReport, sweep_html
from toolkit.runs import runner, spare
from toolkit.runs.parameters import Schema, find_template
from toolkit.runs.spare import is_alive, serving, start
from toolkit.runs.sweep import read_over, sweep

ROOT = Path(__file__).parents[2]
WAYS = ROOT / "tests" / "notebooks" / "ways_to_end.ipynb"
PUBLISHES = ROOT / "tests" / "notebooks" / "publishes.ipynb"
HOSTILE = '<script>alert(1)</script>"&{{ 7*7 }}'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'runs.db'}")


def ask(*arguments):
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


def reports(out, *, ended=""):
    return sorted(
        one for one in out.iterdir() if one.is_dir() and re.fullmatch(rf".*-sweep-[0-9a-f]+{ended}", one.name)
    )


def printed(folder):
    cells = json.loads((folder / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    return "".join("".join(one["text"]) for cell in cells for one in cell.get("outputs", ()) if "text" in one)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--over", "sead=1,2"], "no parameter 'sead'. Did you mean 'seed'?"),
            (["--over", "seed=one,2"], "Parameter 'seed' must be a whole number"),
            (["--over", "seed=1..3", "-p", "test_size", "x"], "Parameter 'test_size' must be"),
            ([], "There is nothing to vary"),
            (["--over", "seed="], "Write --over seed=A,B,C"),
            (["--over", "seed=5..1"], "There is nothing to vary"),
            (["--over", "seed=1,1"], "{'seed': 1} is there twice"),
            (["--over", "seed=1,2", "--over", "seed=3"], "The values of 'seed' are given twice"),
            (["--over", "seed=1,2", "-p", "seed", "3"], "'seed' is varied, and has a fixed value too"),
            (["--over", "seed=1..999999999"], "That would be 999,999,999 reports; a sweep has at most 1,000"),
            (["--over", "seed=1..100", "--over", "tune=1..11"], "That would be 1,100 reports"),
            (["--over", "seed=1,2", "-j", "0"], "jobs must be a whole number of at least 1"),
            (["--over", "seed=1,2", "--timeout", "0"], "more than 0 seconds"),
            (["--over", "policy=standard,standart"], "Did you mean 'standard'?"),
        ],
    )
    def test_before_the_first_run_and_nothing_is_left(self, tmp_path, arguments, said):
        done = ask("experiment", *arguments)
        assert said in done.output
        assert done.exit_code == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "There is nothing to vary"),
            ("seed: []", "There is nothing to vary"),
            ("seed: 3", "must give a list of values of 'seed', not '3'"),
            ("seed: [1, two]", "Parameter 'seed' must be a whole number"),
            ("sead: [1]", "Did you mean 'seed'?"),
            ("- seed", "must map names to values"),
        ],
    )
    def test_a_grid(self, tmp_path, text, said):
        grid = tmp_path / "grid.yaml"
        grid.write_text(text)
        done = ask("experiment", "--grid", grid)
        assert said in done.output
        assert done.exit_code == 2
        assert list(tmp_path.iterdir()) == [grid]

    def test_what_is_varied_is_read_by_its_type(self, tmp_path):
        schema, grid = Schema(find_template("experiment")), tmp_path / "grid.yaml"
        grid.write_text("target: [no, 007]\nsensitive: [[sex, race], []]\n")
        over = read_over(schema, ["seed=-1..2", "test_size=0.1,1", "candidates=logistic,boosting"], grid)
        assert over == {
            "target": ["no", "007"],
            "sensitive": [["sex", "race"], []],
            "seed": [-1, 0, 1, 2],
            "test_size": [0.1, 1.0],
            "candidates": [["logistic"], ["boosting"]],
        }


def made(folder, seed, values, verdict=None):
    """Write a report that holds nothing but results."""
    numbers = tuple(KeyNumber(f"test.{name}", name, value, "test part") for name, value in values.items())
    results = Results(
        template="experiment",
        title=f"Experiment {HOSTILE}",
        data=DataInfo(HOSTILE),
        scalars={},
        key_numbers=numbers,
        parameters={"seed": seed},
    )
    path = folder / f"20260101-00000{seed}-experiment-sweep-{seed}"
    path.mkdir()
    (path / "results.json").write_text(results.to_json())
    (path / "report.html").write_text("")
    return Run(path)


class TestThePage:
    def test_means_over_seeds_are_those_of_scipy(self, tmp_path):
        rng = np.random.default_rng(0)
        values = {target: rng.random(5) for target in "ab"}
        swept = []
        for at, (target, of_target) in enumerate(values.items()):
            for seed, value in enumerate(of_target):
                run = made(tmp_path, 5 * at + seed, {"AUC": Estimate(value, value - 0.1, value + 0.1)})
                swept.append(SweptReport({"target": target, "seed": seed}, None, run, ""))
        page = sweep_html("T", swept)
        for of_target in values.values():
            low, high = stats.t.interval(0.95, 4, of_target.mean(), stats.sem(of_target))
            assert cell_html(Estimate(of_target.mean(), low, high)) in page
            assert all(cell_html(Estimate(value, value - 0.1, value + 0.1)) in page for value in of_target)
        assert "on the same rows: not what new data would give" in page

    @pytest.mark.parametrize(
        ("metric", "values", "low", "high"),
        [
            ("average_precision", (0.091, 0.398), 0.0, 1.0),
            ("log_loss", (0.145, 0.184), 0.0, None),
            ("r2", (0.2, 0.9), None, 1.0),
            ("matthews_corrcoef", (-0.4, 0.9), -1.0, 1.0),
            ("mean_residual", (-2.0, 3.0), None, None),
        ],
    )
    def test_no_interval_of_a_mean_leaves_the_range_of_its_metric(self, tmp_path, metric, values, low, high):
        swept = [
            SweptReport({"seed": at}, None, made(tmp_path, at, {metric: Estimate(value)}), "")
            for at, value in enumerate(values)
        ]
        ends = stats.t.interval(0.95, 1, np.mean(values), stats.sem(values))
        low, high = (end if cut is None else cut for cut, end in zip((low, high), ends, strict=True))
        page = sweep_html("T", swept)
        assert cell_html(Estimate(float(np.mean(values)), low, high)) in page
        assert "cut off where the range of a metric ends" in page

    def test_without_seeds_there_is_no_mean(self, tmp_path):
        run = made(tmp_path, 1, {"AUC": Estimate(0.5)})
        assert "Over seeds" not in sweep_html("T", [SweptReport({"target": "a"}, None, run, "")])

    def test_a_number_that_some_reports_lack_is_averaged_over_the_others(self, tmp_path):
        runs = [
            made(tmp_path, 1, {"AUC": Estimate(0.5)}),
            made(tmp_path, 2, {"AUC": Estimate(0.7), "R2": Estimate(0.1)}),
        ]
        swept = [SweptReport({"seed": at}, None, run, "") for at, run in enumerate([*runs, None])]
        page = sweep_html("T", swept)
        low, high = stats.t.interval(0.95, 1, 0.6, stats.sem([0.5, 0.7]))
        assert cell_html(Estimate(0.6, low, high)) in page
        assert page.count("<tr class=") == 4

    def test_a_number_that_is_not_among_the_first_of_a_report_is_shown_and_averaged_all_the_same(self, tmp_path):
        values = {name: Estimate(place / 10) for place, name in enumerate("abcde", 1)}
        swapped = dict(reversed(values.items()))
        runs = [made(tmp_path, seed, numbers) for seed, numbers in enumerate([values, swapped, values, swapped])]
        swept = [SweptReport({"order": at % 2, "seed": at // 2}, None, run, "") for at, run in enumerate(runs)]
        page = sweep_html("T", swept)
        assert ">not defined<" not in page
        assert all(page.count(f'data-sort="{place / 10}"') == 4 for place in range(1, 6))

    def test_hostile_values_are_inert(self, tmp_path):
        run = made(tmp_path, 1, {HOSTILE: Estimate(0.5)})
        swept = [
            SweptReport({HOSTILE: HOSTILE, "seed": 1}, None, run, ""),
            SweptReport({HOSTILE: 1, "seed": 1}, None, None, HOSTILE),
        ]
        page = sweep_html(HOSTILE, swept)
        assert "<script>alert" not in page
        assert "{{ 7*7 }}" in page
        assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 8


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep over the ways in which a notebook can end, twice asked for."""
    place = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        arguments = (
            WAYS,
            "--over",
            "way=well,raises,dies,exits,hangs",
            "--over",
            "seed=1",
            "-j",
            "2",
            "--timeout",
            "8",
        )
        first = ask(*arguments)
        kept = reports(place / "reports")
        (place / "mended").touch()  # now all ways end well
        return place / "reports", first, kept, ask(*arguments)


class TestIsolation:
    def test_what_fails_costs_only_itself(self, swept):
        out, first, kept, _ = swept
        assert first.exit_code == 3
        assert sorted(json.loads(printed(one).splitlines()[0]) for one in kept) == [["well", 1]]
        assert len(reports(out, ended="-FAILED")) == 4
        for said, times in {
            "ValueError: as asked": 1,
            "KernelDied": 2,
            "stopped at the time limit of 8 seconds": 1,
        }.items():
            assert first.stderr.count(said) == times

    def test_each_has_random_numbers_and_a_session_of_its_own(self, swept):
        drawn = [printed(one).splitlines()[1] for one in reports(swept[0])]
        assert len(set(drawn)) == 5

    def test_the_same_command_makes_what_is_missing(self, swept):
        out, _, kept, again = swept
        assert again.exit_code == 0
        assert set(kept) < set(reports(out))
        assert len(reports(out)) == 5
        assert "5 reports in " in again.stderr
        assert ", 1 of them already there" in again.stderr
        page = Path(again.stdout.splitlines()[-1])
        assert page.parent == out
        assert page.read_text(encoding="utf-8").count('href="2') == 5

    def test_nothing_is_left_running_or_half_written(self, swept):
        assert [one.name for one in swept[0].iterdir() if one.name.startswith(".")] == []
        orphan = int((swept[0].parent / "orphan").read_text())  # what a kernel had forked before it died
        assert not psutil.pid_exists(orphan) or not is_alive(psutil.Process(orphan))


class TestTheServer:
    """Reports are forked from a process that has one thread and all loaded; elsewhere each loads it by itself."""

    @pytest.fixture
    def environ(self, tmp_path):
        return {**os.environ, "JPY_PARENT_PID": str(os.getpid()), "SEEN_BY_A_WORKER": str(tmp_path)}

    @pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no way to see whether there is but one thread")
    def test_what_is_started_meanwhile_is_forked_from_it(self, environ):
        with serving(True):
            first, second = start(["report"], environ), start(["report"], environ, 1)
            with first.stdin, second.stdin:
                assert first.ppid() == second.ppid() == psutil.Process().children()[-1].pid
                assert psutil.Process(first.ppid()).num_threads() == 1
            assert wait_for(lambda: not is_alive(first) and not is_alive(second))

    def test_where_it_has_more_threads_each_loads_all_by_itself_which_is_said_once(self, environ, monkeypatch, capfd):
        monkeypatch.setitem(spare.VARIABLES, "server", {"OPENBLAS_NUM_THREADS": "2"})
        with serving(True):
            first, second = (start(["report"], environ, 1) for _ in range(2))
            with first.stdin, second.stdin:
                assert first.ppid() == second.ppid() == os.getpid()
        assert wait_for(lambda: None not in (first.poll(), second.poll()))
        assert capfd.readouterr().err.count("here they cannot share it") == 1

    def test_it_is_not_started_for_a_single_report(self):
        with serving(False):
            assert psutil.Process().children() == []


def started(*arguments):
    command = [sys.executable, "-m", "toolkit", "sweep", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return met


def line_of(process):
    """Return a process, its only child, the only child of that, and so on."""
    line = [psutil.Process(process.pid)]
    while len(children := line[-1].children()) == 1:
        line += children
    return line


@pytest.mark.slow
class TestKilled:
    @pytest.mark.parametrize(
        ("whom", "code"), [("sweep", -signal.SIGKILL), ("server", 0), ("report", 3), ("notebook", 3), ("kernel", 3)]
    )
    def test_finished_reports_stay_and_the_same_command_ends_it(self, tmp_path, whom, code):
        arguments = (WAYS, "--over", "seed=1..6", "-p", "way", "slowly")
        process, out = started(*arguments), tmp_path / "reports"

        def at_work():
            with contextlib.suppress(psutil.NoSuchProcess):  # one may end while it is looked at
                line = line_of(process)
                return line if len(line) == 5 and line[-1].num_threads() > 4 else None

        wait_for(lambda: out.exists() and len(reports(out)) == 2)
        members = dict(zip(("sweep", "server", "report", "notebook", "kernel"), wait_for(at_work), strict=True))
        members[whom].kill()
        process.communicate()
        assert process.returncode == code
        assert wait_for(lambda: not any(map(is_alive, members.values())))
        kept = reports(out)
        assert len(kept) == {0: 6, 3: 5}.get(code, len(kept))
        assert len(kept) >= 2
        done = ask(*arguments)
        assert done.exit_code == 0
        assert set(kept) <= set(reports(out))
        assert len(reports(out)) == 6
        assert [one.name for one in out.iterdir() if one.name.startswith(".")] == []

    @pytest.mark.parametrize("members", [2, 5])
    def test_an_interrupt_ends_all_while_it_loads_and_while_it_works(self, tmp_path, members):
        process = started(WAYS, "--over", "seed=1,2", "-p", "way", "hangs")
        sweep = psutil.Process(process.pid)
        assert wait_for(lambda: 1 + len(sweep.children(recursive=True)) == members)
        alive = [sweep, *sweep.children(recursive=True)]
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate()[1]
        assert process.returncode == 130
        assert "Traceback" not in said
        assert wait_for(lambda: not any(map(is_alive, alive)))
        assert not reports(tmp_path / "reports")

    def test_two_at_once(self, tmp_path):
        first, other = (started(WAYS, "--over", f"seed={seeds}", "-p", "way", "slowly") for seeds in ("1..3", "3..5"))
        out = tmp_path / "reports"
        wait_for(lambda: out.exists() and reports(out))
        same = ask(WAYS, "--over", "seed=1..3", "-p", "way", "slowly")
        assert same.exit_code == 2
        assert "This very sweep is at work" in same.output
        pages = [one.communicate()[0].splitlines()[-1] for one in (first, other)]
        assert [one.returncode for one in (first, other)] == [0, 0]
        assert len(set(pages)) == 2
        assert all(Path(page).read_text(encoding="utf-8").count('href="2') == 3 for page in pages)

    def test_a_policy_that_does_not_fit_is_no_success_the_second_time_either(self, tmp_path):
        rules = tmp_path / "rules.yaml"
        rules.write_text("numbers: {data.rwos: {min: 1}}", encoding="utf-8")
        for already in (False, True):
            done = ask(PUBLISHES, "--over", "seed=1,2", "-p", "policy", rules)
            assert done.exit_code == 3
            assert ("2 of them already there" in done.stderr) == already
        assert len(reports(tmp_path / "reports")) == 2

    def test_forty_by_ten(self, tmp_path):
        done = ask(WAYS, "--over", "seed=1..40", "-p", "way", "well", "-j", "10")
        assert done.exit_code == 0
        assert len(reports(tmp_path / "reports")) == 40


@pytest.mark.slow
@pytest.mark.parametrize("data", ["wine", "diabetes"])
def test_a_swept_report_is_the_one_that_run_makes(tmp_path, data):
    done = sweep("experiment", {"seed": [3, 4]}, data=data, policy="standard", jobs=2)
    alone = runner.run("experiment", data=data, policy="standard", seed=3, out="alone")
    assert [one.failure for one in done.reports] == ["", ""]
    ours, theirs = read_results(done.reports[0].folder), alone.results
    timed = re.compile(r"(^|\.)(time|latency|throughput)\.")
    assert ours.scalars.keys() == theirs.scalars.keys()
    for name, number in ours.scalars.items():
        if not timed.match(name):
            assert number.plain() == theirs.scalars[name].plain()
    assert ours.parameters == theirs.parameters
    assert ours.command == theirs.command
    assert sorted(one.name for one in done.reports[0].folder.iterdir()) == sorted(
        one.name for one in alone.folder.iterdir()
    )
    again = ask("experiment", "--over", "seed=3,4", "-p", "data", data, "-p", "policy", "standard")
    outcomes = {read_results(one.folder).verdict.outcome for one in done.reports}
    assert again.exit_code == ("fail" in outcomes)
    assert "2 of them already there" in again.stderr


@pytest.mark.parametrize(
    "named", ["{}/parts/table.csv", "~/parts/table.csv", "{}/parts", "sqlite:///{}/parts/table.csv::t"]
)
def test_a_file_that_changed_is_another_combination(named, tmp_path, monkeypatch):
    from toolkit.runs import sweep as module

    monkeypatch.setenv("HOME", str(tmp_path))
    table = tmp_path / "parts" / "table.csv"
    table.parent.mkdir()
    schema = Schema(find_template("experiment"))

    def keys():
        given = {"data": named.format(tmp_path), "target": "y", "positive": "a\0b"}
        return list(module._plan(schema, given, {"seed": [1, 2]}, None, tmp_path))

    table.write_text("a,y\n1,2\n")
    before = keys()
    assert keys() == before
    table.write_text("a,y\n1,2\n3,4\n")
    assert not set(keys()) & set(before)


def test_from_python_it_is_refused_as_on_the_command_line():
    with pytest.raises(InputError, match="nothing to vary"):
        sweep("experiment", {}, data="wine")
