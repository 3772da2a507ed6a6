"""A report that was made through an alias is about the version that this was at then, and says so."""

import json

import pytest
from test_audit import report_of, toolkit

import toolkit as tk
from toolkit.registry import lifecycle
from toolkit.registry.model_store import resolved
from toolkit.runs.parameters import Schema, find_template
from toolkit.runs.runner import check_request


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder with two registered versions, of which the first is the champion."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    out, data = tmp_path / "reports", tk.load_dataset("diabetes")
    for seed in (0, 1):
        parts = tk.split_dataset(data, seed=seed)
        training = tk.train(parts, candidates=["ridge"], cv=2)
        evaluation = tk.evaluate(training.model, parts, latency=False)
        folder = tk.publish(parts, training, evaluation, template="experiment", parameters={}, out=out).folder
        lifecycle.register(folder, "sugar", by="ann", out=out)
    lifecycle.promote("sugar/1", by="bob", override=True, reason="first", out=out)
    return tmp_path


@pytest.mark.slow
def test_it_says_which_version_and_is_made_again_by_it(models):
    done = toolkit("compare", "champion", "2", "--model", "sugar", "--data", "diabetes", folder=models)
    page, results = report_of(done)
    assert results["parameters"]["champion"] == "models:/sugar/1"
    assert results["parameters"]["challenger"] == "models:/sugar/2"
    assert "@" not in results["command"]
    ids = [tk.load_model(f"models:/sugar/{one}", out=models / "reports").version for one in (1, 2)]
    assert [results["recorded"]["champion_model"], results["model"]["version"]] == ids
    for said in ("sugar, version 1", "sugar, version 2", *ids):
        assert said in page
    lifecycle.promote("sugar/2", by="bob", override=True, reason="second", out=models / "reports")
    again = toolkit("reproduce", done.stdout.strip().removesuffix("/report.html"), "--json", folder=models)
    found = json.loads(again.stdout)
    assert not [one for one in found["numbers"] if one["state"] != "identical"]
    assert again.returncode == 0
    assert found["same_page"]


def test_every_parameter_that_is_an_alias_names_its_version(models):
    out, schema = models / "reports", Schema(find_template("drift"))
    given = {"current": "wine", "model": "models:/sugar@champion"}
    assert check_request(schema, given, None, out)["model"] == "models:/sugar/1"
    lifecycle.promote("sugar/2", by="bob", override=True, reason="second", out=out)
    assert check_request(schema, given, None, out)["model"] == "models:/sugar/2"
    assert resolved({"model": "models:/sugar@previous", "seed": 3}, out) == {"model": "models:/sugar/1", "seed": 3}


@pytest.mark.parametrize("address", ["models:/sugar@nobody", "models:/salt@champion", "models:/sugar/9", "a@b.c"])
def test_what_there_is_none_of_is_left_to_be_said_where_it_is_loaded(models, address):
    assert resolved({"model": address}, models / "reports") == {"model": address}
    assert resolved({"model": address}, models / "elsewhere" / "reports") == {"model": address}
