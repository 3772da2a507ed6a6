import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import roc_auc_score

from toolkit.core.result import Finding
from toolkit.core.words import value_text
from toolkit.data.findings import check_features, copies_target, gathered, leakage_scores, row_hashes
from toolkit.data.load import load_dataset
from toolkit.statistics.ranking import roc_auc

RANDOM = np.random.default_rng(3)
ROWS = 600
Y = pd.Series(RANDOM.integers(0, 2, ROWS), name="y")
NOISE = pd.Series(RANDOM.normal(size=ROWS))


def found(column=NOISE, target=Y, task="binary"):
    """Check one column beside a harmless one; return the findings by code."""
    features = pd.DataFrame({"col": column, "noise": NOISE})
    return {finding.code: finding for finding in check_features(features, target, task)}


def test_an_ordinary_table_has_no_findings():
    assert found() == {}


@pytest.mark.parametrize(("share", "severity"), [(0.04, None), (0.1, "low"), (0.6, "medium")])
def test_missing_values(share, severity):
    findings = found(NOISE.mask(np.arange(ROWS) < share * ROWS))
    assert findings.get("DATA-MISSING", Finding("", None, "")).severity == severity
    if severity:
        assert f"missing in {share:.1%}" in findings["DATA-MISSING"].message
        assert findings["DATA-MISSING"].where == "col"


@pytest.mark.parametrize("values", [(0, 1), ("a", "b")])
def test_near_constant_columns(values):
    column = pd.Series([values[0]] * (ROWS - 5) + [values[1]] * 5)
    column = column.astype("category") if values[0] == "a" else column
    finding = found(column)["DATA-NEAR-CONSTANT"]
    assert finding.message == f"Column 'col' is {str(values[0])!r} in 99.17% of the rows."
    assert "DATA-NEAR-CONSTANT" not in found(pd.Series([0] * (ROWS - 7) + [1] * 7))


@pytest.mark.parametrize("role", [{"group": "town"}, {"sensitive": "town", "sensitive_as_features": False}])
def test_labels_that_look_the_same_are_said_of_groups_and_people_too(role):
    rows = pd.DataFrame({"x": np.arange(400.0), "town": np.resize(["Oslo", "Oslo ", "Bergen"], 400), "y": [0, 1] * 200})
    said = {(one.code, one.where): one.message for one in load_dataset(rows, target="y", **role).findings()}
    assert "count as different: 'Oslo', 'Oslo '. If" in said["DATA-LABELS-ALIKE", "town"]


AGES, PAY = np.arange(ROWS) % 62 + 18, np.linspace(20, 9000, ROWS)


@pytest.mark.parametrize(
    ("values", "code", "severity"),
    [
        (AGES, -999, "medium"),
        (PAY, -9, "medium"),  # alone below 0, though not far from what pay can be
        (PAY - 4000, -99_999, "medium"),
        (AGES, 999, "low"),
        (AGES, 99, None),  # an age
        (PAY - 4000, -999, None),
        (AGES, -998, None),
        (PAY, 99, None),
    ],
)
def test_numbers_that_may_be_codes_of_a_missing_value(values, code, severity):
    column = pd.Series(values, dtype=float).mask(np.arange(ROWS) < 60, code).mask(np.arange(ROWS) > 590)
    one = found(column).get("DATA-CODE")
    assert (one and one.severity) == severity
    others = " to ".join(map(value_text, column[column != code].agg(["min", "max"])))
    assert one is None or f"holds {code} in 60 rows, apart from its other values ({others})" in one.message
    assert found(column.mask(column == code).astype(float).where(np.arange(ROWS) > 0, code)).keys() <= {"DATA-MISSING"}


def test_a_target_may_hold_codes_too():
    target = pd.Series(PAY, name="pay").mask(np.arange(ROWS) < 60, -999)
    assert found(target=target, task="regression")["DATA-CODE"].where == "pay"


