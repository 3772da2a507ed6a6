"""Statistics of drift against references, exact enumeration and simulation."""

import warnings
from dataclasses import replace
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from toolkit.data import contract
from toolkit.drift import comparison
from toolkit.drift.detect import detect_drift
from toolkit.drift.distances import METHODS, pair_of, sturges_edges
from toolkit.drift.model import tell_apart
from toolkit.drift.profile import load_profile, summarize
from toolkit.drift.summary import CELLS, align, summarize_column, unit_change
from toolkit.drift.verdicts import find_break, judge_pair, p_value
from toolkit.statistics.binning import cell_starts
from toolkit.statistics.significance import all_on_one_side, homogeneity


def numbers(values):
    return summarize_column(pd.Series(np.asarray(values, dtype=float)), "a", len(values))


def labels(codes, size):
    names = [f"level {code:04}" for code in range(size)]
    return summarize_column(pd.Series(pd.Categorical.from_codes(codes, names)), "a", len(codes))


def test_homogeneity_is_pearsons_test_where_counts_are_large():
    rng = np.random.default_rng(0)
    for k in (2, 4, 12):
        table = rng.multinomial(20_000, rng.dirichlet(np.full(k, 5)), size=2)
        expected = stats.chi2_contingency(table, correction=False).pvalue
        assert homogeneity(*table.astype(float)) == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize(("k", "n", "m"), [(3, 12, 9), (6, 40, 400), (300, 150, 200), (20_000, 3000, 1000)])
def test_homogeneity_has_the_moments_of_shuffled_rows_and_keeps_its_level(k, n, m):
    rng = np.random.default_rng(k)
    codes = rng.choice(k, n + m, p=rng.dirichlet(np.ones(k)))
    both = np.bincount(codes, minlength=k).astype(float)
    chances, statistics = [], []
    for _ in range(1500):
        first = np.bincount(rng.permutation(codes)[:n], minlength=k).astype(float)
        chances.append(homogeneity(first, both - first))
        expected = both[both > 0] * n / (n + m)
        statistics.append(((first[both > 0] - expected) ** 2 / both[both > 0]).sum() * (n + m) ** 2 / (n * m))
    distinct = (both > 0).sum()
    assert np.mean(statistics) == pytest.approx((n + m) * (distinct - 1) / (n + m - 1), rel=0.05)
    assert np.mean(np.array(chances) <= 0.05) <= 0.067
    assert np.mean(np.array(chances) <= 0.2) <= 0.25


def test_homogeneity_sees_sparse_labels_move():
    rng = np.random.default_rng(0)
    first = np.bincount(rng.integers(0, 10_000, 5000), minlength=20_000).astype(float)
    second = np.bincount(rng.integers(5_000, 15_000, 5000), minlength=20_000).astype(float)
    assert homogeneity(first, second) < 1e-6


@pytest.mark.parametrize(("rows", "here", "there"), [(1, 5, 7), (3, 10, 4), (6, 6, 20), (4, 3, 9)])
def test_all_on_one_side_is_hypergeometric(rows, here, there):
    assert all_on_one_side(rows, here, there) == pytest.approx(stats.hypergeom.sf(rows - 1, here + there, rows, here))


def test_large_samples_use_the_limit_of_kolmogorov_and_smirnov():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=3000), rng.normal(0.05, 1, 2500)
    expected = stats.ks_2samp(first, second, method="asymp").pvalue
    assert p_value(pair_of(numbers(first), numbers(second))) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_identical_columns_are_at_distance_zero(method):
    kind = numbers(np.arange(50) / 3) if METHODS[method].numbers else labels([0, 1] * 30, 2)
    pair = pair_of(kind, kind)
    assert pair.distance(method) == pytest.approx(0, abs=1e-7)
    judged = judge_pair(pair, method)
    assert judged["beyond_chance"] == 0
    assert judged["p_value"] > 0.2
    assert judged["distance"].low == pytest.approx(0, abs=1e-7)
    assert judged["distance"].high > 0.001


@pytest.mark.parametrize("whole", [False, True])
def test_sturges_edges_are_numpys(whole):
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=700), rng.poisson(3, 900), rng.integers(0, 9999, 50)):
        drawn = values.astype("int64") if whole else values.astype(float)
        edges = sturges_edges(np.unique(drawn).astype(float), len(drawn), whole)
        np.testing.assert_allclose(edges, np.histogram_bin_edges(drawn, "sturges"))


