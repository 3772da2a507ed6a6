"""A/B tests: numbers by hand, what makes one not to be trusted, and looking at it every day."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower

import toolkit as tk
from toolkit.comparison.contrasts import Contrast, Mean, adjusted, half_width
from toolkit.errors import InputError
from toolkit.report.summary import direction_words


def trial(rows=8000, *, seed=0, lift=0.0, arms=("new", "old"), visits=1):
    """Users with ``visits`` rows each, what they spent before, and a guardrail that "new" does not touch."""
    rng = np.random.default_rng(seed)
    arm, before = rng.choice(arms, rows), rng.gamma(2, 10, rows)
    spent = 5 + 0.8 * before + rng.normal(0, 5, rows) + lift * (arm == arms[0])
    users = pd.DataFrame({"user": range(rows), "arm": arm, "before": before, "spent": spent})
    users = users.loc[np.repeat(users.index, visits)].reset_index(drop=True)
    return users.assign(bought=rng.integers(0, 2, rows * visits), wait=rng.gamma(2, 50, rows * visits))


def measured(frame, **options):
    return tk.ab_test(frame, **{"outcome": "spent", "arm": "arm", "control": "old", **options})


def test_arms_that_look_the_same_are_said():
    frame = trial(2000, arms=("new", "old", "old "))
    noted = {note.code: note for note in measured(frame).findings()}["DATA-LABELS-ALIKE"]
    assert (noted.severity, noted.where) == ("high", "arm")
    assert "'old', 'old '" in noted.message
    assert "DATA-LABELS-ALIKE" not in {note.code for note in measured(trial(2000)).findings()}


def test_the_numbers_by_hand():
    frame = trial(lift=2.0)
    found = measured(frame, planned=8000).table.iloc[0]
    new, old = (frame["spent"][frame["arm"] == one] for one in ("new", "old"))
    error = np.sqrt(new.var() / len(new) + old.var() / len(old))
    apart = new.mean() - old.mean()
    assert found["difference"].value == pytest.approx(apart)
    # The paper's rho² times t, at the t that it is tuned to: -2 log a + log(1 - 2 log a), with a = 0.05.
    grown = 1 + 5.991465 + np.log(1 + 5.991465)
    reach = np.sqrt(2 * grown / (grown - 1) * np.log(np.sqrt(grown) / 0.05))
    assert found["difference"].high - apart == pytest.approx(reach * error, rel=1e-6)
    assert found["lift"].value == pytest.approx(new.mean() / old.mean() - 1)
    assert (found["outcome"], found["units"]) == ("better", len(new))


def test_the_p_value_is_where_the_sequence_ends_at_zero():
    one, other = Mean(1.1, 0.0012, 500), Mean(1.0, 0.0011, 500)
    p = Contrast.of(one, other, 1, 5000).p_value
    assert half_width(1000, 5000, p) * np.sqrt(0.0023) == pytest.approx(0.1)


def test_one_value_with_most_of_the_sum_makes_no_lift_certain():
    """The difference held 0, and the lift was "−1.000 [−1.000, −1.000]"."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"arm": rng.choice(["new", "old"], 1200), "spent": rng.integers(0, 2, 1200).astype(float)})
    assert measured(frame).table["lift"][0].high < 1
    frame.loc[frame.index[frame["arm"] == "old"][0], "spent"] = 1e9
    for control in ("old", "new"):
        found = measured(frame, control=control).table.iloc[0]
        assert found["difference"].low < 0 < found["difference"].high
        assert (found["lift"].low, found["lift"].high) == (-1, math.inf)


def test_rows_of_a_unit_belong_together():
    once, often = trial(lift=2.0), trial(lift=2.0, visits=5)
    alone, together = (measured(frame, unit="user").table.iloc[0]["difference"] for frame in (once, often))
    assert together.high - together.low == pytest.approx(alone.high - alone.low)
    naive = measured(often).table.iloc[0]["difference"]
    assert (naive.high - naive.low) < 0.5 * (together.high - together.low)


def test_one_unit_with_most_of_the_rows_is_no_difference():
    rng, outcomes = np.random.default_rng(0), []
    for _ in range(30):
        size = np.append(3000, rng.integers(1, 6, 599))
        unit, rate = np.repeat(np.arange(600), size), rng.beta(1, 4, 600)
        frame = pd.DataFrame({"arm": np.array(["new", "old"])[unit % 2], "unit": unit, "spent": rng.random(len(unit))})
        frame["spent"] = (frame["spent"] < rate[unit]).astype(int)
        outcomes.append(measured(frame, unit="unit", planned=600).table["outcome"][0])
    assert outcomes.count("undecided") >= 29