def test_high_cardinality():
    labels = pd.Series([f"v{i % 150}" for i in range(ROWS)], dtype="category")
    assert "150 different labels in 600 rows" in found(labels)["DATA-HIGH-CARDINALITY"].message
    assert "DATA-HIGH-CARDINALITY" not in found(pd.Series([f"v{i % 100}" for i in range(ROWS)], dtype="category"))


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["no", "no ", "yes"], "'no', 'no '"),
        (["Yes", "no", "yes", "maybe"], "'Yes', 'yes'"),
        (["caf\u00e9", "cafe\u0301", "tea"], "'cafe\\u0301', 'café'"),
        (["a b", "a\u00a0b", "c"], r"'a b', 'a\xa0b'"),
        (["0", "1", "1.0"], "'1', '1.0'"),
    ],
)
def test_labels_that_look_the_same(labels, shown):
    column = pd.Series(np.resize(labels, ROWS), name="y", dtype="category")
    for findings, severity in (
        (found(column), "medium"),
        (found(target=column.astype(object), task="multiclass"), "high"),
    ):
        assert findings["DATA-LABELS-ALIKE"].severity == severity
        assert f"count as different: {shown}. If" in findings["DATA-LABELS-ALIKE"].message
    assert "DATA-LABELS-ALIKE" not in found(column.cat.rename_categories(["x", "y", "z", "w"][: len(labels)]))


def test_duplicate_rows():
    features = pd.DataFrame({"a": NOISE, "b": pd.Series(["x", "y"] * 300, dtype="category")})
    twice = pd.concat([features, features.head(100)], ignore_index=True)
    target = pd.concat([Y, Y.head(100)], ignore_index=True)
    findings = {finding.code: finding for finding in check_features(twice, target, "binary")}
    assert findings["DATA-DUPLICATE-ROWS"].message.startswith("100 rows repeat an earlier one")
    assert "(14.3% of 700)" in findings["DATA-DUPLICATE-ROWS"].message
    target.iloc[600:] = 1 - target.iloc[600:]
    assert "DATA-DUPLICATE-ROWS" not in {finding.code for finding in check_features(twice, target, "binary")}


def test_few_rows_and_tiny_classes():
    target = pd.Series(["a"] * 100 + ["b"] * 15 + ["c"], name="y")
    findings = list(check_features(pd.DataFrame({"noise": NOISE.head(116)}), target, "multiclass"))
    assert [(finding.code, finding.severity) for finding in findings] == [
        ("DATA-FEW-ROWS", "medium"),
        ("DATA-TINY-CLASS", "high"),
        ("DATA-TINY-CLASS", "medium"),
    ]
    assert "only 116 rows" in findings[0].message
    assert "Class 'c' of 'y' has only 1 row of 116" in findings[1].message


def test_many_classes():
    target = pd.Series([f"c{i % 60}" for i in range(1800)], name="y")
    findings = list(check_features(pd.DataFrame({"noise": RANDOM.normal(size=1800)}), target, "multiclass"))
    assert [finding.code for finding in findings] == ["DATA-MANY-CLASSES"]


# Leakage

CLASSES = pd.Series(RANDOM.choice(["p", "q", "r"], ROWS), name="y")
AMOUNT = pd.Series(RANDOM.lognormal(3, 2, ROWS), name="y")


@pytest.mark.parametrize(
    ("column", "target", "task"),
    [
        (Y, Y, "binary"),
        (7 - 3 * Y, Y, "binary"),
        (Y.map({0: "no", 1: "yes"}).astype("category"), Y, "binary"),
        (Y.map({0: np.nan, 1: 5.0}), Y, "binary"),
        (CLASSES.map({"p": 2, "q": 9, "r": 4}), CLASSES, "multiclass"),
        (CLASSES.astype("category"), CLASSES, "multiclass"),
        (AMOUNT, AMOUNT, "regression"),
        (3 - 2 * AMOUNT, AMOUNT, "regression"),
        (np.log(AMOUNT), AMOUNT, "regression"),
    ],
)
def test_a_copy_of_the_target_under_any_labels(column, target, task):
    findings = found(column, target, task)
    assert set(findings) - {"DATA-MISSING"} == {"DATA-TARGET-COPY"}
    assert (findings["DATA-TARGET-COPY"].severity, findings["DATA-TARGET-COPY"].where) == ("critical", "col")
    assert copies_target(column, target, task)