def coverage(draw, truth, method, repeats, sizes):
    rng = np.random.default_rng(0)
    hits = 0
    for repeat in range(repeats):
        pair = pair_of(draw(rng, sizes[0], 0), draw(rng, sizes[1], 1))
        distance = judge_pair(pair, method, repeat)["distance"]
        hits += distance.low <= truth <= distance.high
    return hits / repeats


@pytest.mark.parametrize(
    ("method", "shift", "truth"),
    [
        ("wasserstein", 0.1, 0.1),
        ("wasserstein", 0.5, 0.5),
        ("ks", 0.1, 2 * stats.norm.cdf(0.05) - 1),
        ("ks", 0.5, 2 * stats.norm.cdf(0.25) - 1),
    ],
)
@pytest.mark.parametrize("sizes", [(80, 60), (1500, 2500)])
def test_intervals_of_numbers_cover_the_distance_of_the_populations(method, shift, truth, sizes):
    def draw(rng, rows, which):
        return numbers(rng.normal(shift * which, 1, rows))

    assert coverage(draw, truth, method, 80, sizes) >= 0.87


@pytest.mark.parametrize("method", ["jensenshannon", "chisquare", "psi", "hellinger", "kl_div"])
@pytest.mark.parametrize("mix", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("k", [2, 8])
def test_intervals_of_labels_cover_the_distance_of_the_populations(method, mix, k):
    before = np.arange(1, k + 1) / np.arange(1, k + 1).sum()
    after = (1 - mix) * before + mix * before[::-1]
    truth = float(METHODS[method].distance(before, after))

    def draw(rng, rows, which):
        return labels(rng.choice(k, rows, p=after if which else before), k)

    assert coverage(draw, truth, method, 80, (400, 900)) >= 0.87


def test_what_chance_does_is_what_samples_of_one_population_do():
    rng = np.random.default_rng(0)
    for method in ("wasserstein", "ks", "jensenshannon"):
        judged = [
            judge_pair(pair_of(numbers(rng.lognormal(size=300)), numbers(rng.lognormal(size=500))), method)
            for _ in range(80)
        ]
        observed = np.mean([found["distance"].value for found in judged])
        assert np.mean([found["by_chance"].value for found in judged]) == pytest.approx(observed, rel=0.15)


column = st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(column, column)
def test_summaries_add_up_to_the_summary_of_all_rows(first, second):
    parts = [summarize_column(pd.Series(part, dtype=float), "a", len(part)) for part in (first, second)]
    merged = parts[0].merged(parts[1])
    whole = summarize_column(pd.Series(first + second, dtype=float), "a", len(first) + len(second))
    assert (merged.rows, merged.missing, merged.dtype) == (whole.rows, whole.missing, whole.dtype)
    np.testing.assert_array_equal(merged.distinct, whole.distinct)
    np.testing.assert_array_equal(merged.counts, whole.counts)
    if whole.known:
        assert merged.mean == pytest.approx(whole.mean, abs=1e-6)
        assert merged.std == pytest.approx(whole.std, rel=1e-6, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=80), st.lists(st.integers(-50, 50), min_size=1, max_size=80))
def test_aligned_counts_are_those_of_a_table_of_both(first, second):
    values, mine, theirs = align(numbers(first), numbers(second))
    assert values.tolist() == sorted(set(first) | set(second))
    assert mine.tolist() == [first.count(value) for value in values]
    assert theirs.tolist() == [second.count(value) for value in values]


@pytest.mark.parametrize("draw", ["normal", "cauchy", "lognormal", "zeros"])
def test_a_reduced_column_is_off_by_no_more_than_it_says(draw):
    rng = np.random.default_rng(0)
    made = {
        "normal": rng.normal(size=20_000),
        "cauchy": rng.standard_cauchy(20_000),
        "lognormal": rng.lognormal(0, 2, 20_000),
        "zeros": np.where(rng.random(20_000) < 0.7, 0.0, rng.exponential(size=20_000)),
    }
    values = made[draw]
    whole, kept = numbers(values), numbers(values).reduced
    assert CELLS <= len(kept.distinct) + 1 <= 1.3 * CELLS or draw == "zeros"
    assert kept.counts.sum() == len(values)
    assert (kept.distinct[0], kept.distinct[-1]) == (values.min(), values.max())
    apart = stats.wasserstein_distance(values, kept.distinct, v_weights=kept.counts)
    assert apart <= kept.error * (1 + 1e-9)
    assert pair_of(whole, kept).distance("ks") <= 2 / CELLS
    other = numbers(rng.normal(0.3, 1.2, 5000))
    exact, near = (pair_of(part, other).distance("wasserstein") for part in (whole, kept))
    assert abs(exact - near) * whole.std <= kept.error + 1e-9


