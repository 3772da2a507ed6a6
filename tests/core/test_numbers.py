"""Numbers of groups are told apart by their names, whatever features and groups are called."""

import itertools

import pytest
from hypothesis import given, strategies as st

from toolkit.core.estimate import Estimate, group_numbers

LABELS = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=12)


def taken_apart(*names):
    return [(one.feature, one.group, one.metric) for one in group_numbers(dict.fromkeys(names, Estimate(0.5)))]


@given(st.lists(LABELS, min_size=1, max_size=3, unique=True), st.lists(LABELS, min_size=1, max_size=4, unique=True))
def test_any_feature_and_group_comes_back(features, groups):
    pairs = list(itertools.product(features, groups))
    names = [f"fairness.{feature}.{group}.recall" for feature, group in pairs]
    apart = [f"fairness.{feature}.equal_opportunity_difference" for feature in features]
    expected = [(feature, group, "recall") for feature, group in pairs]
    assert taken_apart(*names, *apart)[: len(names)] == expected


@pytest.mark.parametrize(
    ("name", "disparity", "expected"),
    [
        ("marital.status.a.b.recall", "marital.status.recall_ratio", ("marital.status", "a.b", "recall")),
        ("age.1.5 to under 2.recall", "age.recall_ratio", ("age", "1.5 to under 2", "recall")),
        ("sex.f.class_a.recall", "sex.accuracy_difference", ("sex", "f.class_a", "recall")),
        ("sex.class_a.recall_difference", "sex.accuracy_difference", ("sex", "class_a", "recall_difference")),
        ("sex.f.recall", "race.recall_ratio", ("sex", "f", "recall")),
        ("sex.groups", "sex.recall_ratio", ("sex", "", "groups")),
        ("odd", "sex.recall_ratio", ("", "", "odd")),
    ],
)
def test_dots_and_classes(name, disparity, expected):
    assert taken_apart(f"fairness.{name}", f"fairness.{disparity}")[0] == expected


def test_other_numbers_are_none_of_groups():
    assert taken_apart("test.roc_auc", "fairnes.sex.f.recall") == []


def test_an_intersection_and_a_disparity_are_known():
    (one, two) = group_numbers({"fairness.a+b.x+y.recall": Estimate(1), "fairness.a+b.recall_difference": Estimate(0)})
    assert not one.is_disparity
    assert (two.is_disparity, two.group) == (True, "")
