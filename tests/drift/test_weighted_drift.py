"""Rows that have weights: what drift makes of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from toolkit.data.load import load_dataset
from toolkit.drift.detect import detect_drift
from toolkit.drift.model import importances
from toolkit.drift.profile import load_profile, summarize
from toolkit.drift.summary import summarize_column
from toolkit.models.model import Model
from toolkit.monitoring.pair import load_drift
from toolkit.statistics.design_effects import design_effect
from toolkit.statistics.units import Units, kish


def people(rows=1500, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "size": size,
            "kind": rng.choice(["a", "b", "c"], rows),
            "age": np.round(10 * size + 50),
            "y": np.arange(rows) % 2,
        }
    )


def weighted(frame, weights):
    return load_dataset(frame.assign(w=weights), target="y", weight="w")


def test_rows_of_weight_two_are_rows_seen_twice():
    first, second = people(seed=1), people(seed=2)
    second["size"] += 0.1
    twice = 1.0 + (np.arange(len(second)) % 2)
    repeated = second.loc[np.repeat(second.index, twice.astype(int))].reset_index(drop=True)
    ours = detect_drift(weighted(first, 1.0), weighted(second, twice)).table.set_index("column")
    plain = detect_drift(load_dataset(first, target="y"), load_dataset(repeated, target="y")).table.set_index("column")
    for name in ("size", "kind", "age"):
        assert ours["distance"][name].value == pytest.approx(plain["distance"][name].value, rel=1e-9)
        assert ours["distance"][name].high - ours["distance"][name].low > 0


def test_a_small_table_with_weights_and_gaps_is_compared():
    first, second = people(400, seed=1), people(300, seed=2)
    second["kind"] = second["kind"].where(second.index % 7 > 0, None)
    row = (
        detect_drift(weighted(first, 1.0), weighted(second, 1.0 + second.index % 3))
        .table.set_index("column")
        .loc["kind"]
    )
    assert row["method"] == "chisquare"
    assert 0 < row["score"] < 1
    assert 0 < row["p_value"] < 1


def test_weights_undo_a_sample_in_which_some_are_more_likely():
    rng, everybody, later = np.random.default_rng(7), people(20_000), people(20_000, 1)
    chance = 1 / (1 + np.exp(-later["size"])) / 3
    seen = later[rng.random(len(later)) < chance].reset_index(drop=True)
    weights = 1 + np.exp(-seen["size"])
    plain = detect_drift(load_dataset(everybody, target="y"), load_dataset(seen, target="y"))
    honest = detect_drift(weighted(everybody, 1.0), weighted(seen, weights))
    assert plain.table.set_index("column")["verdict"]["size"] == "drifted"
    assert not honest.drifted
    assert "WEIGHTS-NOT-USED" not in [one.code for one in honest.findings()]


def test_weights_that_change_nothing_leave_every_number():
    first, second = people(), people(seed=3).assign(size=lambda frame: frame["size"] + 0.2)
    plain = detect_drift(load_dataset(first, target="y"), load_dataset(second, target="y")).scalars()
    even = detect_drift(weighted(first, 2.0), weighted(second, 5.0)).scalars()
    for name, one in plain.items():
        assert even[name].value == pytest.approx(one.value, abs=1e-9)


def test_uneven_weights_are_worth_fewer_rows():
    weights = np.random.default_rng(0).exponential(size=2000)
    weights /= weights.mean()
    codes = np.random.default_rng(1).integers(0, 3, 2000)
    assert design_effect(codes, np.arange(2000), weights) == pytest.approx(kish(weights), rel=0.1)
    column = pd.Series(np.where(codes == 0, np.nan, codes))
    found = summarize_column(column, "a", 2000, units=Units.of(None, None, pd.Series(weights, name="w")))
    assert found.missing == pytest.approx(weights[codes == 0].sum())
    assert found.mean == pytest.approx(np.average(codes[codes > 0], weights=weights[codes > 0]))
    assert found.effect == pytest.approx(kish(weights), rel=0.15)


def test_a_profile_keeps_what_rows_weigh(tmp_path):
    first, second = people(seed=1), people(seed=2)
    weights = np.random.default_rng(5).exponential(size=len(first))
    data, later = weighted(first, weights), weighted(second, 1.0)
    kept = load_profile(summarize(data).save(tmp_path / "kept.json"))
    direct = detect_drift(data, later).table.set_index("column")
    by_profile = detect_drift(kept, later).table.set_index("column")
    assert by_profile["distance"]["kind"].value == pytest.approx(direct["distance"]["kind"].value, abs=1e-12)


def test_importance_to_a_model_is_weighted():
    frame = pd.DataFrame({"a": np.r_[np.zeros(500), np.arange(500) % 2], "b": np.r_[np.arange(500) % 2, np.zeros(500)]})
    model = Model.of(LogisticRegression().fit(frame, (frame["a"] + frame["b"]) > 0))
    table = frame.assign(y=frame["a"] + frame["b"] > 0)
    first = importances(model, weighted(table, np.r_[np.full(500, 0.01), np.ones(500)]))
    assert first["a"] != pytest.approx(importances(model, weighted(table, 1.0))["a"], abs=1e-3)


def test_the_role_reaches_both_tables():
    frame = people().assign(w=np.random.default_rng(0).exponential(size=1500))
    before, later, _ = load_drift(reference=frame, current=frame.copy(), target="y", weight="w")
    assert before.roles.weight == later.roles.weight == "w"
    assert "w" not in detect_drift(before, later).table["column"].tolist()


@pytest.mark.slow
def test_without_drift_few_tables_are_called_drifted():
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        one, two = (weighted(people(600, 2 * seed + k), rng.exponential(size=600)) for k in (0, 1))
        alarms += detect_drift(one, two, thresholds=0.001, seed=seed).drifted
    assert alarms <= 4
