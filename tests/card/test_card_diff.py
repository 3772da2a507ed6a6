"""What changed from one card to another, and which differences are more than chance."""

import json

import numpy as np
import pytest
from card_reports import number, report, with_scalars
from click.testing import CliRunner

import toolkit as tk
from toolkit.card.changes import PARTS, difference_of
from toolkit.card.diff import diff_cards
from toolkit.card.model_card import make_card
from toolkit.cli import main
from toolkit.core.estimate import Estimate
from toolkit.core.result import Result
from toolkit.errors import InputError, NotApplicableError
from toolkit.statistics.intervals import wilson


def diff(before, after, **author):
    return diff_cards(make_card(before), make_card(after, author=author))


def kinds(changes, part):
    return {one.name: one.kind for one in changes.changed if one.part == part}


def share(hits, n):
    return Estimate(hits / n, *wilson(hits, n), n)


class TestWhatChanged:
    def test_nothing(self):
        changes = diff(report(), report())
        assert isinstance(changes, Result)
        assert changes.changed == []
        assert changes.findings() == []
        assert changes.sentence().startswith("0 of ")
        assert changes.sentence().endswith("The data are the same.")
        assert changes.scalars()["card.changes.metrics"].value == 0

    def test_data_features_and_training(self):
        after = report(parameters={"data": "people.csv", "seed": 1, "time": "year"})
        after["data"] |= {"rows": 2600, "fingerprint": "sha256:new"}
        after["model"] |= {
            "features": {"age": "float64", "income": "float64"},
            "settings": {"C": 0.5, "max_iter": 500},
            "requirements": ["numpy==2.5.0", "scikit-learn==1.9.1"],
        }
        changes = diff(report(), after)
        assert kinds(changes, "data") == {"rows": "changed", "fingerprint": "changed"}
        assert kinds(changes, "features") == {"age": "changed", "town": "removed", "income": "added"}
        assert kinds(changes, "training") == {
            "parameter seed": "changed",
            "parameter sensitive": "removed",
            "parameter time": "added",
            "setting C": "changed",
            "package numpy": "changed",
        }
        assert not changes.same_data
        assert [finding.code for finding in changes.findings()] == ["CARD-OTHER-DATA"]

    def test_a_kind_of_fact_that_only_one_run_recorded_is_no_change(self):
        before = report(recorded={})
        before["model"] = {"name": "logistic"}
        assert diff(before, report()).changed == []

    def test_findings_and_answers(self):
        after = report(
            findings=[*report()["findings"][1:], {"code": "NEW", "severity": "low", "message": "m", "where": "w"}]
        )
        changes = diff_cards(
            make_card(report(), author={"risks": "a"}), make_card(after, author={"risks": "b", "contact": "c"})
        )
        assert kinds(changes, "findings") == {"DATA-MISSING town": "removed", "NEW w": "added"}
        assert kinds(changes, "author") == {"Risks and harms": "changed", "Contact": "added"}

    def test_numbers_have_a_difference_with_an_interval(self):
        changes = diff(report(), with_scalars(test__roc_auc=number(0.86, 0.83, 0.89)))
        (one,) = changes.changed
        assert (one.part, one.name, one.direction) == ("metrics", "test.roc_auc", "better")
        assert one.difference.method == "MOVER, unpaired"
        half = np.hypot(0.03, 0.04)
        found = changes.scalars()["change.test.roc_auc"]
        assert (found.value, found.low, found.high) == pytest.approx((0.06, 0.06 - half, 0.06 + half))

    @pytest.mark.parametrize(
        ("name", "after", "direction"),
        [
            ("test.roc_auc", number(0.6, 0.56, 0.64), "worse"),
            ("test.roc_auc", number(0.95, 0.93, 0.97), "better"),
            ("test.log_loss", number(0.9, 0.86, 0.94), "worse"),
            ("test.log_loss", number(0.1, 0.08, 0.12), "better"),
            ("test.roc_auc", number(0.79, 0.75, 0.83), ""),
            ("fairness.sex.equal_opportunity_difference", number(0.9, 0.85, 0.95), "worse"),
            ("test.calibration_slope", number(1.4, 1.3, 1.5), ""),
            ("latency.p95_ms", number(99.0, 98.0, 100.0), ""),
        ],
    )
    def test_which_way_is_better_is_known(self, name, after, direction):
        changes = diff(with_scalars(test__calibration_slope=number(1.0, 0.9, 1.1)), with_scalars(**{name: after}))
        one = next(one for one in changes.changed if one.name == name)
        assert one.direction == direction
        assert bool([one for one in changes.findings() if one.code.endswith("-WORSE")]) == (direction == "worse")

    def test_a_number_without_an_interval_is_compared_without_one(self):
        (one,) = diff(report(), with_scalars(latency__p95_ms=number(5.5))).changed
        assert one.difference.value == 2.0
        assert not one.difference.has_interval
        assert one.describe() == "operation: latency.p95_ms: 3.500 -> 5.500"

    def test_a_number_that_is_not_defined_any_more(self):
        (one,) = diff(report(), with_scalars(test__roc_auc=None)).changed
        assert (one.kind, one.after, np.isnan(one.difference.value)) == ("changed", "not defined", True)

    def test_a_finding_whose_numbers_alone_differ_is_the_same(self):
        told = [{**one, "message": "Other numbers."} for one in report()["findings"]]
        worse = [{**one, "severity": "critical"} for one in told]
        assert diff(report(), report(findings=told)).changed == []
        assert kinds(diff(report(), report(findings=worse)), "findings") == {
            "DATA-MISSING town": "changed",
            "FAIRNESS-ODDS sex": "changed",
        }

    def test_two_findings_of_one_code_and_place_are_two(self):
        told = report()["findings"]
        (one,) = diff(report(findings=[*told, {**told[0], "message": "9% are infinite."}]), report()).changed
        assert (one.part, one.kind) == ("findings", "removed")


