"""Rows that belong together, such as those of one person: what chance does is then reckoned by groups."""

import numpy as np
import pandas as pd
import pytest

from toolkit.data.load import load_dataset
from toolkit.drift.detect import detect_drift
from toolkit.drift.distances import pair_of
from toolkit.drift.profile import load_profile, summarize
from toolkit.drift.summary import summarize_column
from toolkit.drift.verdicts import judge_pair
from toolkit.monitoring.pair import load_drift
from toolkit.statistics.units import Units


def visits(rng, persons, visits, alike=0.5, first=0, shift=0.0, uneven=False):
    """Make some visits of each person: what belongs to persons, to visits, and to both."""
    counts = rng.integers(1, 2 * visits, persons) if uneven else np.full(persons, visits)
    person = np.repeat(np.arange(persons), counts)
    own, noise = rng.normal(size=(4, persons))[:, person], rng.normal(size=(4, len(person)))
    both = np.sqrt(alike) * own + np.sqrt(1 - alike) * noise
    return pd.DataFrame(
        {
            "height": own[0] + shift,
            "weight": both[1],
            "income": np.exp(both[2]),
            "weather": noise[3],
            "visits": rng.poisson(np.exp(1 + 0.5 * own[3])),
            "town": rng.choice(list("abcdef"), persons, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])[person],
            "mood": np.array(["low", "middle", "high"])[np.digitize(both[3], [-0.8, 0.8])],
            "gap": np.where(own[1] > 0.9, np.nan, noise[0]),
            "person": person + first,
        }
    )


def alarms(repeats, group, **options):
    found = 0
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        before, after = (visits(rng, first=first, **options) for first in (0, 10_000))
        if not group:
            before, after = (table.drop(columns="person") for table in (before, after))
        found += detect_drift(before, after, group=group, seed=seed).drifted
    return found


def test_with_no_effect_groups_raise_no_alarm_where_rows_do():
    options = {"persons": 60, "visits": 20}
    assert alarms(4, "", **options) == 4
    assert alarms(6, "person", **options) <= 1


def test_a_group_with_most_of_the_rows_is_no_drift():
    """By plain sums over groups 29 % of 200 columns of numbers drifted here, and 55 % of labels."""
    codes = [np.repeat(np.arange(len(sizes)), sizes) for sizes in ([10] * 200, [1500] + [9] * 79)]
    drifted = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for labels in (False, True):
            columns = []
            for code in codes:
                values = np.sqrt(0.5) * (rng.normal(size=code[-1] + 1)[code] + rng.normal(size=len(code)))
                column = pd.Series(values > 0.5).astype("category") if labels else pd.Series(values)
                columns.append(summarize_column(column, "x", len(code), units=Units(code, code[-1] + 1, "person")))
            pair = pair_of(*columns)
            found = judge_pair(pair, pair.default_method)
            drifted.append(found["p_value"] <= 0.05 and found["beyond_chance"] >= 0.1)
    assert np.mean(drifted) <= 0.05


@pytest.mark.parametrize(("shift", "called"), [(0.0, False), (50.0, True)])
def test_where_persons_leave_no_spread_the_domain_classifier_still_has_a_p_value(shift, called):
    """The same rows in both tables cancel out within each person; tables wholly apart leave nothing to rank wrong."""
    table = visits(np.random.default_rng(0), persons=60, visits=3)
    found = detect_drift(table, table.assign(height=table["height"] + shift), group="person").domain
    assert found.roc_auc.value == pytest.approx(1.0 if shift else 0.5, abs=0.02)
    assert (found.p_value < 0.01) if called else (found.p_value > 0.2)


CASES = (
    {"persons": 100, "visits": 20},
    {"persons": 100, "visits": 20, "alike": 0.1},
    {"persons": 60, "visits": 20, "uneven": True},
    {"persons": 300, "visits": 5, "uneven": True},
    {"persons": 40, "visits": 50, "alike": 0.9},
)


@pytest.mark.slow
def test_with_no_effect_groups_raise_an_alarm_in_at_most_five_percent():
    found = [alarms(40, "person", **options) for options in CASES]
    for options, count in zip(CASES, found, strict=True):
        print(f"{options}: {count} of 40")
    assert sum(found) <= 0.05 * 40 * len(CASES)


