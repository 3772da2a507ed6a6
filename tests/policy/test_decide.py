"""What to do about drift follows from the highest level that is shown to be reached."""

from dataclasses import dataclass, field

import pytest

from toolkit.core.estimate import Estimate
from toolkit.core.result import Finding, Result
from toolkit.errors import InputError
from toolkit.policy.check import decide
from toolkit.policy.policy import read_levels, read_policy


@dataclass(repr=False)
class Numbers(Result):
    """A result of numbers and findings alone."""

    numbers: dict = field(default_factory=dict)
    notes: tuple = ()

    def scalars(self):
        return self.numbers

    def frame(self):
        raise NotImplementedError

    face = frame


def level(**numbers):
    return decide("drift", Numbers({name.replace("__", "."): number for name, number in numbers.items()})).outcome


class TestShippedPolicy:
    def test_nothing_is_ok(self):
        assert decide("drift", Numbers()).outcome == "ok"

    @pytest.mark.parametrize(
        ("severity", "outcome"),
        [("info", "ok"), ("low", "ok"), ("medium", "watch"), ("high", "watch"), ("critical", "investigate")],
    )
    def test_findings_raise_it_by_their_severity(self, severity, outcome):
        assert decide("drift", Numbers(notes=(Finding("X", severity, "x"),))).outcome == outcome

    @pytest.mark.parametrize(
        ("share", "outcome"),
        [
            ((0.05, 0.0, 0.2), "ok"),
            ((0.3, 0.2, 0.4), "watch"),
            ((0.6, 0.45, 0.7), "watch"),
            ((0.7, 0.6, 0.8), "investigate"),
        ],
    )
    def test_the_share_of_drifted_columns_counts_with_its_interval(self, share, outcome):
        assert level(drift__columns_share=Estimate(*share, 1000)) == outcome

    def test_an_estimate_calls_for_a_look_and_labels_for_retraining(self):
        loss = Estimate(-0.06, -0.08, -0.04, 5000)
        assert level(drift__estimated_change__roc_auc=loss) == "investigate"
        assert level(drift__realized_change__roc_auc=loss) == "retrain"

    def test_what_the_data_cannot_tell_raises_nothing(self):
        assert level(drift__realized_change__roc_auc=Estimate(-0.06, -0.13, 0.01, 80)) == "ok"


def test_the_record_is_a_verdict_that_names_the_reasons():
    found = decide("drift", Numbers({"drift.columns_share": Estimate(0.7, 0.6, 0.8, 1000)}))
    assert found.outcome == "investigate"
    verdict = found.record().verdict
    assert verdict.outcome == "investigate"
    assert [(rule.name, rule.outcome) for rule in verdict.rules][:2] == [
        ("drift.columns_share", "investigate"),
        ("drift.columns_share", "watch"),
    ]
    assert {rule.outcome for rule in verdict.rules[2:]} == {"ok"}
    assert found.scalars()["decision.investigate"].value == 1
    assert (
        "share of columns that drifted or broke is 0.700 [0.600, 0.800] where at most 0.5 is allowed"
        in found.sentence()
    )
    assert isinstance(found, Result)
    assert list(found.frame().query("reached == 'yes'")["level"]) == ["investigate", "watch"]
    assert "Decision: investigate" in found._repr_html_()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"levels": {}}, "levels: Dictionary should have at least 1 item"),
        ({"levels": {"wach": {"findings": {"below": "low"}}}}, "Did you mean 'watch'"),
        ({"levels": {"watch": 1}}, "levels.watch: it must map title, .+; found 1"),
        ({"levels": {"watch": {}}}, "has no rule"),
        ({"numbers": {"a": {"min": 1}}}, "has rules: it is a gate's. Name one of the other kind"),
        ("drfit", "Did you mean 'drift'"),
    ],
)
def test_wrong_policies_are_one_clear_error(policy, message):
    with pytest.raises(InputError, match=message):
        read_levels(policy)


def test_a_policy_of_levels_is_no_gate():
    with pytest.raises(InputError, match="it decides about drift"):
        read_policy("drift")


@pytest.mark.parametrize(
    ("undecided", "outcome", "sentence"),
    [
        ("undecided", "ok", "OK by the policy “policy”. Undecided: a is 0.500"),
        (
            "fail",
            "watch",
            "Reaches the level “watch” of the policy “policy”, which counts what is undecided as failed.",
        ),
    ],
)
def test_a_level_counts_what_is_undecided_as_it_says(undecided, outcome, sentence):
    numbers = {"a": {"min": 0.5}}
    absent = {"b": {"min": 0.5, "optional": True}}
    levels = {
        name: {"undecided": undecided, "numbers": one} for name, one in {"watch": numbers, "retrain": absent}.items()
    }
    decided = decide({"levels": levels}, Numbers({"a": Estimate(0.5, 0.4, 0.6)}))
    assert decided.outcome == outcome
    assert decided.sentence().startswith(sentence)