def test_a_covariate_takes_out_what_was_known_before():
    frame = trial(lift=0.6)
    plain, less = (measured(frame, covariate=name).table.iloc[0] for name in ("", "before"))
    correlation = np.corrcoef(frame["before"], frame["spent"])[0, 1]
    widths = [one["difference"].high - one["difference"].low for one in (plain, less)]
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(1 - correlation**2), rel=0.01)
    assert (plain["outcome"], less["outcome"]) == ("undecided", "better")
    some = frame.assign(before=frame["before"].where(frame.index % 10 > 0))
    assert measured(some, covariate="before").table.iloc[0]["units"] == plain["units"]
    y = np.array([1.0, 2.0, 3.0, 5.0])
    assert adjusted(y, np.ones(4), np.array(["a", "a", "b", "b"])) == pytest.approx(y)


def test_several_arms_share_the_level():
    frame = trial(lift=1.2, arms=("new", "other", "old"))
    found = measured(frame)
    assert found.table["arm"].tolist() == ["new", "other"]
    p = found.table["p_value"]
    assert found.table["p_adjusted"].tolist() == pytest.approx([min(1, 2 * p[0]), min(1, 2 * p[1])])
    assert found.table["outcome"].tolist() == ["better", "undecided"]
    pair = measured(frame[frame["arm"] != "other"]).table.iloc[0]["difference"]
    shared = found.table.iloc[0]["difference"]
    assert shared.high - shared.low > pair.high - pair.low
    assert found.scalars()["ab.new.p_value"].value == pytest.approx(2 * p[0])


@pytest.mark.parametrize("lift", [1.04, 1.045, 1.05])
def test_an_outcome_never_contradicts_its_interval(lift):
    frame = trial(lift=1.2, arms=("new", "other", "old"))
    other = frame["arm"] == "other"
    frame.loc[other, "spent"] *= lift
    for _, row in measured(frame).table.iterrows():
        beyond = row["difference"].low > 0 or row["difference"].high < 0
        assert (row["outcome"] in ("better", "worse")) == beyond


class TestTrust:
    def codes(self, found):
        return {one.code: one.severity for one in found.findings()}

    def test_arms_of_another_size_than_planned_are_said(self):
        frame = trial()
        frame = frame[(frame["arm"] == "old") | (frame.index % 10 > 0)]
        found = measured(frame)
        counts = frame["arm"].value_counts()[["new", "old"]]
        assert found.ratio == pytest.approx(stats.chisquare(counts).pvalue)
        assert self.codes(found) == {"AB-SAMPLE-RATIO": "high"}
        assert self.codes(measured(frame, shares={"new": 0.9, "old": 1.0})) == {}

    def test_a_unit_in_two_arms_is_left_out(self):
        frame = trial(visits=2)
        frame.loc[0, "arm"] = "old" if frame["arm"][0] == "new" else "new"
        found = measured(frame, unit="user")
        assert (found.mixed, sum(found.units.values())) == (1, 7999)
        assert self.codes(found) == {"AB-UNIT-IN-ARMS": "medium"}

    def test_a_harmed_guardrail_is_said_and_one_that_gets_better_is_not(self):
        frame = trial(lift=2.0)
        frame["wait"] += 20 * (frame["arm"] == "new")
        guards = {"wait": "lower", "bought": "higher"}
        found = measured(frame, guardrails=guards)
        assert self.codes(found) == {"AB-GUARDRAIL": "high"}
        assert found.scalars()["ab.guardrails_harmed"].value == 1
        assert "new harms wait: it is 1" in found.findings()[0].message
        assert self.codes(measured(frame, guardrails={"wait": "higher"})) == {}

    def test_a_worse_arm_is_said(self):
        assert self.codes(measured(trial(lift=-2.0))) == {"AB-WORSE": "high"}
        assert self.codes(measured(trial(lift=-2.0), better="lower")) == {}

    def test_few_units_are_said(self):
        found = measured(trial(80))
        assert found.table["outcome"].tolist() == ["too few units"]
        assert found.drawings() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"outcome": "spnt"}, "Did you mean 'spent'"),
        ({"outcome": "arm"}, "must hold numbers, or 0 and 1; found '(new|old)'"),
        ({"control": "odl"}, "There is no arm 'odl'. Did you mean 'old'"),
        ({"better": "more"}, "There is no direction of 'spent' 'more'"),
        ({"guardrails": {"wait": "less"}}, "There is no direction of 'wait' 'less'"),
        ({"shares": {"new": 0.5}}, "share of every arm, more than 0: new, old; found"),
        ({"planned": 0}, "planned must be a whole number"),
    ],
)
def test_what_cannot_be_used_is_said(options, said):
    with pytest.raises(InputError, match=said):
        measured(trial(200), **options)


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_an_outcome_is_read_as_it_is_written_in_any_file(tmp_path, kind):
    frame, path = trial(200), tmp_path / f"t.{kind}"
    write = {"csv": pd.DataFrame.to_csv, "parquet": pd.DataFrame.to_parquet, "xlsx": pd.DataFrame.to_excel}[kind]
    bought = frame["bought"].map({0: "FALSE", 1: "TRUE"})
    write(frame.assign(spent=frame["spent"].map("${:,.2f}".format), bought=bought), path, index=False)
    for outcome in ("spent", "bought"):
        apart, wanted = (measured(one, outcome=outcome).table["difference"][0] for one in (path, frame))
        assert apart.value == pytest.approx(wanted.value, abs=0.01)


