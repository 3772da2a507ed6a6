"""What a notebook of one's own calls: a report of its results, a run of a template, a template to begin with."""

import itertools
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

import toolkit as tk
from toolkit.cli import main
from toolkit.core.results import read_results
from toolkit.errors import InputError
from toolkit.registry import tracking
from toolkit.registry.store import beside, connect
from toolkit.runs import manifest
from toolkit.runs.parameters import new_template

POLICY = {"title": "Own", "numbers": {"test.accuracy": {"min": 0.9999}}}


@pytest.fixture(scope="module")
def results():
    split = tk.split_dataset(tk.load_dataset("wine"))
    fit = tk.train(split, candidates=["logistic"])
    return split, fit, tk.evaluate(fit.model, split)


@pytest.fixture(autouse=True)
def untracked(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_a_report_is_as_one_of_a_template(results, tmp_path):
    out = tmp_path / "reports"
    done = tk.write_report(*results, title="Which wine?", question="Can it be told?", policy=POLICY, out=out)
    assert sorted(path.name for path in done.folder.iterdir()) == [
        "manifest.json",
        "notebook.ipynb",
        "replicates.json",
        "report.html",
        "results.json",
    ]
    read = read_results(done.folder)
    assert (read.title, read.question, read.verdict.policy) == ("Which wine?", "Can it be told?", "Own")
    assert str(read.scalars["test.accuracy"]) == str(results[2].scalars()["test.accuracy"])
    page = done.report.read_text(encoding="utf-8")
    assert page.count("Verdict: fail") == 0  # the rules stand once, at the top
    for text in ("Which wine?", "Can it be told?", "Own", results[2].face().title):
        assert text in page
    assert page.count("<figure") == sum(len(one.drawings()) for one in results)  # none twice
    assert {one.state for one in manifest.verify(done.folder)} <= {"matches", "not checked"}
    assert (out / "index.html").exists()
    with connect(beside(out)) as client:
        run = client.get_run(read.mlflow.run_id)
        assert run.info.status == "FINISHED"
        assert {"report/report.html", "report/manifest.json"} <= {
            file.path for file in client.list_artifacts(read.mlflow.run_id, "report")
        }


def test_results_without_data_leave_nothing(results, tmp_path):
    with pytest.raises(InputError, match="knows the data"):
        tk.write_report(results[2], title="x", out=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_a_new_template_runs_as_it_is_and_shows_its_verdict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["new-template", "Churn risk.ipynb"])
    assert (done.exit_code, done.stdout) == (0, "churn-risk.ipynb\n")
    again = CliRunner().invoke(main, ["new-template", "Churn risk"])
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)
    found = tk.run("churn-risk.ipynb", policy="exploratory")
    assert found.results.verdict.policy == "Exploratory"
    assert found.results.parameters["data"] == "wine"
    html = found._repr_html_()
    assert f'href="reports/{found.folder.name}/report.html"' in html
    assert "exploratory" in html.lower()


def test_a_new_template_keeps_the_rules_of_templates(tmp_path):
    path = new_template("mine", tmp_path)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert "".join(cells[0]["source"]).startswith("# Mine\n")
    assert not any("NAME" in "".join(cell["source"]) or "TITLE" in "".join(cell["source"]) for cell in cells)
    for before, cell in itertools.pairwise(cells[1:]):
        if cell["cell_type"] == "code":
            assert before["cell_type"] == "markdown"
            assert len(cell["source"]) <= 10


@pytest.mark.parametrize("name", ["", "..", "/"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="is no name"):
        new_template(name, tmp_path)


def test_a_mistyped_parameter_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'data'"):
        tk.run("experiment", dta="wine")


def test_a_title_hides_no_secret_and_claims_no_template(results, tmp_path):
    question = "Is https://host/a?token=s3cret, or postgresql://me:s3cret@db, right?"
    done = tk.write_report(*results[:1], title="Experiment", question=question, out=tmp_path / "reports")
    assert done.results.template == "notebook"
    held = [path.name for path in done.folder.iterdir() if b"s3cret" in path.read_bytes()]
    assert held == []


def test_files_that_cannot_be_kept_in_the_end_are_said(results, tmp_path, monkeypatch):
    attach = tracking.attach

    def fail_in_the_end(logged, folder):
        failed = (folder / "manifest.json").exists()
        return replace(logged, failure="Files: no.") if failed else attach(logged, folder)

    monkeypatch.setattr(tracking, "attach", fail_in_the_end)
    done = tk.write_report(*results, title="Which wine?", out=tmp_path / "reports")
    assert done.results.findings[0].code == "TRACKING-FAILED"
    assert "Files: no." in done.report.read_text(encoding="utf-8")
    assert read_results(done.folder).findings == done.results.findings
    assert not [one for one in manifest.verify(done.folder) if one.state == "differs"]