class TestIntervals:
    def test_over_independent_cards_it_holds_the_true_difference(self):
        rng = np.random.default_rng(0)
        for first, second, n in ((0.9, 0.8, 150), (0.97, 0.95, 300)):
            pairs = zip(rng.binomial(n, first, 2000), rng.binomial(2 * n, second, 2000), strict=True)
            found = [difference_of(share(a, n), share(b, 2 * n)) for a, b in pairs]
            held = np.mean([one.low <= first - second <= one.high for one in found])
            assert 0.935 < held < 0.975

    def test_of_many_numbers_that_did_not_move_few_are_called_more_than_chance(self):
        rng, single, any_called = np.random.default_rng(2), 0, 0
        for _ in range(200):
            before, after = (
                {f"test.m{k}": share(int(hits), 400).plain() for k, hits in enumerate(rng.binomial(400, 0.8, 30))}
                for _ in "ab"
            )
            changes = [one for one in diff(report(scalars=before), report(scalars=after)).changed if one.numbers]
            single += any(not one.difference.low <= 0 <= one.difference.high for one in changes)
            any_called += any(one.beyond_chance for one in changes)
        # The level is 5 %; of 200 pairs, two standard errors are 3 %.
        assert single / 200 > 0.6
        assert any_called / 200 < 0.08

    def test_it_agrees_with_newcombe(self):
        # Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 10: 56 of 70 against 48 of 80.
        found = difference_of(share(56, 70), share(48, 80))
        assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)

    def test_equal_models_are_seldom_called_worse_however_many_metrics(self):
        rng = np.random.default_rng(1)
        called = 0
        for _ in range(200):
            before, after = (
                {f"test.m{k}": share(int(hits), 400).plain() for k, hits in enumerate(rng.binomial(400, 0.8, 20))}
                for _ in "ab"
            )
            called += any(
                one.code == "CARD-METRIC-WORSE"
                for one in diff(report(scalars=before), report(scalars=after)).findings()
            )
        # One side of twenty intervals at once: about 2.5 % of runs.
        assert called / 150 < 0.07


