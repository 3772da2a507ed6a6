"""Serving: the same answers as the model judged, refusals that quote nothing, fallbacks, and a log without rows."""

import json
import math
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import toolkit as tk
from toolkit.drift.summary import PREDICTION
from toolkit.errors import InputError
from toolkit.models.threshold import Rule, Threshold
from toolkit.monitoring import serve
from toolkit.monitoring.serve import Answers, make_app


def rows(n, seed=0):
    """Numbers, codes with leading zeros, and days; the older and those of 007 buy more."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"age": rng.integers(18, 90, n).astype(float), "code": rng.choice(["007", "010", "100"], n)})
    table["day"] = pd.date_range("2024-01-01", periods=n, freq="h").strftime("%d/%m/%Y")
    score = (table["age"] - 50) / 20 + (table["code"] == "007")
    return table.assign(bought=np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no"))


@pytest.fixture(scope="module")
def fit():
    data = tk.load_dataset(rows(600), target="bought", positive="yes")
    return tk.train(tk.split_dataset(data), candidates=["logistic"])


@pytest.fixture(scope="module")
def model(fit):
    profile = tk.summarize(tk.load_dataset(rows(600), target="bought", positive="yes"), model=fit.model)
    return replace(
        fit.model, threshold=Threshold(0.3, Rule("fixed", 0.3)), version="7", kept=profile.record().kept, name="shop"
    )


def post(client, content, kind="application/json"):
    return client.post("/invocations", content=content, headers={"content-type": kind})


def records(table):
    return json.dumps({"dataframe_records": json.loads(table.to_json(orient="records"))})


LATER = rows(200, 1).drop(columns="bought")
INSIDE = LATER[LATER["age"].between(20, 88)]


class TestAnswers:
    def test_are_those_of_the_model_at_its_threshold(self, model):
        found = pd.DataFrame(Answers(model).of(INSIDE))
        assert found["decision"].tolist() == model.predict(INSIDE).tolist()
        np.testing.assert_allclose(found["score"], model.predict_proba(INSIDE)[:, 1], rtol=0, atol=1e-12)
        assert set(found["decision"]) == {"yes", "no"}
        assert ((found["score"] >= 0.3) == (found["decision"] == "yes")).all()
        assert (found["version"] == "7").all()
        assert found["fallback"].isna().all()

    @pytest.mark.parametrize("kind", ["records", "split", "csv"])
    def test_are_the_same_in_every_form(self, model, kind):
        client = TestClient(make_app(Answers(model)))
        if kind == "csv":
            answer = post(client, INSIDE.to_csv(index=False), "text/csv; charset=utf-8")
        elif kind == "split":
            answer = post(client, json.dumps({"dataframe_split": json.loads(INSIDE.to_json(orient="split"))}))
        else:
            answer = post(client, records(INSIDE))
        assert answer.status_code == 200
        assert [one["decision"] for one in answer.json()["predictions"]] == model.predict(INSIDE).tolist()

    def test_of_more_classes_and_of_numbers(self):
        for name, kind in (("wine", str), ("diabetes", float)):
            data = tk.load_dataset(name)
            fitted = tk.train(tk.split_dataset(data), candidates=["ridge" if kind is float else "logistic"]).model
            found = Answers(fitted).of(data.features)
            assert isinstance(found[0]["decision"], kind)
            assert [one["decision"] for one in found] == fitted.predict(data.features).tolist()
            assert found[0]["score"] is None


class TestFallback:
    @pytest.mark.parametrize(("change", "where"), [({"age": 300.0}, "age"), ({"code": "999"}, "code")])
    @pytest.mark.parametrize(("fallback", "decision"), [("abstain", None), ("no", "no")])
    def test_what_it_has_not_seen_is_not_decided(self, model, change, where, fallback, decision):
        table = INSIDE.head(3).copy()
        table.loc[table.index[1], list(change)] = list(change.values())
        first, second, third = Answers(model, fallback).of(table)
        assert (second["decision"], second["score"]) == (decision, None)
        assert second["fallback"] == f"{where} is outside what the model has seen"
        assert (first["fallback"], third["fallback"]) == (None, None)

    def test_a_missing_cell_and_a_later_day_are_nothing_new(self, model):
        table = INSIDE.head(2).assign(age=[None, 30], day="31/12/2031")
        assert [one["fallback"] for one in Answers(model).of(table)] == [None, None]

    def test_a_model_that_fails_is_answered_for(self, model):
        class Broken:
            classes_ = np.array(["no", "yes"])
            feature_names_in_ = np.array(["age", "code", "day"])

            def predict_proba(self, _):
                raise RuntimeError("out of luck")

            predict = predict_proba

        (answer,) = Answers(replace(model, estimator=Broken()), "no").of(INSIDE.head(1))
        assert answer == {"decision": "no", "score": None, "version": "7", "fallback": "the model failed"}

    @pytest.mark.parametrize("cell", ["1e308", "-1e308", "Infinity", '"1e999"'])
    def test_a_number_beyond_every_range_is_not_decided(self, model, cell):
        row = {"age": 30, "code": "007", "day": "01/02/2024"}
        body = json.dumps({"dataframe_records": [row | {"age": "CELL"}, row]}).replace('"CELL"', cell)
        answer = post(TestClient(make_app(Answers(model))), body)
        assert answer.status_code == 200
        reasons = [one["fallback"] for one in answer.json()["predictions"]]
        assert reasons == ["age is outside what the model has seen", None]

    def test_a_score_that_is_no_number_is_not_answered(self, model):
        class Undecided:
            classes_ = np.array(["no", "yes"])
            feature_names_in_ = np.array(["age", "code", "day"])

            def predict_proba(self, rows):
                score = np.where(np.arange(len(rows)) == 1, np.nan, 0.9)
                return np.column_stack([1 - score, score])

        found = Answers(replace(model, estimator=Undecided()), "no").of(INSIDE.head(3))
        assert [one["decision"] for one in found] == ["yes", "no", "yes"]
        assert [one["score"] for one in found] == [0.9, None, 0.9]
        assert [one["fallback"] for one in found] == [None, "the model failed", None]

    @pytest.mark.parametrize("fallback", ["on", "yess", ""])
    def test_one_that_the_model_does_not_know_is_refused(self, model, fallback):
        with pytest.raises(InputError, match="The model does not know"):
            Answers(model, fallback)

    def test_of_numbers_it_is_a_number(self):
        data = tk.load_dataset("diabetes")
        fitted = tk.train(tk.split_dataset(data), candidates=["ridge"]).model
        answer = Answers(fitted, "140").of(data.features.head(1).assign(bmi=1e6))[0]
        assert answer["decision"] == 140.0
        with pytest.raises(InputError, match="'much' is no number"):
            Answers(fitted, "much")
        for given in ("nan", "inf", "-inf"):
            with pytest.raises(InputError, match="is no finite number"):
                Answers(fitted, given)


SECRET = "s3cr3t-4711"


class TestRefusals:
    @pytest.mark.parametrize(
        ("table", "said"),
        [
            (INSIDE.head(2).drop(columns="code"), "Missing: 'code'"),
            (INSIDE.head(2).assign(name=SECRET), "Unknown or repeated: 'name'"),
            (INSIDE.head(2).rename(columns={"code": "cod"}), "Did you mean 'code'"),
            (INSIDE.head(2).assign(age=SECRET), "Column 'age' holds numbers; 2 of 2 cells are something else"),
            (INSIDE.head(2).assign(age=[[SECRET], 3]), "Column 'age' holds numbers; 1 of 2 cells"),
            (INSIDE.head(2).assign(day=SECRET), "Column 'day' holds dates as %d/%m/%Y; 2 of 2 cells"),
            (INSIDE.head(0), "A request is JSON with dataframe_records|holds 1 to 10,000 rows"),
        ],
    )
    def test_say_what_is_wrong_and_quote_no_cell(self, model, table, said):
        answer = post(TestClient(make_app(Answers(model))), records(table))
        assert answer.status_code == 400
        assert re.search(said.replace("'", "'?"), answer.json()["error"]), answer.json()
        assert SECRET not in answer.text

    def test_a_column_that_is_there_twice_is_named(self, model):
        row = INSIDE.head(1).assign(day="01/02/2024").to_dict("split", index=False)
        twice = {"columns": [*row["columns"], "code"], "data": [[*row["data"][0], SECRET]]}
        content = json.dumps({"dataframe_split": twice}, default=str).encode()
        answer = post(TestClient(make_app(Answers(model))), content)
        assert answer.status_code == 400
        assert "Unknown or repeated: code." in answer.json()["error"].replace("'", "")

    @pytest.mark.parametrize(
        "content",
        [
            *(b"", b"null", b"[]", b"{}", b"1", b"\xff\xfe", b"[" * 9999, b'{"dataframe_split": 1}'),
            *(b'{"dataframe_records": [1]}', b'{"dataframe_records": "x"}'),
            b'{"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}',
        ],
    )
    @pytest.mark.parametrize("kind", ["application/json", "text/csv", "image/png", ""])
    def test_of_what_is_no_table(self, model, content, kind):
        answer = post(TestClient(make_app(Answers(model))), content, kind)
        assert answer.status_code == 400
        assert "Traceback" not in answer.text

    @pytest.mark.parametrize(
        "cell",
        ["1" + "0" * 400, "-1e999", "NaN", "Infinity", '{"a": [1]}', "true", '"\\ud800"', "9" * 30, '""', "null"],
    )
    @pytest.mark.parametrize("column", ["age", "code", "day"])
    def test_no_cell_breaks_it(self, model, column, cell):
        row = {"age": 30, "code": "007", "day": "01/02/2024"}
        body = json.dumps({"dataframe_records": [row | {column: "CELL"}, row]}).replace('"CELL"', cell)
        answer = post(TestClient(make_app(Answers(model))), body)
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            assert json.loads(answer.text, parse_constant=pytest.fail)["predictions"][1]["fallback"] is None

    @pytest.mark.parametrize(
        ("column", "cell"), [("age", True), ("age", [1]), ("day", 5), ("day", True), ("code", [1]), ("code", {"a": 1})]
    )
    def test_of_a_cell_of_another_kind(self, model, column, cell):
        row = {"age": 30, "code": "007", "day": "01/02/2024"}
        content = json.dumps({"dataframe_records": [row | {column: cell}]})
        answer = post(TestClient(make_app(Answers(model))), content)
        assert answer.status_code == 400
        assert f"Column '{column}' holds" in answer.json()["error"]

    @pytest.mark.parametrize("line", ["30,007", "30,007,01/02/2024,5", '"30,007,01/02/2024'])
    def test_of_a_ragged_table(self, model, line):
        answer = post(TestClient(make_app(Answers(model))), f"age,code,day\n30,007,01/02/2024\n{line}\n", "text/csv")
        assert answer.status_code == 400

    def test_of_what_is_too_much(self, model, monkeypatch):
        monkeypatch.setattr(serve, "MOST_BYTES", 1000)
        answers = Answers(model)
        assert post(TestClient(make_app(answers)), records(INSIDE)).status_code == 413
        assert 'toolkit_requests_total{status="413"} 1.0' in TestClient(make_app(answers)).get("/metrics").text

    def test_a_model_without_a_contract_is_refused(self):
        with pytest.raises(InputError, match="knows its columns"):
            Answers(tk.Model.of(lambda frame: frame["a"]))


class TestLog:
    def test_holds_what_was_asked_and_no_rows(self, model, tmp_path, monkeypatch):
        monkeypatch.setattr(serve, "ROWS_A_SUMMARY", 100)
        log = tmp_path / "served.json"
        answers = Answers(model, log=log)
        for start in range(0, len(INSIDE), 30):
            answers.of(INSIDE.iloc[start : start + 30])
        answers.close()
        profile = tk.load_profile(log)
        assert profile.rows == len(INSIDE)
        assert profile.columns["age"].missing == 0
        assert (
            f'toolkit_decisions_total{{decision="yes"}} {float((model.predict(INSIDE) == "yes").sum())}'
            in log.with_suffix(".prom").read_text()
        )
        assert Answers(model, log=log).profile.rows == len(INSIDE)  # goes on where it was

    def test_a_log_that_cannot_be_written_is_said_and_costs_no_answer(self, model, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(serve, "ROWS_A_SUMMARY", 1)
        (tmp_path / "file").touch()
        answers = Answers(model, log=tmp_path / "file" / "served.json")
        assert len(answers.of(INSIDE.head(2))) == 2
        assert "the log was not written" in capsys.readouterr().err

    def test_numbers_are_not_counted_one_by_one(self):
        data = tk.load_dataset("diabetes")
        answers = Answers(tk.train(tk.split_dataset(data), candidates=["ridge"]).model)
        answers.of(data.features)
        assert answers.registry.get_sample_value("toolkit_decisions_total", {"decision": "a number"}) == len(
            data.features
        )

    def test_is_compared_with_the_training_rows(self, model, tmp_path):
        answers = Answers(model, log=tmp_path / "served.json")
        answers.of(INSIDE)
        answers.close()
        assert answers.registry.get_sample_value("toolkit_drift_columns_share") < 0.5
        moved = Answers(model, log=tmp_path / "moved.json")
        moved.of(INSIDE.assign(age=85.0, code="100"))
        moved.close()
        assert moved.registry.get_sample_value("toolkit_drift_columns_share") >= 2 / 3

    def test_of_another_model_or_version_is_refused(self, model, tmp_path):
        log = tmp_path / "served.json"
        answers = Answers(model, log=log)
        answers.of(INSIDE)
        answers.close()
        for other in (replace(model, version="8"), replace(model, name="till")):
            with pytest.raises(InputError, match="is what was served by shop 7"):
                Answers(other, log=log)
        assert tk.load_profile(log).rows == len(INSIDE)

    def test_a_drift_report_reads_it(self, model, tmp_path):
        answers = Answers(model, log=tmp_path / "served.json")
        answers.of(INSIDE.assign(age=85.0))
        answers.close()
        reference, current, subject = tk.load_drift(reference=rows(600), current=tmp_path / "served.json", model=model)
        found = tk.detect_drift(reference, current, model=subject).table.set_index("column")["verdict"]
        assert (found["age"], found["code"]) == ("broken", "stable")  # it does not vary any more
        assert found[PREDICTION] == "drifted"  # nearly all of them buy

    @pytest.mark.parametrize("positive", ["yes", "no"])
    def test_holds_the_predictions_as_any_profile_does(self, positive):
        data = tk.load_dataset(rows(600), target="bought", positive=positive)
        model = tk.train(tk.split_dataset(data), candidates=["logistic"]).model
        answers = Answers(model)
        for table in (INSIDE.head(90), INSIDE.assign(code="999").head(2), INSIDE.tail(90)):
            answers.of(table)
        answers.close()
        found = answers.profile.columns[PREDICTION]
        right = tk.summarize(pd.concat([INSIDE.head(90), INSIDE.tail(90)]), model=model).columns[PREDICTION]
        assert (found.rows, found.missing) == (182, 2)  # what is not decided has no prediction
        np.testing.assert_allclose(found.distinct, right.distinct, rtol=0, atol=1e-12)
        assert found.counts.tolist() == right.counts.tolist()

    def test_holds_the_labels_of_more_classes(self):
        data = tk.load_dataset("wine")
        model = tk.train(tk.split_dataset(data), candidates=["logistic"]).model
        answers = Answers(model)
        answers.of(data.features)
        answers.close()
        found, right = (one.columns[PREDICTION] for one in (answers.profile, tk.summarize(data, model=model)))
        assert dict(zip(found.distinct, found.counts, strict=True)) == dict(
            zip(right.distinct, right.counts, strict=True)
        )

    def test_begins_with_rows_of_which_none_is_decided(self, model):
        answers = Answers(model)
        for table in (INSIDE.assign(age=300.0).head(3), INSIDE):
            answers.of(table)
            answers.close()
        found = answers.profile.columns[PREDICTION]
        assert (found.rows, found.missing, found.dtype) == (len(INSIDE) + 3, 3, "float64")

    def test_one_without_predictions_is_refused(self, model, tmp_path):
        log = tk.summarize(INSIDE, name="served by shop 7").save(tmp_path / "served.json")
        with pytest.raises(InputError, match=r"has no predictions\. Give another file with --log"):
            Answers(model, log=log)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server of a model that an experiment logged, in a process of its own."""
    place = tmp_path_factory.mktemp("served")
    rows(600).to_csv(place / "rows.csv", index=False)
    command = [sys.executable, "-m", "toolkit"]
    given = [
        "-p",
        "data",
        "rows.csv",
        "-p",
        "target",
        "bought",
        "-p",
        "positive",
        "yes",
        "-p",
        "candidates",
        "logistic",
    ]
    done = subprocess.run([*command, "run", "experiment", *given, "--json"], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    address = json.loads(done.stdout)["results"]["mlflow"]["model_uri"]
    process = serving(place, address)
    try:
        yield place, process.stdout.readline().strip(), address
    finally:
        process.terminate()
        process.communicate(timeout=60)


def serving(place, model, *more):
    command = [sys.executable, "-m", "toolkit", "serve", model, "--port", "0", *more]
    return subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ask(address, content):
    request = urllib.request.Request(address, content.encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.slow
def test_many_requests_some_of_them_broken(served):
    """Sixteen at once, one in twenty broken: no 5xx, and no wrong answer."""
    place, address, uri = served
    model = tk.load_model(uri, out=place / "reports")
    right = model.predict(INSIDE).tolist()
    broken = ["", "{", records(INSIDE.drop(columns="age")), records(INSIDE.assign(age="x"))]
    bodies = [broken[n // 20 % 4] if n % 20 == 0 else records(INSIDE.iloc[[n % len(INSIDE)]]) for n in range(400)]

    def timed(body):
        began = time.perf_counter()
        return (*ask(address, body), time.perf_counter() - began)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(timed, bodies))
    for n, (status, content, _) in enumerate(found):
        assert status == (400 if n % 20 == 0 else 200)
        if status == 200:
            assert content["predictions"][0]["decision"] == right[n % len(INSIDE)]
    seconds = sorted(one[2] for one in found)
    print(f"p95 of {len(found)} requests, 16 at once: {1000 * seconds[math.ceil(0.95 * len(seconds))]:.0f} ms")


def test_the_address_says_how_it_is_and_which_version_it_serves(served):
    _, address, uri = served
    base = address.removesuffix("/invocations")
    for path, said in (("/ping", "\n"), ("/version", uri.removeprefix("models:/")), ("/metrics", "toolkit_requests")):
        with urllib.request.urlopen(base + path, timeout=60) as answer:
            assert said in answer.read().decode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_whoever_stops_it_the_log_is_written(served, number, code):
    """A container, a pod and a service are stopped with SIGTERM; the process still ends by it."""
    place, _, uri = served
    log = place / f"stopped-{number}.json"
    with serving(place, uri, "--log", log.name) as process:
        assert ask(process.stdout.readline().strip(), records(INSIDE.head(3)))[0] == 200
        process.send_signal(number)
        assert process.wait(60) == code
    assert tk.load_profile(log).rows == 3
    assert 'toolkit_requests_total{status="200"} 1.0' in log.with_suffix(".prom").read_text()


def test_the_command_of_drift_reads_the_log(served):
    """As the help of `toolkit serve` gives it: the model and the log, and nothing else."""
    place, _, uri = served
    answers = Answers(tk.load_model(uri, out=place / "reports"), log=place / "asked.json")
    answers.of(INSIDE)
    answers.close()
    command = [sys.executable, "-m", "toolkit", "run", "drift", "-p", "model", uri, "-p", "current", "asked.json"]
    done = subprocess.run([*command, "--json"], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"]["scalars"]["drift.prediction.distance"]["value"] < 0.2


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 65536), ("127.0.0.1", -1), ("192.0.2.1", 0)])
def test_where_it_cannot_listen_is_said(host, port):
    with pytest.raises(InputError, match=rf"^Cannot listen at {host}:{port}: .+\. Choose another with --port\.$"):
        serve.serve(None, host, port)
