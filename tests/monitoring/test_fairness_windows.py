"""Fairness over time: growth since the reference is found where it is planted, and seldom elsewhere."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from toolkit.data.load import load_dataset
from toolkit.errors import NotApplicableError
from toolkit.fairness.audit import audit_fairness
from toolkit.models.preprocessing import make_model
from toolkit.monitoring.fairness import audit_windows


def applicants(seed, rows=4000, harmed=()):
    """Make applicants of whom those of group b lose their chance in the windows (of a quarter each) named."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"score": rng.normal(size=rows), "age": rng.integers(18, 80, rows).astype(float)})
    frame["group"] = rng.choice(["a", "b", "c"], rows, p=[0.5, 0.4, 0.1])
    quarter = np.arange(rows) * 4 // rows
    frame["score"] -= np.where(np.isin(quarter, harmed) & (frame["group"] == "b"), 1.0, 0.0)
    frame["month"] = pd.Timestamp("2024-01-15") + pd.to_timedelta(quarter * 31, unit="D")
    frame["paid"] = np.where(rng.random(rows) < 1 / (1 + np.exp(-frame["score"])), "yes", "no")
    return frame


def loaded(frame):
    return load_dataset(frame, target="paid", positive="yes", sensitive=["group", "age"], time="month")


@pytest.fixture(scope="module")
def reference():
    return loaded(applicants(1))


@pytest.fixture(scope="module")
def model(reference):
    return make_model(LogisticRegression(), reference.features).fit(reference.features, reference.target)


def test_a_disparity_that_grew_is_found_in_its_window_only(model, reference):
    found = audit_windows(model, reference, loaded(applicants(2, harmed=[2])), window="month", replicates=500)
    grown = found.table[found.table["p_growth"] <= 0.05]
    grown = grown[grown["window"] != "all"]
    assert set(grown["window"]) == {"2024-03"}
    assert set(grown["feature"]) == {"group"}
    assert set(grown["worst"]) == {"b"}
    note = found.findings()[0]
    assert (note.code, note.severity, note.where) == ("FAIRNESS-GROWN", "medium", "group")
    assert "in 1 of 4 windows" in note.message
    assert found.scalars()["drift.fairness_windows_grown"].value == 1


@pytest.mark.parametrize("few", [100, 5])
def test_small_groups_do_not_hide_the_growth_between_two_large_ones(model, few):
    tables = []
    for seed, shares, moved in [(20, [100] * 4, 0.0), (21, [few] * 4, 0.5)]:
        rng, groups = np.random.default_rng(seed), np.repeat(list("abcdef"), [1800, 1800, *shares])
        score = rng.normal(size=len(groups)) - moved * (groups == "b")
        paid = np.where(rng.random(len(groups)) < 1 / (1 + np.exp(-score)), "yes", "no")
        frame = pd.DataFrame(
            {"score": score, "age": rng.integers(18, 80, len(groups)).astype(float), "group": groups, "paid": paid}
        )
        tables.append(load_dataset(frame, target="paid", positive="yes", sensitive=["group"]))
    found = audit_windows(model, *tables, replicates=500)
    note = found.findings()[0]
    assert note.code == "FAIRNESS-GROWN"
    row = found.table[found.table["window"] == "all"].set_index("disparity").loc["demographic_parity_difference"]
    assert row["p_growth"] < 1e-6
    assert row["grown"].startswith("selection rate 0.5")
    assert " for a and 0." in row["grown"]
    assert " for b, on the reference 0." in row["grown"]


def test_growth_is_seldom_seen_where_there_is_none(model, reference):
    codes = [
        audit_windows(model, reference, loaded(applicants(seed)), window=1000, replicates=500).findings()[0].code
        for seed in (3, 4)
    ]
    assert codes == ["FAIRNESS-NOT-GROWN"] * 2


@pytest.mark.slow
def test_growth_is_claimed_in_at_most_five_percent_of_unchanged_tables(model, reference):
    claimed = 0
    for seed in range(100, 200):
        before = loaded(applicants(seed, 2000))
        found = audit_windows(model, before, loaded(applicants(seed + 500, 2000)), window=500, replicates=2000)
        claimed += found.findings()[0].code == "FAIRNESS-GROWN"
    print(f"growth claimed in {claimed} of 100 tables")
    assert claimed <= 9