class TestFace:
    def test_what_is_the_same_is_folded(self):
        html = diff(report(), with_scalars(test__roc_auc=number(0.6, 0.56, 0.64)))._repr_html_()
        assert "Metrics: 1 changed" in html
        assert "<summary>Metrics: 4 unchanged</summary>" in html
        assert "worse" in html

    def test_single_groups_have_a_table_of_their_own_whatever_chance_says(self):
        moved = with_scalars(
            fairness__sex__Female__recall=number(0.61, 0.51, 0.71),
            fairness__sex__Male__recall=number(0.2, 0.1, 0.3),
            fairness__sex__equal_opportunity_difference=number(0.21, 0.06, 0.36),
        )
        html = diff(report(), moved)._repr_html_()
        assert "Fairness: 1 changed<" in html
        assert "<summary>Fairness: 2 changed in single groups</summary>" in html

    def test_what_became_worse_is_said_with_whole_intervals(self):
        low = {f"test__metric_with_a_long_name_{place}": number(0.5, 0.49, 0.51) for place in range(7)}
        high = {name: number(0.8, 0.79, 0.81) for name in low}
        (worse,) = diff_cards(make_card(with_scalars(**high)), make_card(with_scalars(**low))).findings()
        assert "metric with a long name 4 on the test part by −0.300 [−0.314, −0.286]; 2 more." in worse.message

    def test_numbers_stand_in_columns_and_the_kind_only_where_kinds_differ(self):
        html = diff(report(), with_scalars(test__roc_auc=number(0.6, 0.56, 0.64)))._repr_html_()
        numbers = (("0.800", "[0.760, 0.840]"), ("0.600", "[0.560, 0.640]"))
        cells = [f'{value} <span class="tk-ci">{ends}</span>' for value, ends in numbers]
        assert f'<td class="tk-number">{cells[0]}</td><td class="tk-number">{cells[1]}</td>' in html
        assert ">kind<" not in html

    def test_a_setting_that_is_none_is_not_one_that_is_missing(self):
        before, after = report(), report()
        before["model"] |= {"settings": {"C": 1.0, "max_depth": None}}
        after["model"] |= {"settings": {"C": 1.0}}
        (gone,) = diff(before, after).changed
        assert (gone.name, gone.kind, gone.before, gone.after) == ("setting max_depth", "removed", "none", "")

    def test_hostile_texts_are_escaped(self):
        hostile = "<script>alert(1)</script>"
        after = report(parameters={hostile: hostile}, title=hostile)
        after["model"] |= {"name": hostile, "features": {hostile: hostile}}
        html = diff(report(), after, risks=hostile)._repr_html_()
        assert "<script" not in html

    def test_the_figure_draws_each_metric_with_its_interval(self):
        changes = diff(report(), with_scalars(test__roc_auc=number(0.85, 0.82, 0.88)))
        assert "ROC AUC: 0.050 [0.000, 0.100]" in changes.pictures()["metrics"].alt
        labels = [label.get_text() for label in changes.plot("metrics").get_yticklabels()]
        assert labels == ["ROC AUC", "Accuracy", "Log loss"]

    def test_a_metric_in_units_of_its_own_is_drawn_alone(self):
        scalars = {"test.root_mean_squared_error": number(50.0, 45.0, 55.0)}
        changes = diff(report(scalars=scalars), report(scalars=scalars))
        assert len(changes.plot().get_yticklabels()) == 1
        assert diff(report(scalars={}), report(scalars={})).pictures() == {}

    def test_a_frame_has_a_row_for_each(self):
        frame = diff(report(), report()).frame()
        assert set(frame["part"]) <= set(PARTS)
        assert set(frame["kind"]) == {"same"}


class TestSources:
    def test_without_a_champion_it_does_not_apply(self):
        card = make_card(report())
        with pytest.raises(NotApplicableError, match="No second card"):
            diff_cards("", card)
        assert tk.if_applicable(tk.diff_cards, "", card).scalars() == {}

    def test_folders_and_files_on_the_command_line(self, tmp_path):
        for name, content in (("a", report()), ("b", with_scalars(test__roc_auc=number(0.6, 0.56, 0.64)))):
            (tmp_path / name).mkdir()
            (tmp_path / name / "results.json").write_text(json.dumps(content))
        (tmp_path / "card.json").write_text(make_card(tmp_path / "b").to_json())
        for second in ("b", "card.json"):
            done = CliRunner().invoke(main, ["card", "diff", str(tmp_path / "a"), str(tmp_path / second)])
            assert done.exit_code == 0, done.output
            lines = done.output.splitlines()
            assert lines[0].startswith("metrics: test.roc_auc: 0.800 [0.760, 0.840] -> 0.600")
            assert lines[0].endswith("worse")
            assert lines[-1].startswith("1 of ")
        done = CliRunner().invoke(main, ["card", "diff", "--json", str(tmp_path / "a"), str(tmp_path / "b")])
        (change,) = json.loads(done.output)
        assert change["difference"]["value"] == pytest.approx(-0.2)

    def test_no_card_there_is_one_error(self, tmp_path):
        done = CliRunner().invoke(main, ["card", "diff", str(tmp_path), str(tmp_path)])
        assert done.exit_code == 2
        with pytest.raises(InputError, match="no report"):
            diff_cards(tmp_path, tmp_path)