def test_the_cell_that_is_no_number_is_named():
    with pytest.raises(InputError, match="or 0 and 1; found 'error'"):
        measured(trial(200).assign(bought=[*"01" * 99, "1", "error"]), outcome="bought")


def test_one_arm_is_no_test():
    with pytest.raises(InputError, match="names old"):
        measured(trial(200).assign(arm="old"))


def planned(*given, **options):
    return tk.plan_ab_test(*given, **options).set_index("looks")["units_per_arm"]


def test_the_plan_is_that_of_statsmodels():
    plan = planned(20.0, 0.05, sd=8.0)
    wanted = NormalIndPower().solve_power(1.0 / 8.0, alpha=0.05, power=0.8)
    assert plan["one look at the end"] == int(np.ceil(wanted))
    assert plan["any number of looks"] > plan["one look at the end"]
    less = planned(20.0, 0.05, sd=8.0, correlation=0.6)
    assert less["one look at the end"] == pytest.approx(plan["one look at the end"] * 0.64, abs=1)


def looks(lift, days, tests, per_day=20):
    """Look at tests every day: p values, and whether each interval held the difference; arrays (tests, days)."""
    rng = np.random.default_rng(5)
    n, truth, p, held = per_day * np.arange(1, days + 1), 0.1 * lift, [], []
    for _ in range(tests):
        rates = [np.cumsum(rng.binomial(per_day, rate, days)) / n for rate in (0.1, 0.1 + truth)]
        old, new = ([Mean(r, r * (1 - r) / (k - 1), k) for r, k in zip(rate, n, strict=True)] for rate in rates)
        found = [Contrast.of(b, a, 1, 10_000) for a, b in zip(old, new, strict=True)]
        p.append([one.p_value for one in found])
        held.append([not one.difference.low > truth and not one.difference.high < truth for one in found])
    return np.array(p), np.array(held)


@pytest.mark.slow
def test_looking_every_day_keeps_the_level():
    p, _ = looks(0.0, 500, 2000)
    false = (np.nanmin(p, axis=1) <= 0.05).mean()
    at_the_end = (p[:, -1] <= 0.05).mean()
    found, held = looks(0.2, 500, 500)
    power, coverage = (np.nanmin(found, axis=1) <= 0.05).mean(), held.all(axis=1).mean()
    units = planned(0.1, 0.2)["any number of looks"]
    in_time = (np.nanmin(found[:, : units // 20], axis=1) <= 0.05).mean()
    print(f"\nfalse at any of 500 looks {false:.4f}, at the last {at_the_end:.4f}; a lift of 20 % found {power:.3f},")
    print(f"by the {units:,} planned units an arm {in_time:.3f}; held at all looks {coverage:.3f}")
    assert false <= 0.05
    assert in_time >= 0.8
    assert coverage >= 0.95


def test_the_key_numbers_know_which_way_is_better():
    rows = trial(lift=-2.0)
    numbers = {one.label: direction_words(one) for one in measured(rows, better="lower").record().numbers}
    assert numbers == {"new: spent": "better"}
    slower = rows.assign(wait=rows["wait"] * np.where(rows["arm"] == "new", 1.5, 1.0))
    found = measured(slower, guardrails={"wait": "lower"}).record().numbers
    assert {one.label: direction_words(one) for one in found} == {"new: spent": "worse", "new: wait": "worse"}


def test_cells_that_are_missing_are_taken_as_such():
    rows = trial(4000)
    gaps = rows.assign(arm=rows["arm"].mask(rows.index % 4 == 0))
    found = measured(gaps)
    assert {one.code: one.message.split()[0] for one in found.findings()} == {"AB-NO-ARM": "1,000"}
    unknown = rows.assign(before=rows["before"].mask(rows.index % 3 == 0, np.inf))
    assert math.isfinite(measured(unknown, covariate="before").table["difference"][0].value)
    spoken = rows.assign(bought=rows["bought"].astype(bool).astype(object).mask(rows.index % 5 == 0))
    assert measured(spoken, outcome="bought").table["units"][0] > 1000
    counted = rows.assign(arm=(rows["arm"] == "new").astype(float).mask(rows.index % 4 == 0))
    assert measured(counted, control=0).control == "0"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"guardrails": {"spent": "lower"}}, "'spent' is the outcome, and cannot be its own guardrail"),
        ({"shares": {"old": "half", "new": "half"}}, "Give the share of every arm"),
    ],
)
def test_options_that_contradict_themselves_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        measured(trial(200), **options)


