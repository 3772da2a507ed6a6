"""A model that is judged on rows that it was trained on is said to be, by each step that judges."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.registry import store, tracking

CODE = "MODEL-TRAINING-ROWS"


def rows(seed, size=600):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"a": rng.normal(size=size), "b": rng.normal(size=size), "sex": rng.choice(["F", "M"], size)})
    return table.assign(y=np.where(table["a"] + rng.normal(size=size) > 0, "yes", "no"))


def read(path, **options):
    return tk.load_dataset(path, target="y", sensitive="sex", **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows") / "reports"
    folder.mkdir()
    rows(0).to_csv(folder / "old.csv", index=False)
    rows(1).to_csv(folder / "new.csv", index=False)
    parts = tk.split_dataset(read(folder / "old.csv"))
    training = tk.train(parts, candidates=["logistic"], cv=3)
    evaluation = tk.evaluate(training.model, parts, latency=False)
    mitigation = tk.mitigate(training.model, parts, methods=["threshold_optimizer"])
    records = [one.record() for one in (parts, training, evaluation, mitigation)]
    run = tracking.log_run(records, {}, experiment="e", name="n", parameters={}, tags={}, out=folder)
    assert not run.failure
    return folder, parts, evaluation, tk.load_model(run.model_uri, out=folder)


def said(*results):
    return [one for result in results for one in result.findings() if one.code == CODE]


def judged(model, data):
    by_other = tk.compare(model, lambda table: table["a"], data, latency=False)
    return tk.evaluate(model, data, latency=False), by_other, tk.audit_fairness(model, data, replicates=200)


def test_every_step_that_judges_says_it_in_the_same_words(trained):
    folder, parts, _, model = trained
    data = read(folder / "old.csv")
    found = said(*judged(model, data))
    assert len(found) == 3
    (only,) = set(found)
    assert only.severity == "high"
    assert f"trained on {parts.train.rows} of these 600 rows" in only.message
    assert model.version in only.message


def test_a_model_that_was_not_logged_says_it_too(trained):
    folder, parts, *_ = trained
    model = tk.train(parts, candidates=["logistic"], cv=3).model
    (only,) = set(said(*judged(model, read(folder / "old.csv"))))
    assert only.message.startswith(f"The model logistic was trained on {parts.train.rows} of these 600 rows, so")
    assert not said(*judged(model, parts), *judged(model, read(folder / "new.csv")))


def test_a_policy_counts_what_several_steps_say_once(trained):
    folder, _, _, model = trained
    data = read(folder / "old.csv")
    judging = tk.evaluate(model, data, latency=False), tk.audit_fairness(model, data, replicates=200)
    assert len(said(*judging)) == 2
    verdict = tk.check({"title": "Ours", "findings": {"below": "high"}}, data, *judging)
    assert verdict.outcome == "fail"
    assert "there is 1 finding" in repr(verdict)


def test_both_models_of_a_comparison_are_told_apart(trained):
    folder, _, _, model = trained
    other = replace(model, version="m-other")
    assert len(set(said(tk.compare(model, other, read(folder / "old.csv"), latency=False)))) == 2


def test_an_estimate_that_is_learnt_from_them_says_so(trained):
    folder, parts, _, model = trained
    old, new = read(folder / "old.csv"), read(folder / "new.csv")
    (found,) = said(tk.estimate_performance(model, old, new))
    assert found.severity == "high"
    assert f"trained on {parts.train.rows} of the 600 rows of the reference" in found.message
    assert not said(tk.estimate_performance(model, parts.test, new))


def test_rows_that_were_held_out_are_no_matter(trained):
    folder, parts, evaluation, model = trained
    parts.test.frame().assign(sex=parts.test.sensitive["sex"]).to_csv(folder / "held_out.csv", index=False)
    held_out = read(folder / "held_out.csv")
    for data in (parts, parts.test, held_out, read(folder / "new.csv")):
        assert not said(*judged(model, data))
    assert not said(evaluation, *judged(evaluation.model, parts))


def test_another_cut_of_the_same_table_is_seen_through(trained):
    folder, parts, _, model = trained
    other = tk.split_dataset(read(folder / "old.csv"), seed=1)
    (found,) = said(tk.evaluate(model, other, latency=False))
    shared = other.test.target.index.isin(parts.train.target.index).sum()
    assert f"trained on {shared} of these {other.test.rows} rows" in found.message


def test_a_model_that_was_logged_beside_it_knows_its_rows_too(trained):
    folder, _, _, _ = trained
    with store.connect(store.tracking_uri(folder)) as client:
        every = client.search_logged_models([client.get_experiment_by_name("e").experiment_id])
    assert len(every) > 1
    for one in every:
        assert said(tk.evaluate(tk.load_model(one.model_uri, out=folder), read(folder / "old.csv"), latency=False))


def test_some_periods_of_a_table_with_gaps_are_known_again_in_whatever_way_they_are_read(tmp_path):
    table = rows(2).assign(year=[2022, 2023, 2023] * 200, note="NA")
    table.loc[::7, "note"] = "x"
    table.to_csv(tmp_path / "all.csv", index=False)
    table[table["year"] == 2023].to_csv(tmp_path / "some.csv", index=False)
    data = read(tmp_path / "all.csv", time="year", periods=["2023"])
    parts = tk.split_dataset(data, strategy="random")
    model = tk.train(parts, candidates=["logistic"], cv=3).model
    again = tk.load_dataset(tmp_path / "all.csv", like=model, target="y", time="year", periods=["2023"])
    assert data.fingerprint == again.fingerprint == read(tmp_path / "some.csv", time="year").fingerprint
    (found,) = said(tk.evaluate(model, again, latency=False))
    assert f"trained on {parts.train.rows} of these 400 rows" in found.message
