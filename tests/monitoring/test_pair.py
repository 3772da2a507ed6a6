"""The drift template, from two tables to a decision."""

import json
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import schemas
from click.testing import CliRunner
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

import toolkit as tk
from toolkit.cli import main
from toolkit.data.dataset import Dataset
from toolkit.data.load import load_dataset
from toolkit.data.read import read_table
from toolkit.drift.profile import Profile
from toolkit.errors import InputError
from toolkit.models.model import Model
from toolkit.models.preprocessing import make_model
from toolkit.models.threshold import Rule, Threshold
from toolkit.monitoring.pair import load_drift
from toolkit.runs import runner


def wave(seed, rows=600, shift=0.0):
    rng = np.random.default_rng(seed)
    score = rng.normal(shift, 1, rows)
    return pd.DataFrame(
        {
            "<script>score": score,
            "town": rng.choice(["Oslo", "Bergen"], rows),
            "sex": rng.choice(["f", "m"], rows),
            "day": pd.date_range("2024-01-01", periods=rows, freq="h").astype(str),
            "buys": np.where(rng.random(rows) < 1 / (1 + np.exp(-score)), "yes", "no"),
        }
    )


def write(folder, name, table):
    path = folder / name
    table.to_csv(path, index=False)
    return str(path)


class TestLoading:
    def test_a_column_that_lost_its_values_is_kept_to_be_compared(self):
        before, after = wave(0), wave(1).assign(town=None)
        old, new, _ = load_drift(reference=before, current=after, target="buys", drop="day")
        assert list(new.features.columns) == list(old.features.columns)
        broken = tk.detect_drift(old, new)
        assert broken.broken == ["town"]
        assert broken.findings()[0].code == "DRIFT-ALL-MISSING"

    def test_labels_of_a_column_that_the_reference_has_ask_for_the_target(self):
        before, after = wave(0), wave(1)
        given = {"reference": before, "current": after.drop(columns="buys"), "labels": after[["buys"]], "drop": "day"}
        with pytest.raises(InputError, match=r"The labels are of 'buys', and the reference .* Give target='buys'\.$"):
            load_drift(**given)
        assert load_drift(**given, target="buys")[1].task == "binary"

    def test_labels_are_the_target_wherever_the_empty_column_stands(self):
        after = wave(1)
        empty = after.assign(buys=None)[["buys", "town", "sex", "<script>score"]]
        before, labels = wave(0).drop(columns="buys"), after[["buys"]]
        _, new, _ = load_drift(reference=before, current=empty, labels=labels, drop="day")
        assert new.roles.target == "buys"

    def test_a_column_that_is_gone_is_found_too(self):
        old, new, _ = load_drift(
            reference=wave(0), current=wave(1).drop(columns="town"), target="buys", drop="day", sensitive=["sex"]
        )
        assert tk.detect_drift(old, new).broken == ["town"]

    def test_a_table_without_the_target_is_compared_by_its_columns(self):
        old, new, _ = load_drift(reference=wave(0), current=wave(1).drop(columns="buys"), target="buys", time="day")
        assert isinstance(new, Dataset)
        assert (new.rows, new.target.name, new.task, new.positive) == (600, "buys", "binary", "yes")
        assert list(new.features) == list(old.features)
        drift = tk.detect_drift(old, new, window="week")
        assert not drift.drifted
        assert set(drift.table["column"]) == {"<script>score", "town", "sex", "buys"}
        assert drift.table.set_index("column").loc["buys", "verdict"] == "left out"
        assert drift.windows["window"].nunique() == 4

    def test_a_table_with_some_labels_keeps_the_rows_without(self):
        after = wave(1)
        after.loc[after.index >= 400, "buys"] = None
        old, new, _ = load_drift(reference=wave(0), current=after, target="buys", time="day")
        drift = tk.detect_drift(old, new, window=200)
        assert drift.current.rows == 600
        assert drift.current.columns["buys"].rows == 400
        target = drift.windows[drift.windows["column"] == "buys"]
        assert target["verdict"].tolist() == ["stable", "stable", "left out"]
        assert not drift.drifted

    def test_one_missing_label_takes_no_section_away(self):
        before, after = wave(0, 400), wave(1, 400)
        given = {"reference": before, "target": "buys", "sensitive": ["sex"], "drop": "day"}
        old, whole, _ = load_drift(current=after, **given)
        model = make_model(LogisticRegression(), old.features).fit(old.features, old.target)
        after.loc[7, "buys"] = None
        _, new, _ = load_drift(current=after, **given)
        assert (new.rows, new.labelled.rows) == (400, 399)
        audit = tk.audit_fairness(model, new)
        assert audit.data.rows == 399
        known = whole.take([row for row in range(400) if row != 7])
        pd.testing.assert_frame_equal(audit.frame(), tk.audit_fairness(model, known).frame())
        realized = tk.estimate_performance(model, old, new).scalars()
        assert realized["drift.estimated.accuracy"].n == 400
        assert realized["drift.realized.accuracy"] == tk.evaluate(model, known).scalars()["test.accuracy"]
        assert tk.audit_windows(model, old, new, replicates=500).rows == 399
        pd.testing.assert_frame_equal(tk.find_slices(model, new).frame(), tk.find_slices(model, known).frame())

    def test_what_is_expected_but_of_another_kind_is_a_break_and_no_refusal(self):
        before, after = wave(0).drop(columns="day"), wave(1).drop(columns="day")
        changed = after.assign(**{"<script>score": "high"}, town=np.arange(600) % 7)
        for current in (changed, changed.drop(columns="buys")):
            old, new, _ = load_drift(reference=before, current=current, target="buys")
            found = {(note.code, note.where) for note in tk.detect_drift(old, new).findings()}
            assert {("DRIFT-TYPE", "<script>score"), ("DRIFT-TYPE", "town")} <= found

    def test_no_target_at_all(self):
        old, new, model = load_drift(reference=wave(0), current=wave(1, shift=2), drop=["day", "buys"])
        assert model is None
        assert tk.detect_drift(old, new).frame().query("verdict == 'drifted'")["column"].tolist() == ["<script>score"]

    def test_a_saved_profile_stands_for_its_table(self, tmp_path):
        path = tk.summarize(tk.load_dataset(wave(0), target="buys", drop="day")).save(tmp_path / "profile.json")
        old, new, _ = load_drift(reference=str(path), current=wave(1), target="buys", drop="day")
        assert isinstance(old, Profile)
        assert not tk.detect_drift(old, new).drifted

    @pytest.mark.parametrize("option", [{"labels": pd.DataFrame({"buys": [1]})}, {"current_periods": ["2024-01-02"]}])
    def test_a_current_profile_has_no_rows_for_labels_or_periods(self, tmp_path, option):
        path = tk.summarize(tk.load_dataset(wave(0), target="buys", drop="day")).save(tmp_path / "later.json")
        with pytest.raises(InputError, match="is a profile: it has no rows for labels or current_periods"):
            load_drift(reference=wave(0), current=str(path), target="buys", **option)

    def test_periods_need_a_time_column_but_no_target(self):
        with pytest.raises(InputError, match="'periods' needs a time column"):
            load_drift(reference=wave(0), current=wave(1), current_periods=[2024])
        _, new, _ = load_drift(reference=wave(0), current=wave(1), time="day", current_periods=["2024-01-02"])
        assert (new.rows, new.task) == (24, "")

    @pytest.mark.parametrize("rows", [3, 600])
    def test_columns_that_a_model_has_no_use_for_have_a_row_too(self, rows):
        before, after = (wave(seed).assign(id=range(600), none=np.nan, one="x") for seed in (0, 1))
        old, new, _ = load_drift(reference=before, current=after.head(rows), target="buys", time="day")
        drift = tk.detect_drift(old, new)
        verdicts = drift.table.set_index("column")["verdict"]
        assert verdicts[["id", "none", "one"]].tolist() == ["left out", "stable", "stable"]
        said = {finding.code: finding.message for finding in drift.findings()}
        assert "'id' looks like an identifier" in said["DRIFT-LEFT-OUT"]
        assert "DRIFT-NEW-COLUMNS" not in said

    def test_a_column_that_begins_to_vary_or_to_have_values_is_found(self):
        before, after = (wave(seed).assign(none=np.nan, one="x") for seed in (0, 1))
        after["one"] = np.where(after.index % 3 > 0, "x", "y")
        after["none"] = np.where(after.index % 2 > 0, 1.0, np.nan)
        after["more"] = 1
        old, new, _ = load_drift(reference=before, current=after, target="buys", time="day")
        drift = tk.detect_drift(old, new)
        assert drift.table.set_index("column").loc[["one", "none"], "verdict"].tolist() == ["drifted", "drifted"]
        where = {(finding.code, finding.where) for finding in drift.findings()}
        assert {("DRIFT-NEW-LABELS", "one"), ("DRIFT-COLUMN", "one"), ("DRIFT-MISSING", "none")} <= where
        assert "'more'" in next(one.message for one in drift.findings() if one.code == "DRIFT-NEW-COLUMNS")

    @pytest.mark.parametrize("rows", [1, 3, 600])
    def test_a_few_rows_or_rows_of_one_class_are_compared_too(self, rows):
        after = wave(1).head(rows).assign(buys="no")
        old, new, _ = load_drift(reference=wave(0), current=after, target="buys", time="day")
        drift = tk.detect_drift(old, new)
        assert drift.broken == (["buys"] if rows == 600 else [])

    def test_labels_that_came_later_are_joined_by_order_or_by_a_column(self):
        after = wave(1).assign(id=[f"no {place}" for place in range(600)])
        labels = after[["id", "buys"]].sample(frac=1, random_state=0)
        given = {"reference": wave(0), "target": "buys", "time": "day"}
        whole = load_drift(current=after.drop(columns="id"), **given)[1]
        ordered = load_drift(current=after.drop(columns=["id", "buys"]), labels=after[["buys"]], **given)[1]
        matched = load_drift(current=after.drop(columns="buys"), labels=labels, labels_by="id", **given)[1]
        for part in (ordered, matched):
            pd.testing.assert_frame_equal(part.frame(), whole.frame())
        some = load_drift(current=after.drop(columns="buys"), labels=labels[:100], labels_by="id", **given)[1]
        assert (some.rows, some.labelled.rows) == (600, 100)

    def test_the_current_table_has_the_roles_of_a_reference_that_knows_its_own(self, tmp_path):
        census = read_table("census_income").frame
        path = write(tmp_path, "later.csv", census[census["year"] == 1995].head(3000))
        old, new, _ = load_drift(reference="census_income", reference_periods=[1994], current=path)
        for part in (old, new):
            assert (part.target.name, part.time.name, part.positive) == ("income_over_50k", "year", True)
        assert list(new.sensitive) == list(old.sensitive) != []


