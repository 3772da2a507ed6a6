"""Replicates kept beside a report stand for its rows when two models are compared later."""

import json

import numpy as np
import pytest

import toolkit as tk
from toolkit.card.diff import diff_cards
from toolkit.card.model_card import make_card, read_card
from toolkit.errors import InputError
from toolkit.statistics.intervals import mover_difference
from toolkit.statistics.measure import difference, mean
from toolkit.statistics.metrics import binary_metrics
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.replicates import BLOCKS, FILE, paired_difference, read_replicates, replicate, write_replicates
from toolkit.statistics.units import Units


def scored(rng, y, skill):
    return 1 / (1 + np.exp(-(rng.normal(size=len(y)) + skill * (2 * y - 1))))


@pytest.fixture(scope="module")
def two():
    """Two models on the same 1,500 rows, most of whose scores they share."""
    rng = np.random.default_rng(3)
    y = (rng.random(1500) < 0.3).astype(float)
    score = scored(rng, y, 0.8)
    other = np.clip(score + rng.normal(0, 0.05, len(y)), 0.001, 0.999)
    return binary_metrics(y, score), binary_metrics(y, other)


class TestPaired:
    def test_it_agrees_with_the_paired_difference_from_the_rows(self, two):
        first, second = (replicate(measures) for measures in two)
        assert "expected_calibration_error" not in first  # no influences: it stays unpaired
        for name in ("roc_auc", "average_precision", "log_loss", "accuracy", "precision", "recall", "f1"):
            known, found = difference(two[0][name], two[1][name]), paired_difference(first[name], second[name])
            assert found.value == known.value
            assert found.high - found.low == pytest.approx(known.high - known.low, rel=0.1)

    def test_beyond_the_size_of_a_block_rows_share_signs_and_nothing_else_changes(self):
        rng = np.random.default_rng(0)
        y = rng.normal(size=3 * BLOCKS + 17)
        a, b = (regression_metrics(y, y + rng.normal(size=len(y))) for _ in range(2))
        known = difference(a["mean_absolute_error"], b["mean_absolute_error"])
        found = paired_difference(replicate(a)["mean_absolute_error"], replicate(b)["mean_absolute_error"])
        assert found.high - found.low == pytest.approx(known.high - known.low, rel=0.1)

    def test_the_same_model_twice_may_still_differ_by_the_rule_of_three(self, two):
        one = replicate(two[0])["accuracy"]
        assert (paired_difference(one, one).low, paired_difference(one, one).high) == (-3 / 1500, 3 / 1500)

    def test_of_a_group_with_most_of_the_rows_it_is_as_wide_as_the_difference_from_the_rows(self):
        """By plain sums over groups 19 to 73 % of 300 intervals held the truth here, now 93 to 99 %."""
        rng = np.random.default_rng(0)
        codes = np.repeat(np.arange(80), [1500] + [9] * 79)
        units = Units(codes, 80, "person")
        common = rng.normal(size=80)[codes]
        y = (common + rng.normal(size=len(codes)) > 0).astype(float)
        a, b = (binary_metrics(y, scored(rng, y, 0.5), units=units) for _ in range(2))
        first, second = replicate(a), replicate(b)
        for name in ("accuracy", "log_loss", "roc_auc"):
            known, found = difference(a[name], b[name]), paired_difference(first[name], second[name])
            assert found.high - found.low > 0.6 * (known.high - known.low)

    def test_the_interval_covers_the_true_difference(self):
        rng = np.random.default_rng(1)
        covered = 0
        for _ in range(400):
            both = rng.random(300)
            a, b = (both < 0.8).astype(float), ((both < 0.75) | (rng.random(300) < 0.1)).astype(float)
            found = replicate({"a": mean(a, bounds=(0, 1)), "b": mean(b, bounds=(0, 1))})
            apart = paired_difference(found["a"], found["b"])
            covered += apart.low <= 0.8 - (0.75 + 0.25 * 0.1) <= apart.high
        assert 0.925 <= covered / 400 <= 0.98

    def test_they_are_small_and_read_as_written(self, two):
        found = replicate(two[0])
        text = write_replicates(found, "sha256:1")
        assert len(text) < 200_000
        read, rows = read_replicates(text)
        assert (rows, list(read)) == ("sha256:1", list(found))
        assert read["log_loss"].bounds == found["log_loss"].bounds
        np.testing.assert_allclose(read["roc_auc"].draws, found["roc_auc"].draws, rtol=1e-4)


@pytest.fixture(scope="module")
def cards():
    parts = tk.split_dataset(tk.load_dataset("diabetes"), seed=0)
    other = tk.split_dataset(tk.load_dataset("diabetes"), seed=1)
    found = {}
    for name, split, candidate in (
        ("old", parts, "ridge"),
        ("new", parts, "sklearn.linear_model.Lasso"),
        ("else", other, "ridge"),
    ):
        training = tk.train(split, candidates=[candidate], cv=2)
        evaluation = tk.evaluate(training.model, split, baseline=training.baseline, latency=False)
        found[name] = make_card([split, training, evaluation])
    return found


class TestCards:
    def test_metrics_over_the_same_rows_are_compared_in_pairs(self, cards):
        changes = {one.name: one for one in diff_cards(cards["old"], cards["new"]).changes}
        known = changes["test.root_mean_squared_error"]
        assert known.how == "paired"
        assert changes["cv.r2"].how == "unpaired"
        unpaired = {one.name: one for one in diff_cards(cards["else"], cards["new"]).changes}
        assert unpaired["test.root_mean_squared_error"].how == "unpaired"
        before, after = (cards[name].scalars()[known.name] for name in ("old", "new"))
        low, high = mover_difference(after, before)
        assert known.difference.high - known.difference.low < 0.5 * (high - low)

    def test_the_page_says_which(self, cards):
        assert "compared in pairs" in diff_cards(cards["old"], cards["new"])._repr_html_()
        assert "treat the cards as independent (unpaired)" in diff_cards(cards["else"], cards["new"])._repr_html_()

    def test_a_card_read_from_its_folder_has_them_and_a_broken_file_is_said(self, cards, tmp_path):
        for name, text in cards["old"].record().files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        changes = diff_cards(read_card(tmp_path), cards["new"])
        assert next(one for one in changes.changes if one.name == "test.r2").how == "paired"
        (tmp_path / FILE).write_text(json.dumps({"schema": 1, "rows": "a", "metrics": {"r2": {}}}))
        with pytest.raises(InputError, match=r"replicates.json' holds no replicates"):
            read_card(tmp_path)
