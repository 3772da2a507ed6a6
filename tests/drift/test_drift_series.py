"""Rows that follow each other in time: how far neighbours are alike decides what chance does."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from toolkit.data.load import load_dataset
from toolkit.drift.detect import detect_drift
from toolkit.drift.model import units_of_both
from toolkit.drift.profile import load_profile, summarize
from toolkit.statistics.design_effects import design_effect


def wandering(rng, shape, alike):
    """Make series of variance 1 whose neighbours have a correlation."""
    noise = rng.normal(size=(*shape[:-1], shape[-1] + 200)) * np.sqrt(1 - alike**2)
    return lfilter([1], [1, -alike], noise)[..., 200:]


def hours(rng, n, alike, first=0, step=0.0):
    """Make a row an hour; ``step`` moves one column from the middle of the table on."""
    apart = wandering(rng, (5, n), alike)
    return pd.DataFrame(
        {
            "load": apart[0] + step * (np.arange(n) >= n // 2),
            "price": np.exp(apart[1]),
            "level": np.where(apart[3] > 1.2, np.nan, apart[2]),
            "state": np.array(list("xyz"))[np.digitize(apart[4], [-0.5, 0.8])],
            "alarm": (apart[3] > 0.5).astype(int),
            "hour": pd.Timestamp("2020-01-01") + pd.to_timedelta(first + np.arange(n), unit="h"),
        }
    )


def compared(seed, alike, rows, step=0.0, window=None):
    rng = np.random.default_rng(seed)
    before, after = hours(rng, 2000, alike), hours(rng, rows, alike, 3000, step)
    return detect_drift(before, after, time="hour", seed=seed, window=window)


@pytest.mark.parametrize(("alike", "rows"), [(0.8, 700), (0.8, 60)])
def test_a_series_that_does_not_change_raises_few_alarms(alike, rows):
    """Taken for independent rows, 19 of 20 of these raised one."""
    found = [compared(seed, alike, rows) for seed in range(8)]
    assert sum(drift.drifted for drift in found) <= 2
    assert {drift.domain is None for drift in found} == {rows == 60}


def test_windows_of_few_times_take_the_likeness_of_neighbors_from_the_reference():
    found = [compared(seed, 0.8, 720, window=72) for seed in range(4)]
    assert sum(len(drift.drifted_windows()) for drift in found) <= 4
    moved = compared(0, 0.5, 720, step=2.0, window=72)
    assert set(moved.drifted_windows()) >= {f"rows {first:,} to {first + 71:,}" for first in range(361, 720, 72)}


@pytest.mark.parametrize(("alike", "rows", "step"), [(0.8, 700, 2.0), (0.0, 200, 1.0), (0.5, 150, 2.0)])
def test_a_step_within_the_current_table_does_not_pass_for_likeness(alike, rows, step):
    found = [compared(seed, alike, rows, step).table.set_index("column")["verdict"] for seed in range(8)]
    assert sum(verdicts["load"] == "drifted" for verdicts in found) >= 7
    assert sum((verdicts.drop("load") != "stable").sum() for verdicts in found) <= 2


@pytest.mark.slow
@pytest.mark.parametrize(("alike", "most"), [(0.0, 0.05), (0.5, 0.05), (0.8, 0.1), (0.95, 0.45)])
def test_false_alarms_in_a_series(alike, most):
    for rows in (60, 700):
        share = np.mean([compared(seed, alike, rows).drifted for seed in range(100)])
        print(f"{alike} from row to row, {rows} rows: {share:.0%}")
        assert share <= most + 3 * np.sqrt(most * (1 - most) / 100)


def test_the_design_effect_of_a_series_is_that_of_its_long_run_variance():
    """Of a share of two states that follow each other: (1 + r) / (1 - r), r the correlation of neighbours."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        stay = rng.random(4000) < 0.6  # else drawn anew, so that r is 0.6
        start = np.maximum.accumulate(np.where(stay, 0, np.arange(4000)))
        found.append(design_effect(rng.integers(0, 2, 4000)[start], np.arange(4000), times=4000))
    assert np.mean(found) == pytest.approx(1.6 / 0.4, rel=0.1)
    # Several rows of a time count as they are, wherever they stand, and so does a weight of all alike.
    codes, times = rng.integers(0, 3, 3000), np.repeat(np.arange(1000), 3)
    order = rng.permutation(3000)
    plain = design_effect(codes, times, times=1000)
    assert design_effect(codes[order], times[order], np.ones(3000), 1000) == pytest.approx(plain, rel=1e-12)
    assert design_effect(np.repeat(rng.integers(0, 2, 1000), 3), times, times=1000) == pytest.approx(3, rel=0.35)
    assert design_effect(np.zeros(1000, dtype=int), np.arange(1000), times=1000) == 1