def test_each_window_is_audited_as_a_table_of_its_own(model, reference):
    later = loaded(applicants(5))
    found = audit_windows(model, reference, later, window="month").table
    assert list(found["window"].unique()) == ["reference", "all", "2024-01", "2024-02", "2024-03", "2024-04"]
    alone = audit_fairness(model, later.take(range(1000)), sensitive=["group"], depth=1).disparities
    for name in ("demographic_parity_difference", "equalized_odds_difference"):
        one = found[(found["window"] == "2024-01") & (found["feature"] == "group") & (found["disparity"] == name)]
        assert one["value"].iloc[0].value == alone.set_index("disparity").loc[name, "value"].value
    # Numbers are cut where those of the reference are, in every window.
    ages = found[found["feature"] == "age"]
    assert {label for label in ages["worst"] if "under" in label} <= {"under 35", "35 to under 50", "50 to under 65"}


def test_a_frame_with_some_labels_is_audited_by_them(model, reference):
    frame = applicants(6)
    frame.loc[2000:, "paid"] = None
    found = audit_windows(model, reference, frame, window="month", replicates=500)
    assert (found.rows, found.windows) == (2000, 2)
    assert list(found.table["window"].unique()) == ["reference", "all", "2024-01", "2024-02"]
    whole = audit_windows(model, reference, loaded(frame[:2000]), window="month", replicates=500)
    pd.testing.assert_frame_equal(found.frame(), whole.frame())


def test_what_cannot_be_audited_is_not_applicable(model, reference):
    frame = applicants(7)
    for arguments, message in [
        ((None, reference, frame), "needs a model"),
        ((model, frame, frame), "a reference whose outcome is known"),
        ((model, reference, frame.assign(paid=None)), "No current row has a label"),
        ((model, load_dataset(frame, target="paid", time="month"), frame), "No sensitive column"),
    ]:
        with pytest.raises(NotApplicableError, match=message):
            audit_windows(*arguments)
    with pytest.raises(NotApplicableError, match="400 windows; at most 200"):
        audit_windows(model, reference, frame, window=10)


@pytest.mark.slow
def test_tiny_windows_and_rows_of_one_class_or_group_are_no_error(model, reference):
    for frame in (applicants(8)[:3], applicants(8).assign(paid="no"), applicants(8)[:500].assign(group="b", age=None)):
        found = audit_windows(model, reference, frame, window=100, replicates=500)
        assert found.findings()[0].code == "FAIRNESS-NOT-GROWN"
        assert "nan" not in found._repr_html_()
        found.plot("disparity") if found.pictures() else None


def test_where_no_two_groups_can_be_compared_with_the_reference_that_is_said(model, reference):
    """Rows of one group alone were called free of growth: nothing was compared."""
    alone = applicants(3)
    known = load_dataset(applicants(1), target="paid", positive="yes", sensitive=["group"], time="month")
    said = {}
    for name, frame in {"all": alone, "one": alone.assign(group="a")}.items():
        (note,) = audit_windows(model, known, frame, window="month", replicates=500).findings()
        said[name] = (note.severity, note.message.partition("with it in ")[2])
    assert said["all"][0] == "info"
    assert said["all"][1].startswith("4 of 4 windows;")
    assert said["one"] == ("low", "0 of 4 windows; disparities exceed chance in 0.")


def test_it_is_a_result(model, reference):
    found = audit_windows(model, reference, loaded(applicants(9)), window="month", replicates=500)
    assert len(found.frame()) == len(found.table) == 6 * 10
    assert found.pictures()["disparity"].alt.startswith("Demographic parity difference. group in reference: 0.")
    axes = found.plot()
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        "reference",
        "2024-01",
        "2024-02",
        "2024-03",
        "2024-04",
    ]
    drawn = found.figure_data("disparity")
    first = drawn[drawn["feature"] == drawn["feature"].iloc[0]]
    assert first["value"].tolist() == pytest.approx(axes.lines[0].get_ydata())
    assert "4,000 rows with a label in 4 windows, each against the reference." in repr(found)