def test_what_moved_is_found_among_groups():
    rng = np.random.default_rng(1)
    before, after = visits(rng, 100, 20), visits(rng, 100, 20, first=1000, shift=1.0)
    drift = detect_drift(before, after, group="person")
    table = drift.table.set_index("column")
    assert table.index[table["verdict"] == "drifted"].tolist() == ["height"]
    assert "person" not in table.index
    assert drift.domain_drifted
    rows = detect_drift(before.drop(columns="person"), after.drop(columns="person")).table.set_index("column")
    assert table.loc["height", "by_chance"].value > 3 * rows.loc["height", "by_chance"].value
    for name, least, most in (("height", 3.5, 5.5), ("weather", 0.9, 1.3)):
        mine, theirs = table.loc[name, "distance"], rows.loc[name, "distance"]
        assert mine.value == theirs.value
        assert least < (mine.high - mine.low) / (theirs.high - theirs.low) < most


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_intervals_of_distances_hold_among_groups(shift):
    hits, repeats = 0, 80
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(120), 10)
        columns = [rng.normal(moved, 1, 120)[groups] for moved in (0.0, shift)]
        people = Units(groups, 120, "person")
        parts = [summarize_column(pd.Series(column), "a", 1200, units=people) for column in columns]
        distance = judge_pair(pair_of(*parts), "wasserstein", seed)["distance"]
        hits += distance.low <= shift <= distance.high
    assert hits / repeats >= 0.87


def test_a_profile_keeps_how_much_a_row_tells(tmp_path):
    rng = np.random.default_rng(2)
    before, after = (load_dataset(visits(rng, 80, 15, first=first), target="mood", group="person") for first in (0, 99))
    place = summarize(before).save(tmp_path / "profile.json")
    whole, saved = (detect_drift(part, after).table.set_index("column") for part in (before, load_profile(place)))
    assert load_profile(place).groups == 80
    assert saved.loc["town", "p_value"] == pytest.approx(whole.loc["town", "p_value"])
    assert saved.loc["height", "p_value"] == pytest.approx(whole.loc["height", "p_value"], abs=0.05)
    merged = summarize(before).merged(summarize(after))
    assert merged.groups == 160
    assert merged.columns["town"].effect == pytest.approx(15, rel=0.1)


def test_a_report_says_what_an_observation_is_and_where_there_are_few():
    rng = np.random.default_rng(3)
    before, after = visits(rng, 12, 20), visits(rng, 30, 20, first=100)
    found = {note.code: note for note in detect_drift(before, after, group="person").findings()}
    assert found["DRIFT-GROUPS"].message == (
        "Rows of one group belong together (12 groups in the reference, 30 in the current table): p values and "
        "intervals are computed over groups."
    )
    assert found["DRIFT-FEW-GROUPS"].severity == "medium"
    assert "DRIFT-FEW-ROWS" not in found
    codes = [note.code for note in detect_drift(visits(rng, 50, 9), visits(rng, 50, 9), group="person").findings()]
    assert "DRIFT-FEW-ROWS" in codes
    assert "DRIFT-FEW-GROUPS" not in codes


def test_labels_of_one_new_person_are_not_new_beyond_chance_but_of_many_are():
    rng = np.random.default_rng(4)
    before, after = visits(rng, 100, 20), visits(rng, 100, 20, first=1000)
    for newcomers, expected in ((1, False), (30, True)):
        moved = after.assign(town=after["town"].where(after["person"] >= 1000 + newcomers, "new"))
        codes = [note.code for note in detect_drift(before, moved, group="person").findings()]
        assert ("DRIFT-NEW-LABELS" in codes) == expected


def test_windows_are_compared_by_groups_too():
    rng = np.random.default_rng(5)
    before, after = visits(rng, 100, 20), visits(rng, 150, 20, first=1000)
    drift = detect_drift(before, after, group="person", window=1000)
    assert drift.drifted_windows() == []
    assert len(detect_drift(before.drop(columns="person"), after, window=1000).drifted_windows()) == 3


def test_the_pair_of_a_report_knows_its_groups():
    rng = np.random.default_rng(6)
    before, after = visits(rng, 20, 5), visits(rng, 20, 5)
    reference, current, _ = load_drift(reference=before, current=after, group="person")
    assert reference.group.tolist() == before["person"].map(str).tolist()
    assert (current.roles.group, current.group.nunique()) == ("person", 20)


@pytest.mark.parametrize("distinct", [9, 10, 300])
def test_groups_of_rows_leave_the_spread_of_a_column_as_it_is(distinct):
    values = pd.Series(np.arange(1200) % distinct * 1.5)
    units = Units.of(pd.Series(np.arange(1200) // 4), None)
    grouped, plain = summarize_column(values, "a", 1200, units=units), summarize_column(values, "a", 1200)
    assert (grouped.mean, grouped.std) == (plain.mean, plain.std)
    assert grouped.std == pytest.approx(values.std(ddof=0))