def test_a_profile_keeps_how_much_a_row_of_a_series_tells(tmp_path):
    rng = np.random.default_rng(1)
    tables = hours(rng, 2000, 0.8), hours(rng, 60, 0.8, 3000)
    before, after = (load_dataset(table, target="state", time="hour") for table in tables)
    profile = load_profile(summarize(before).save(tmp_path / "profile.json"))
    whole, saved = (detect_drift(part, after).table.set_index("column") for part in (before, profile))
    assert profile.columns["load"].times == 2000
    assert profile.columns["load"].effect == pytest.approx(9, rel=0.4)
    assert (saved["p_value"] - whole["p_value"]).astype(float).abs().max() <= 0.05


def test_a_report_says_for_how_many_rows_a_series_counts():
    found = {note.code: note.message for note in compared(0, 0.8, 700).findings()}
    assert "take the 700 current rows for" in found["DRIFT-SERIES"]
    codes = {rows: {note.code for note in compared(0, 0.0, rows).findings()} for rows in (60, 700)}
    assert "DRIFT-SERIES" not in codes[60]
    assert "DRIFT-NO-CLASSIFIER" in codes[60]
    assert not codes[700] & {"DRIFT-SERIES", "DRIFT-NO-CLASSIFIER"}


def test_a_short_series_with_weights_keeps_what_these_cost():
    rng = np.random.default_rng(2)
    tables = [hours(rng, 80, 0.0, first).assign(w=rng.choice([1.0, 9.0], 80)) for first in (0, 100)]
    short, plain = (detect_drift(*tables, time=time, weight="w").table for time in ("hour", ""))
    plain = plain[plain["column"] != "hour"]
    pd.testing.assert_series_equal(*(part.set_index("column")["p_value"].sort_index() for part in (short, plain)))


def test_a_short_series_with_weights_or_gaps_is_not_called_alike():
    rng = np.random.default_rng(3)
    short = [hours(rng, 80, 0.0, first).assign(w=rng.choice([1.0, 30.0], 80)) for first in (0, 100)]
    gaps = [
        hours(rng, n, 0.0, first).assign(level=lambda one: one["level"].mask(one.index % 10 > 2))
        for n, first in ((2000, 0), (700, 3000))
    ]
    for tables, weight in ((short, "w"), (gaps, "")):
        assert "DRIFT-SERIES" not in {
            note.code for note in detect_drift(*tables, time="hour", weight=weight).findings()
        }


@pytest.mark.parametrize("swapped", [False, True])
def test_what_belongs_together_stands_beside_its_own_table(swapped):
    """A series in one table and groups in the other, whichever is the reference."""
    rng = np.random.default_rng(4)
    ordered = load_dataset(hours(rng, 300, 0.5), target="state", time="hour")
    grouped = load_dataset(hours(rng, 90, 0.5).assign(g=np.arange(90) // 3), target="state", group="g", drop="hour")
    tables = [grouped, ordered] if swapped else [ordered, grouped]
    units = units_of_both(tables, [np.arange(part.rows) for part in tables])
    sides = [units.codes[: tables[0].rows], units.codes[tables[0].rows :]]
    counts = [len(np.unique(side)) for side in sides]
    assert counts == ([30, 17] if swapped else [17, 30])
    assert not set(sides[0]) & set(sides[1])