def test_a_number_may_be_given_in_place_of_the_models_own_threshold():
    rows = wave(0)
    data = load_dataset(rows, target="buys")
    own = Threshold(0.2, Rule("recall", 0.9), "validation", kept=True)
    model = replace(
        Model.of(make_model(LogisticRegression(), data.features).fit(data.features, data.target)), threshold=own
    )
    given = {"reference": rows, "current": wave(1), "target": "buys", "model": model}
    assert load_drift(**given)[2].threshold is own
    assert load_drift(**given, threshold="0.5")[2].threshold == Threshold(0.5, Rule("fixed", 0.5))
    with pytest.raises(InputError, match="Here the threshold must be a number, or be left to the model; found a rule"):
        load_drift(**given, threshold="recall>=0.9")


@pytest.mark.slow
def test_the_template_decides_and_the_exit_code_follows(tmp_path):
    reference = write(tmp_path, "before.csv", wave(0))
    current = write(tmp_path, "after.csv", wave(1, shift=3))
    given = ["-p", "reference", reference, "-p", "current", current, "-p", "target", "buys", "-p", "time", "day"]
    given += ["-p", "sensitive", "sex", "-p", "window", "week", "--out", str(tmp_path / "reports")]
    done = CliRunner().invoke(main, ["run", "drift", *given, "--fail-on", "watch"])
    assert done.exit_code == 1, done.output
    (folder,) = (path for path in (tmp_path / "reports").iterdir() if path.is_dir())
    results = json.loads((folder / "results.json").read_text())
    schemas.RESULTS.validate(results)
    assert results["verdict"]["outcome"] in ("watch", "investigate")
    assert results["verdict"]["rules"][0]["outcome"] == results["verdict"]["outcome"]
    assert results["scalars"]["drift.column.<script>score.distance"]["value"] > 0.5
    assert results["data"]["rows"] == 600
    assert results["title"] == "Drift: buys in after"
    assert "evidently.html" in results["artifacts"]
    assert (folder / "evidently.html").stat().st_size > 1_000_000
    page = (folder / "report.html").read_text()
    assert "<script>score" not in page
    assert "&lt;script&gt;score" in page


