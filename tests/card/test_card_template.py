"""The card from the command line to the page, its files beside the report, and what the tracker keeps of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import schemas
from card_reports import report, with_scalars

import toolkit as tk
from toolkit.card.model_card import make_card, read_card
from toolkit.core.estimate import Estimate
from toolkit.core.result import DataRecord, Record
from toolkit.registry import tracking

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "TOOLKIT_OUT", "TOOLKIT_RUN_FOLDER"):
        monkeypatch.delenv(name, raising=False)


def run(folder, *arguments):
    command = [sys.executable, "-m", "toolkit", "run", "model_card", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def client(folder):
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A card of a report with hostile names, beside a champion, judged by a policy."""
    folder = tmp_path_factory.mktemp("cards")
    hostile = with_scalars(**{f"fairness.sex.{HOSTILE}.recall": {"value": 0.4, "low": 0.2, "high": 0.6, "n": 40}})
    hostile["data"] |= {"name": HOSTILE, "target": "{{7*7}}"}
    for name, content in (("new", hostile), ("old", report())):
        (folder / name).mkdir()
        (folder / name / "results.json").write_text(json.dumps(content))
    (folder / "author.yaml").write_text(f"intended_use: '{HOSTILE}'\nrisks: TODO\n")
    (folder / "policy.yaml").write_text("numbers:\n  card.completeness: {min: 1}\n  test.roc_auc: {min: 0.7}\n")
    given = ("report", "new", "author", "author.yaml", "champion", "old", "policy", "policy.yaml")
    pairs = [part for name, value in zip(given[::2], given[1::2], strict=True) for part in ("-p", name, value)]
    done = run(folder, *pairs)
    assert done.returncode == 1, done.stderr  # the verdict is fail: the card is not complete
    last = done.stderr.splitlines()[-1]
    said = "Fails the policy “policy”: share of questions answered by the author is 0.034 where at least 1 is required."
    assert last.startswith(said)
    return folder, Path(done.stdout.splitlines()[-1]).parent


class TestRun:
    def test_the_page_is_small_closed_and_shows_names_as_text(self, finished):
        page = (finished[1] / "report.html").read_text(encoding="utf-8")
        assert len(page.encode()) < 600_000
        assert "Traceback" not in page
        assert "<script>alert" not in page
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
        assert page.count("not provided by the author") == 28
        assert "{{7*7}}" in page
        assert "not legal advice" in page

    def test_the_files_lie_beside_it_and_are_listed(self, finished):
        results = json.loads((finished[1] / "results.json").read_text(encoding="utf-8"))
        files = {"card.json", "card.md", "eval_results.yaml", "mlbom.json", "croissant.json"}
        schemas.RESULTS.validate(results)
        assert files <= set(results["artifacts"])
        assert files <= {path.name for path in finished[1].iterdir()}
        assert files <= set(json.loads((finished[1] / "manifest.json").read_text())["files"])
        schemas.CARD.validate(json.loads((finished[1] / "card.json").read_text(encoding="utf-8")))

    def test_the_results_carry_verdict_numbers_data_and_model(self, finished):
        results = json.loads((finished[1] / "results.json").read_text(encoding="utf-8"))
        assert results["verdict"]["outcome"] == "fail"
        assert results["scalars"]["test.roc_auc"]["low"] == 0.76
        assert results["scalars"]["change.test.roc_auc"]["value"] == 0
        assert results["data"]["fingerprint"] == report()["data"]["fingerprint"]
        assert results["model"]["name"] == "logistic"
        heads = [(number["name"], number["beside"]) for number in results["key_numbers"]]
        assert heads[0] == ("test.roc_auc", "baseline")
        assert ("test.roc_auc", "champion") in heads[1:]

    def test_the_card_on_the_page_is_the_card_in_the_file(self, finished):
        card = make_card(finished[0] / "new", author=finished[0] / "author.yaml")
        assert read_card(finished[1]).to_json() == card.to_json() == (finished[1] / "card.json").read_text("utf-8")
        assert (finished[1] / "card.md").read_text("utf-8") == card.to_markdown()

    def test_the_tracker_has_the_card(self, finished):
        results = json.loads((finished[1] / "results.json").read_text(encoding="utf-8"))
        store = client(finished[0])
        kept = {Path(file.path).name for file in store.list_artifacts(results["mlflow"]["run_id"], "report")}
        assert {"card.json", "card.md", "report.html", "results.json"} <= kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "report"), (("-p", "report", "nowhere"), "There is no report at 'nowhere/results.json'")],
)
def test_what_is_missing_is_said_and_nothing_is_left(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.filterwarnings("ignore::UserWarning")  # mlflow's, about its own types
class TestTracking:
    def test_a_registered_version_gets_the_card_as_its_description(self, tmp_path, monkeypatch):
        import mlflow

        monkeypatch.chdir(tmp_path)
        parts = tk.split_dataset(tk.load_dataset("wine"))
        training = tk.train(parts, candidates=["logistic"], cv=2)
        first = tk.publish(parts, training, template="by hand", parameters={})
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
        mlflow.register_model(first.results.mlflow.model_uri, "wines")
        card = make_card(first.folder, author={"intended_use": "Tell wines apart."})
        published = tk.publish(card, template="model_card", parameters={"report": str(first.folder)})
        described = client(tmp_path).get_model_version("wines", "1").description
        assert described.startswith("Model card: logistic for cultivar in wine\n\nTell wines apart.")
        assert (published.folder / "card.md").read_text("utf-8") == card.to_markdown()
        assert published.results.mlflow.model_uri == ""
        assert card.section("start").code.count(first.results.mlflow.model_uri) == 1
        assert set(first.results.model.features) == set(parts.data.features)
        assert first.results.model.settings["estimator"] == "LogisticRegression"
        assert first.results.recorded["target"] == "cultivar"

    def test_data_without_a_table_and_a_note_on_no_version_are_logged_too(self, tmp_path):
        data = DataRecord("people", "people.csv", "sha256:" + "ab" * 32, 60, 5, "answer")
        logged = tracking.log_run(
            [Record(data=data, note="text", note_of="0" * 32)],
            {"test.r2": Estimate(0.5)},
            experiment="people",
            name="card",
            parameters={},
            tags={},
            out=tmp_path / "reports",
        )
        (entry,) = client(tmp_path).get_run(logged.run_id).inputs.dataset_inputs
        assert (entry.dataset.name, entry.dataset.schema) == ("people", None)