@pytest.mark.parametrize("given", [{"lift": 0.0}, {"lift": 0.1, "correlation": 1.0}, {"baseline": 0.6, "lift": 1.0}])
def test_a_plan_of_the_impossible_is_refused(given):
    with pytest.raises(InputError, match="Give a lift other than 0"):
        tk.plan_ab_test(**{"baseline": 0.1, **given})


class TestMissingOutcomes:
    def test_a_blank_for_nothing_bought_is_said_where_the_arms_differ_in_it(self):
        rng = np.random.default_rng(1)
        arm = np.tile(["old", "new"], 2000)
        bought = rng.random(4000) < np.where(arm == "old", 0.5, 0.25)
        spent = np.where(bought, rng.normal(100, 10, 4000), np.nan)
        (found,) = measured(pd.DataFrame({"arm": arm, "spent": spent})).findings()
        assert (found.code, found.severity) == ("AB-MISSING", "high")
        assert f"{(~bought).sum():,} of 4,000 units" in found.message
        assert "write 0" in found.message

    def test_as_many_in_each_arm_are_said_and_are_no_fault_of_the_arms(self):
        frame = trial(visits=2)
        frame.loc[::10, "spent"] = np.nan
        (found,) = measured(frame, unit="user").findings()
        assert (found.code, found.severity) == ("AB-MISSING", "medium")
        assert "1,600 of 8,000 units" in found.message

    def test_none_missing_is_not_said(self):
        assert measured(trial()).findings() == []


def test_a_number_too_large_to_be_squared_is_missing():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"arm": ["a", "b"] * 1000, "spent": rng.gamma(1, 10, 2000)})
    found = tk.ab_test(rows.assign(spent=rows.spent.mask(rows.index == 5, 1e300)), outcome="spent", arm="arm")
    left_out = tk.ab_test(rows.drop(index=5), outcome="spent", arm="arm")
    assert found.table["difference"][0].value == pytest.approx(left_out.table["difference"][0].value)
    assert "AB-MISSING" in {one.code for one in found.findings()}


def test_without_variation_nothing_is_tested():
    frame = pd.DataFrame({"arm": ["new", "old"] * 1000, "spent": [1, 0] * 1000})
    assert measured(frame).table["outcome"].tolist() == ["no variation"]


def test_shares_may_name_arms_that_are_numbers():
    frame = trial().assign(arm=lambda table: (table["arm"] == "new").astype(int))
    assert measured(frame, control="0", shares={0: 1, 1: 1}).ratio == measured(frame, control="0").ratio


def test_an_outcome_is_not_its_own_covariate():
    with pytest.raises(InputError, match="cannot be its own covariate"):
        measured(trial(), covariate="spent")


def test_of_means_next_to_zero_the_lift_has_no_upper_end():
    rows = np.random.default_rng(0).normal(size=(400, 2))
    rows += 1e-6 - rows.mean(axis=0)
    frame = pd.DataFrame({"arm": np.repeat(["new", "old"], 400), "spent": rows.T.ravel()})
    found = measured(frame)
    lift = found.table["lift"][0]
    assert (lift.low, lift.high) == (-1.0, math.inf)
    assert list(found.pictures()) == ["lift"]