@pytest.mark.slow
def test_a_model_is_judged_on_what_it_has_not_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reference = write(tmp_path, "before.csv", wave(0, 2000).drop(columns="day"))
    current = write(tmp_path, "after.csv", wave(1, 2000).drop(columns="day"))
    trained = runner.run("experiment", {"data": reference, "target": "buys", "candidates": ["logistic"]})
    model = trained.results.mlflow.model_uri
    values = {"reference": reference, "current": current, "target": "buys", "model": model, "test_size": 0.2}
    values["evidently"] = False
    done = runner.run("drift", values)
    numbers = done.results.scalars
    assert done.results.verdict.outcome == "ok"
    assert numbers["drift.estimated.roc_auc"].value == pytest.approx(numbers["drift.realized.roc_auc"].value, abs=0.05)
    assert numbers["drift.realized.roc_auc"].n == 2000
    # The level of the reference is that of the part which the experiment held out.
    level = trained.results.scalars["test.roc_auc"].value
    change = numbers["drift.realized_change.roc_auc"].value
    assert numbers["drift.realized.roc_auc"].value - change == pytest.approx(level, abs=1e-9)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that an experiment logged, in a folder of its own."""
    folder = tmp_path_factory.mktemp("trained")
    data = write(folder, "before.csv", wave(0, 2000).drop(columns="day"))
    values = {"data": data, "target": "buys", "candidates": ["logistic"]}
    done = runner.run("experiment", values, out=folder / "reports")
    return folder, done.results.mlflow.model_uri


class TestWhatAModelWasTrainedOn:
    @pytest.mark.slow
    def test_it_stands_for_a_reference(self, trained, monkeypatch):
        folder, model = trained
        monkeypatch.chdir(folder)
        old, new, subject = load_drift(current=wave(1, 1500, shift=1).drop(columns="day"), model=model)
        assert isinstance(old, Profile)
        assert old.rows == 1300  # of 2,000, as 15 % chose the threshold and 20 % tested
        assert new.target.name == "buys"  # as in the reference
        drift = tk.detect_drift(old, new, model=subject)
        assert drift.frame().set_index("column").loc["<script>score", "verdict"] == "drifted"
        assert drift.frame().set_index("column")["importance"].idxmax() == "<script>score"

    def test_a_scheduler_needs_only_new_rows_and_the_model(self, trained, monkeypatch):
        folder, model = trained
        monkeypatch.chdir(folder)
        current = write(folder, "after.csv", wave(1, 1500).drop(columns=["day", "buys"]))
        done = CliRunner().invoke(main, ["run", "drift", "-p", "current", current, "-p", "model", model])
        assert done.exit_code == 0, done.output
        results = json.loads((Path(done.stdout.strip()).parent / "results.json").read_text())
        schemas.RESULTS.validate(results)
        assert results["verdict"]["outcome"] == "ok"
        skipped = {item["where"]: item["message"] for item in results["findings"] if item["code"].startswith("STEP")}
        assert "a profile has none" in skipped["evidently_page"]
        assert "estimate_performance" not in skipped
        numbers = results["scalars"]
        assert numbers["drift.estimated.roc_auc"]["low"] < numbers["drift.estimated.roc_auc"]["high"]

    def test_a_model_that_keeps_no_profile_is_named(self, trained, monkeypatch, tmp_path):
        monkeypatch.chdir(trained[0])
        with pytest.raises(InputError, match="Give a reference, or the address of a logged model"):
            load_drift(current=wave(1))
        bare = tmp_path / "model.joblib"
        joblib.dump(DummyClassifier().fit(wave(0)[["town"]], wave(0)["buys"]), bare)
        with pytest.raises(
            InputError, match=r"No profile of its training data was kept with the model '.*model\.joblib'"
        ):
            load_drift(current=wave(1), model=str(bare))


class TestWrongInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda table: table.rename(columns=lambda name: f"{name}2"), "share no column"),
            (lambda table: table.iloc[:0], "no rows"),
            (lambda table: table.assign(buys=np.arange(len(table)) / 7), "identifier, free text or a measurement"),
        ],
    )
    def test_tables_that_cannot_be_compared(self, tmp_path, change, message):
        reference = write(tmp_path, "before.csv", wave(0))
        current = write(tmp_path, "after.csv", change(wave(1)))
        target = ["target", "buys"] if message.startswith("identifier") else []
        assert message in self.refused(tmp_path, "reference", reference, "current", current, *target)

    def test_labels_that_do_not_match(self, tmp_path):
        reference = write(tmp_path, "before.csv", wave(0))
        current = write(tmp_path, "after.csv", wave(1).drop(columns="buys"))
        labels = write(tmp_path, "labels.csv", wave(1)[["buys"]].head(7))
        given = ["reference", reference, "current", current, "target", "buys"]
        assert "labels has 7 rows and after has 600 rows" in self.refused(tmp_path, *given, "labels", labels)
        assert "no column 'id'" in self.refused(tmp_path, *given, "labels", labels, "labels_by", "id")
        assert "needs labels" in self.refused(tmp_path, *given, "labels_by", "id")

    def test_a_window_that_is_not_time(self, tmp_path):
        path = write(tmp_path, "table.csv", wave(0))
        given = ["reference", path, "current", path, "target", "buys", "window", "month"]
        assert "needs a time column" in self.refused(tmp_path, *given)
        assert "holds neither numbers nor dates" in self.refused(tmp_path, *given, "time", "town")

    def test_a_profile_of_another_version(self, tmp_path):
        table = write(tmp_path, "table.csv", wave(0))
        path = tk.summarize(wave(0)).save(tmp_path / "profile.json")
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "schema": 99}))
        assert "version 99" in self.refused(tmp_path, "reference", str(path), "current", table)

    @staticmethod
    def refused(folder, *pairs):
        given = [text for name, value in zip(pairs[::2], pairs[1::2], strict=True) for text in ("-p", name, value)]
        done = CliRunner().invoke(main, ["run", "drift", *given, "--out", str(folder / "reports")])
        assert done.exit_code == 2, done.output
        assert not (folder / "reports").exists()
        return done.stderr


def test_a_profile_is_saved_and_shown(tmp_path):
    table = write(tmp_path, "table.csv", wave(0))
    path = str(tmp_path / "profile.json")
    assert CliRunner().invoke(main, ["profile", "save", table, path, "--target", "buys"]).exit_code == 0
    shown = CliRunner().invoke(main, ["profile", "show", path])
    assert shown.stdout.startswith("table: 600 rows, ")
    assert "<script>score" in shown.stdout
    assert CliRunner().invoke(main, ["profile", "show", table]).exit_code == 2
