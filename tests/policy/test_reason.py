"""A verdict says why in sentences: what is broken and by how much, what is open and what would decide it."""

import re
from pathlib import Path

import pytest

from toolkit.core.estimate import Estimate
from toolkit.core.result import Finding
from toolkit.core.results import PolicyVerdict
from toolkit.policy.check import check, decide
from toolkit.policy.outcomes import judge_policy, overall
from toolkit.policy.policy import read_policy
from toolkit.policy.reason import number_words, reason

GROUPS = {
    "fairness.sex.Female.recall": Estimate(0.2, 0.17, 0.23, 900),
    "fairness.sex.Male.recall": Estimate(0.525, 0.5, 0.55, 1900),
    "fairness.sex.Female.false_positive_rate": Estimate(0.01, n=900),
    "fairness.sex.Male.false_positive_rate": Estimate(0.05, n=900),
    "fairness.sex.equalized_odds_difference": Estimate(0.325, 0.28, 0.37, 2800),
    "fairness.sex.demographic_parity_ratio": Estimate(0.3, 0.25, 0.35, 2800),
}


def said(rules, scalars, findings=(), **more):
    policy = read_policy({"title": "Standard", **rules})
    judged = judge_policy(policy, (scalars, findings, ""))
    return reason(PolicyVerdict(overall(policy, judged), policy.title, tuple(judged), **more), scalars)


def test_a_disparity_names_the_groups_that_are_farthest_apart():
    rule = {"numbers": {"fairness.*.equalized_odds_difference": {"max": 0.2, "why": "errors fall on no group more"}}}
    assert said(rule, GROUPS) == (
        "Fails the policy “Standard”: recall is 0.200 for Female and 0.525 for Male (sex), a gap of 0.325 "
        "[0.280, 0.370] where at most 0.2 is allowed."
    )


def test_groups_that_do_not_make_up_the_disparity_are_not_named():
    rule = {"numbers": {"fairness.sex.demographic_parity_ratio": {"min": 0.8}}}
    assert said(rule, GROUPS) == (
        "Fails the policy “Standard”: demographic parity ratio by sex is 0.300 [0.250, 0.350] where at least 0.8 is "
        "required."
    )


def test_what_is_open_follows_with_what_would_decide_it():
    rules = {"numbers": {"test.roc_auc": {"min": 0.7}, "test.recall": {"min": 0.5}, "test.f1": {"min": 0.5}}}
    scalars = {
        "test.roc_auc": Estimate(0.65, 0.6, 0.69, 400),
        "test.recall": Estimate(0.52, 0.47, 0.57, 400),
        "test.f1": Estimate(0.52, 0.47, 0.57, 400),
    }
    text = said(rules, scalars)
    assert re.fullmatch(
        r"Fails the policy “Standard”: ROC AUC on the test part is 0\.650 \[0\.600, 0\.690\] where at least 0\.7 is "
        r"required\. Undecided: recall on the test part is 0\.520 \[0\.470, 0\.570\] where at least 0\.5 is required\. "
        r"The interval includes the limit\. About 5,100 observations instead of 400 would decide it with 80% power, if "
        r"the true value is the estimate\. 1 more rule is undecided\.",
        text,
    ), text


@pytest.mark.parametrize(
    ("rules", "scalars", "text"),
    [
        ({"numbers": {"a": {"min": 1}}}, {"a": Estimate(2)}, "Passes the policy “Standard”: its rule holds."),
        (
            {"numbers": {"a": {"min": 1}, "b": {"min": 0}}},
            {"a": Estimate(2), "b": Estimate(0.1, -0.1, 0.3)},
            "Undecided by the policy “Standard”: 1 of 2 rules hold. Undecided: b is 0.100 [−0.100, 0.300] where at "
            "least 0 is required. The interval includes the limit. How many observations would decide is not "
            "known.",
        ),
        (
            {"numbers": {"a": {"min": 1, "optional": True}}},
            {},
            "Undecided by the policy “Standard”: none of its rules applies to these results.",
        ),
        (
            {"numbers": {"test.log_loss": {"not_worse_than": "baseline"}}},
            {"difference.log_loss": Estimate(0.1, 0.05, 0.15, 100)},
            "Fails the policy “Standard”: log loss minus the baseline's is 0.100 [0.050, 0.150], and must be not worse "
            "than the baseline.",
        ),
        (
            {"undecided": "fail", "numbers": {"a": {"min": 1}}},
            {"a": Estimate(float("nan"))},
            "Fails the policy “Standard”, which counts what is undecided as failed. Undecided: a. The number is not "
            "defined on these rows.",
        ),
        (
            {"numbers": {f"data.{letter}": {"min": 1} for letter in "abcd"}},
            {f"data.{letter}": Estimate(0) for letter in "abcd"},
            "Fails the policy “Standard”: data a is 0 where at least 1 is required; data b is 0 where at least 1 is "
            "required; and 2 more rules.",
        ),
    ],
)
def test_every_outcome_has_its_sentence(rules, scalars, text):
    assert said(rules, scalars) == text


