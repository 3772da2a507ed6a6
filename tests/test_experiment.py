"""The experiment, from the command line to the page, on tables nobody prepared it for."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import schemas

from toolkit.core.resources import templates_folder

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


def without_times(results):
    """Leave out what differs from run to run: when, how long, and the tracker's identifiers."""
    timed = ("time.", "latency.", "throughput.")
    scalars = {name: number for name, number in results["scalars"].items() if not name.startswith(timed)}
    return {**results, "scalars": scalars, "created": None, "mlflow": None}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    rows = 300
    signal = rng.normal(size=rows)
    frame = pd.DataFrame(
        {
            HOSTILE: signal,
            "Größe (cm)": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(170, 10, rows)),
            "名前": rng.choice(["Oslo", "<b>x</b>", "Tromsø", None], rows),
            "  spaces ": rng.integers(0, 9, rows),
            "{{7*7}} $x_1$": rng.normal(size=rows),
            "row": np.arange(rows),
            "when": pd.date_range("2021-01-01", periods=rows).astype(str),
        }
    )
    classes = pd.cut(signal, [-9, -0.7, 0.7, 9], labels=["low", "<i>mid</i>", "hög"]).astype(str)
    targets = {"ja <oder> nein": np.where(signal + rng.normal(size=rows) > 0.5, "ja", "nein"), "klass": classes}
    return frame.assign(**targets, höhe=2 * signal + rng.normal(size=rows))


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("klass", "höhe")]


@pytest.fixture(scope="module", params=["ja <oder> nein", *SLOW], ids=["binary", "multiclass", "regression"])
def run(request, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    others = {"ja <oder> nein", "klass", "höhe"} - {request.param}
    table.drop(columns=list(others)).to_csv(folder / "my table.csv", index=False)
    arguments = ("run", "experiment", "-p", "data", "my table.csv", "-p", "target", request.param)
    return folder, arguments, report_of(toolkit(*arguments, folder=folder))


class TestAnyTable:
    def test_the_page_is_small_clean_and_closed(self, run):
        page, _ = run[2]
        assert len(page.encode()) < 1_000_000
        assert "Traceback" not in page
        assert "Warning" not in page
        assert not re.search(r"&lt;(Axes|Figure|toolkit)[^&]*(object at|: )", page)
        # The page's own, allowed by their hashes, beside the manifest, which no browser runs.
        own = [(templates_folder() / "review" / name).read_text(encoding="utf-8") for name in ("row.js", "review.js")]
        found = re.findall(r'<script(?! type="application/json")[^>]*>(.*?)</script>', page, re.DOTALL)
        assert found in (own, own[1:])
        assert ("&#34;kind&#34;: &#34;row&#34;" in page) == (found == own)
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)

    def test_the_numbers_have_intervals_and_beat_the_baseline(self, run):
        _, results = run[2]
        metric = {"ja <oder> nein": "roc_auc", "klass": "accuracy", "höhe": "r2"}[results["data"]["target"]]
        number = results["scalars"][f"test.{metric}"]
        assert number["low"] < number["value"] <= number["high"]
        assert results["scalars"][f"difference.{metric}"]["low"] > 0
        assert results["data"]["rows"] == 300

    def test_findings_tell_what_was_done_to_the_table(self, run):
        _, results = run[2]
        assert {"DATA-IDENTIFIER", "DATA-MISSING", "DATA-DATES"} <= {finding["code"] for finding in results["findings"]}

    def test_the_folder_holds_a_report_and_the_index_lists_it(self, run):
        folder = run[0]
        (report,) = [path for path in (folder / "reports").iterdir() if path.is_dir()]
        assert {path.name for path in report.iterdir()} == {
            "report.html",
            "notebook.ipynb",
            "results.json",
            "replicates.json",
            "manifest.json",
        }
        assert f"{report.name}/report.html" in (folder / "reports" / "index.html").read_text(encoding="utf-8")
        assert (folder / "mlflow.db").exists()


@pytest.mark.slow
def test_the_same_command_gives_the_same_results(tmp_path):
    arguments = ("run", "experiment", "-p", "data", "diabetes", "-p", "tune", "1")
    (_, first), (_, second) = (report_of(toolkit(*arguments, folder=tmp_path)) for _ in range(2))
    assert without_times(first) == without_times(second)


@pytest.mark.filterwarnings("ignore::UserWarning")  # mlflow's, about its own types
@pytest.mark.slow
def test_the_tracked_model_predicts_what_the_trained_one_did(tmp_path):
    import mlflow

    import toolkit as tk

    _, results = report_of(toolkit("run", "experiment", "-p", "data", "wine", folder=tmp_path))
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(results["mlflow"]["model_uri"])
    parts = tk.split_dataset(tk.load_dataset("wine"), validation_size=0.15, seed=0)
    right = (model.predict(parts.test.features) == parts.test.target.astype(str)).mean()
    assert right == pytest.approx(results["scalars"]["test.accuracy"]["value"], abs=1e-12)


@pytest.mark.slow
def test_plain_papermill_works_and_its_notebook_renders(tmp_path):
    template = str(templates_folder() / "experiment.ipynb")
    command = [sys.executable, "-m", "papermill", template, "out.ipynb", "-p", "data", "diabetes", "--no-progress-bar"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    done = toolkit("render", "out.ipynb", folder=tmp_path)
    page = Path(done.stdout.strip())
    html = (tmp_path / page).read_text(encoding="utf-8")
    assert "Experiment: disease_progression in diabetes" in html
    below = re.findall(r"</a> (.*?)</figcaption>", html)
    assert len(below) == len(set(below)) > 10


@pytest.mark.slow
def test_a_time_column_is_split_in_time(table, tmp_path):
    table.drop(columns=["klass", "höhe"]).to_parquet(tmp_path / "t.parquet")
    arguments = ("-p", "data", "t.parquet", "-p", "target", "ja <oder> nein", "-p", "time", "when")
    _, results = report_of(toolkit("run", "experiment", *arguments, folder=tmp_path))
    assert results["scalars"]["split.test.rows"]["value"] == 60
    assert results["parameters"]["time"] == "when"