@pytest.mark.parametrize(
    ("column", "target", "task", "measure"),
    [
        (Y + RANDOM.uniform(0, 0.9, ROWS), Y, "binary", "ROC AUC 0.99"),
        (Y * 10 + RANDOM.integers(0, 10, ROWS), Y, "binary", "ROC AUC 1.000"),
        (
            pd.Series(np.where(Y == 1, "b", RANDOM.choice(["a", "c"], ROWS)), dtype="category"),
            Y,
            "binary",
            "ROC AUC 1.000",
        ),
        (pd.Series(np.where(Y == 1, np.nan, NOISE)), Y, "binary", "ROC AUC 1.000"),
        (CLASSES.map({"p": 0, "q": 1, "r": 2}) + RANDOM.uniform(0, 0.9, ROWS), CLASSES, "multiclass", "ROC AUC"),
        (AMOUNT * RANDOM.uniform(0.98, 1.02, ROWS), AMOUNT, "regression", "rank R²"),
    ],
)
def test_a_feature_that_alone_predicts_the_target(column, target, task, measure):
    findings = found(column, target, task)
    assert set(findings) - {"DATA-MISSING"} == {"DATA-LEAKAGE"}
    assert findings["DATA-LEAKAGE"].severity == "high"
    assert measure in findings["DATA-LEAKAGE"].message
    assert not copies_target(column, target, task)


def test_good_features_are_no_leakage():
    for name in ("census_income", "diabetes", "wine", "acs_employment"):
        data = load_dataset(name)
        scores = leakage_scores(data.features, data.target, data.task)
        assert len(scores) == data.features.shape[1]
        assert max(scores.values()) < 0.99
        assert min(scores.values()) > -0.2


def test_leakage_scores_agree_with_scikit_learn_on_the_held_out_half():
    column = pd.Series(np.where(RANDOM.random(4000) < 0.3, 1, RANDOM.integers(0, 5, 4000)))
    target = pd.Series((RANDOM.random(4000) < 0.2 + 0.1 * column).astype(int))
    order = np.random.default_rng(0).permutation(4000)
    fit, judge = order[:2000], order[2000:]
    rates = target[fit].groupby(column[fit]).mean()
    expected = roc_auc_score(target[judge], column[judge].map(rates))
    assert leakage_scores(pd.DataFrame({"a": column}), target, "binary")["a"] == pytest.approx(expected, abs=1e-9)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=4, max_size=60).filter(
        lambda rows: len({y for _, y in rows}) == 2
    )
)
@settings(max_examples=60, deadline=None)
def test_the_area_with_ties_is_that_of_the_rows(rows):
    score, y = np.array(rows, dtype=float).T
    assert roc_auc(y, score)[0] == pytest.approx(roc_auc_score(y, score))


def test_tiny_tables_and_tiny_classes_get_no_score():
    assert leakage_scores(pd.DataFrame({"a": Y[:30]}), Y[:30], "binary") == {}
    rare = pd.Series([0] * 97 + [1] * 3)
    assert leakage_scores(pd.DataFrame({"a": rare}), rare, "binary") == {}
    assert next(check_features(pd.DataFrame({"a": Y[:15]}), Y[:15], "binary")).code == "DATA-FEW-ROWS"
    assert "has only 1 row;" in next(check_features(pd.DataFrame({"a": Y[:1]}), Y[:1], "binary")).message
    assert "DATA-TARGET-COPY" in {f.code for f in check_features(pd.DataFrame({"a": rare}), rare, "binary")}


# Rows, floods, speed


def test_equal_rows_have_equal_hashes_and_only_they():
    features = pd.DataFrame({"a": [1, 1, 1, 2], "b": pd.Series(["x", "x", None, "x"], dtype="category")})
    hashes = row_hashes(features, pd.Series(["u", "u", "u", "u"], dtype=object))
    assert [hashes[0] == other for other in hashes] == [True, True, False, False]


def test_many_findings_of_a_kind_are_summed_up():
    wide = pd.DataFrame({f"c{i}": NOISE.mask(np.arange(ROWS) % 4 == 0) + i for i in range(30)})
    findings = gathered(check_features(wide, Y, "binary"))
    missing = [finding for finding in findings if finding.code == "DATA-MISSING"]
    assert len(missing) == 11
    assert missing[-1].message.startswith("20 more findings of this kind: c10")
    eleven = [Finding("X", "low", str(i), "w") for i in range(11)]
    assert gathered(eleven) == eleven


@pytest.mark.slow
def test_a_thousand_columns_of_noise_raise_no_finding():
    wide = pd.DataFrame(RANDOM.normal(size=(5000, 1000))).rename(columns=str)
    target = pd.Series(RANDOM.integers(0, 2, 5000), name="y")
    assert load_dataset(wide.assign(y=target), target="y").findings() == []