def test_cells_keep_the_order_and_all_rows():
    counts = np.random.default_rng(0).integers(1, 50, 5000)
    starts = cell_starts(counts, 100)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert np.add.reduceat(counts, starts).sum() == counts.sum()
    assert 100 <= len(starts) <= 130


def test_many_labels_are_grouped_without_favour_to_either_table():
    rng = np.random.default_rng(0)
    chances, distances = [], []
    for _ in range(80):
        whole, other = (labels(rng.zipf(1.3, rows) % 5000, 5000) for rows in (20_000, 15_000))
        kept = whole.reduced
        assert (kept.hashed, int(kept.counts.sum())) == (True, 20_000)
        exact, near = (pair_of(part, other).distance("jensenshannon") for part in (whole, kept))
        distances.append(exact - near)
        chances.append(p_value(pair_of(kept, other)))
    assert min(distances) >= 0
    assert np.mean(np.array(chances) <= 0.05) <= 0.12


@pytest.mark.parametrize("factor", [10.0, 1000.0, 0.001, 60.0, 2.54, 1 / 0.45359237])
def test_a_change_of_units_is_named(factor):
    rng = np.random.default_rng(0)
    rows = 800 if factor in (10, 1000, 0.001, 60) else 30_000
    before, after = rng.gamma(4, 20, rows), rng.gamma(4, 20, rows) * factor
    assert unit_change(numbers(before), numbers(after)) == pytest.approx(factor)
    code, said = find_break(numbers(before), numbers(after), 0.001)
    assert code == "UNIT"
    assert ("multiplied" if factor > 1 else "divided") in said


def test_a_shift_or_another_spread_is_no_change_of_units():
    rng = np.random.default_rng(0)
    before = rng.normal(100, 10, 2000)
    for after in (rng.normal(140, 10, 2000), rng.normal(100, 40, 2000), rng.normal(300, 30, 2000)):
        assert unit_change(numbers(before), numbers(after)) == 0


def test_three_alike_rows_are_no_constant_column_but_many_are():
    before = labels(np.repeat([0, 1], 500), 2)
    assert find_break(before, labels([0, 0, 0], 2), 0.001) == ("", "")
    assert find_break(before, labels([0] * 30, 2), 0.001)[0] == "CONSTANT"


@pytest.mark.parametrize("others", [3, 6, 9])
def test_a_rare_value_absent_by_chance_leaves_no_constant_column(others):
    columns = [
        summarize_column(pd.Series(["y"] * others + ["n"] * (75 - others), dtype="category"), "a", 75),
        summarize_column(pd.Series(["n"] * 75, dtype="category"), "a", 75),
    ]
    # Of so many rare values all lie in the first of two equal halves once in 2 ** others times, or a little less.
    assert find_break(*columns, rare=0.5**others)[0] == "CONSTANT"
    assert find_break(*columns, rare=0.3**others) == ("", "")


def test_the_domain_classifier_keeps_its_level():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(40):
        first, second = (
            pd.DataFrame({"a": rng.normal(size=rows), "b": pd.Categorical(rng.choice(list("xyz"), rows))})
            for rows in (150, 100)
        )
        found.append(tell_apart(first, second, seed))
    assert np.mean([domain.p_value <= 0.05 for domain in found]) <= 0.12
    assert np.mean([domain.roc_auc.low <= 0.5 <= domain.roc_auc.high for domain in found]) >= 0.88
    assert np.mean([domain.roc_auc.value for domain in found]) == pytest.approx(0.5, abs=0.02)


def test_labels_seen_once_or_twice_do_not_tell_halves_apart():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"town": pd.Categorical(rng.integers(0, 120, 200).astype(str)), "x": rng.normal(size=200)})
    areas = []
    for _ in range(5):
        order = rng.permutation(200)
        areas.append(tell_apart(table.iloc[order[:100]], table.iloc[order[100:]], 0).roc_auc.value)
    assert abs(np.mean(areas) - 0.5) < 0.08