def test_the_finding_that_decides_is_said_and_what_was_left_out_is_not():
    leak, gone = (
        Finding("LEAK", "high", "Age is the target. Leave it out."),
        Finding("GONE", "critical", "Age is gone."),
    )
    rules = {"numbers": {"data.rows": {"min": 100}}, "findings": {"below": "high"}}
    assert said(rules, {"data.rows": Estimate(200)}, [leak], left_out=("data.rwos",)) == (
        "Fails the policy “Standard”: there is 1 finding of high severity or above. Age is the target. Leave it out."
    )
    assert said(rules, {"data.rows": Estimate(90)}, [leak, gone]) == (
        "Fails the policy “Standard”: number of rows is 90 where at least 100 is required; there are 2 findings of "
        "high severity or above. The first: Age is gone."
    )


def test_above_critical_there_is_no_severity():
    text = said({"findings": {"below": "critical"}}, {}, [Finding("GONE", "critical", "Age is gone.")])
    assert text == "Fails the policy “Standard”: there is 1 finding of critical severity. Age is gone."


def test_of_several_classes_the_class_and_its_groups_are_named():
    scalars = {
        "fairness.sex.accuracy_difference": Estimate(0.02, 0.0, 0.15, 277),
        "fairness.sex.f.high.recall": Estimate(0.453, n=116),
        "fairness.sex.m.high.recall": Estimate(0.678, n=161),
        "fairness.sex.f.low.recall": Estimate(0.1, n=116),
        "fairness.sex.m.low.recall": Estimate(0.9, n=161),
        "fairness.sex.high.equal_opportunity_difference": Estimate(0.225, 0.21, 0.24, 277),
        "fairness.sex.high.predictive_parity_difference": Estimate(0.3, 0.28, 0.32, 277),
    }
    rules = {
        "numbers": {
            f"fairness.sex.high.{name}_difference": {"max": 0.2} for name in ("equal_opportunity", "predictive_parity")
        }
    }
    assert said(rules, scalars) == (
        "Fails the policy “Standard”: recall is 0.453 for f and 0.678 for m (sex, class high), a gap of 0.225 [0.210, "
        "0.240] where at most 0.2 is allowed; predictive parity difference by sex for class high is 0.300 "
        "[0.280, 0.320] where at most 0.2 is allowed."
    )


def test_without_a_policy_it_says_so():
    assert reason(PolicyVerdict("pass", "Ours"), {}) == "Passes the policy “Ours”."
    assert reason(PolicyVerdict(), {}) == "No policy was applied: no rule says whether this is good enough."


def test_a_decision_says_what_led_to_the_level_it_reached():
    levels = {"title": "Drift", "levels": {"watch": {"numbers": {"data.rows": {"min": 1000}}}}}
    from toolkit.data.load import load_dataset

    wine = load_dataset("wine")
    assert decide(levels, wine).sentence() == (
        "Reaches the level “watch” of the policy “Drift”: number of rows is 178 where at least 1,000 is required."
    )
    levels["levels"]["watch"]["numbers"]["data.rows"]["min"] = 100
    assert decide(levels, wine).sentence() == "OK by the policy “Drift”: its rule holds."
    assert check({"title": "T", "numbers": {"data.rows": {"max": 100}}}, wine).sentence() == (
        "Fails the policy “T”: number of rows is 178 where at most 100 is allowed."
    )


def test_names_of_numbers_become_words():
    assert number_words("test.class_yes.recall") == "recall of class yes on the test part"
    assert number_words("test.class_class_2.recall") == "recall of class_2 on the test part"
    assert number_words("change.test.roc_auc") == "ROC AUC minus the champion's"
    assert number_words("drift.realized_change.roc_auc") == "change of ROC AUC from the reference, by the labels"
    assert number_words("drift.column.weekly_hours.distance") == "distance of weekly_hours from the reference"


def test_every_number_of_the_methods_has_words_of_its_own():
    table = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8").split("\n## ")[0]
    names = re.findall(r"`([^`]+)`", "\n".join(line.rpartition(" | ")[0] for line in table.splitlines()))
    for name in names:
        words = number_words(name.replace("<part>", "train").replace("*", "x"))
        assert not re.search(r"[._]", words), (name, words)


def test_of_a_single_rule_that_is_undecided_nobody_says_that_it_holds():
    sentence = said({"numbers": {"a": {"min": 0.5}}}, {"a": Estimate(0.5, 0.4, 0.6)})
    assert sentence.startswith("Undecided by the policy “Standard”. Undecided: a is 0.500")