def test_the_domain_classifier_has_nothing_to_say_about_very_few_rows():
    assert tell_apart(pd.DataFrame({"a": [1.0] * 20}), pd.DataFrame({"a": [1.0] * 500}), 0) is None


def test_the_domain_classifier_copes_with_a_column_that_has_hardly_a_value():
    rng = np.random.default_rng(0)
    first, second = (pd.DataFrame({"a": rng.normal(shift, 1, 300), "rare": np.nan}) for shift in (0, 3))
    first.loc[7, "rare"] = 1.5
    domain = tell_apart(first, second, 0)
    assert domain.roc_auc.low > 0.9
    assert domain.giveaways() == ["a"]


@pytest.mark.parametrize("levels", [3, 40])
def test_whole_numbers_too_large_for_a_float_are_told_apart(levels, tmp_path):
    """Identifiers and nanoseconds near 2**60 share a float with a hundred neighbours."""
    rng = np.random.default_rng(0)
    small = [pd.DataFrame({"a": start + rng.integers(0, levels, 2000)}) for start in (0, levels)]
    huge = [table + 2**60 for table in small]
    expected, found = (detect_drift(*tables).table.iloc[0] for tables in (small, huge))
    assert found["verdict"] == expected["verdict"] == "drifted"
    assert found["distance"].value == pytest.approx(expected["distance"].value, rel=1e-9)
    assert found["outside_share"] == pytest.approx(expected["outside_share"], nan_ok=True)
    assert found["new_share"] == expected["new_share"]
    kept = load_profile(summarize(huge[0]).save(tmp_path / "kept.json"))
    assert detect_drift(kept, huge[1]).table.iloc[0]["distance"].value == pytest.approx(expected["distance"].value)


@given(st.lists(st.integers(-60, 60), min_size=1, max_size=80), st.sampled_from([0, 2**40, 2**62, -(2**62)]))
def test_whole_numbers_are_counted_however_close_they_lie(numbers, start):
    column = pd.Series(numbers) + start
    values, counts = np.unique(column.to_numpy(), return_counts=True)
    found = summarize_column(column, "a", len(column))
    assert found.distinct.tolist() == values.tolist()
    assert found.counts.tolist() == counts.tolist()


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_thousandth_furthest_out_is_found_without_sorting_all_rows(draw):
    rng = np.random.default_rng(draw)
    values = np.unique(rng.standard_cauchy(rng.integers(2, 3000)) ** rng.choice([1, 3]))
    summary = summarize_column(pd.Series(rng.choice(values, 3000)), "a", 3000)
    pair = pair_of(summary, summary)
    rows = np.repeat(pair.points / pair.norm, pair.reference)
    near = rows[np.argsort(np.abs(rows - rows.mean()), kind="stable")[:2997]]
    assert pair.heavy_tailed == (near.var() < 0.1 and near[0] != near[-1])


@pytest.mark.parametrize(
    ("module", "step"), [(comparison, "judge_column"), (contract, "_read"), (contract, "_described")]
)
def test_columns_are_read_and_judged_two_at_a_time_and_warnings_stay_as_they_were(monkeypatch, module, step):
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    met, do, shown = Barrier(2, timeout=30), getattr(module, step), list(warnings.filters)
    monkeypatch.setattr(module, step, lambda *given, **how: met.wait() < 2 and do(*given, **how))
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 8))).add_prefix("column ")
    found = detect_drift(rows, rows, methods="anderson")
    assert sorted(found.table["column"]) == list(rows)
    assert warnings.filters == shown


@pytest.mark.parametrize("times", [1, 3, 10**9, 10**10, 0.1])
def test_how_often_every_row_occurs_does_not_change_how_far_columns_are_apart(times):
    before, after = (pd.Series(np.repeat(np.arange(20.0), counts)) for counts in (range(1, 21), range(21, 1, -1)))
    once = [summarize_column(column, "a", len(column)) for column in (before, after)]
    often = [replace(one, rows=one.rows * times, counts=one.counts * times) for one in once]
    for method in ("wasserstein", "ks"):
        expected = pair_of(*once).distance(method)
        assert pair_of(*often).distance(method) == pytest.approx(expected, rel=1e-12)
    assert pair_of(*once).distance("ks") == stats.ks_2samp(before, after).statistic
