"""The drift statistics against evidently's own values on the same data."""

import warnings

import numpy as np
import pandas as pd
import pytest

from toolkit.drift.detect import detect_drift
from toolkit.drift.distances import METHODS, evidently_score, pair_of
from toolkit.drift.evidently import evidently_page
from toolkit.drift.summary import summarize_column

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("evidently")
    from evidently.legacy.calculations.stattests.registry import get_stattest
    from evidently.legacy.core import ColumnType

pytestmark = pytest.mark.filterwarnings("ignore")
SHIFTS = (0.0, 0.3)


def numbers(kind, rows, shift, rng):
    made = {
        "normal": lambda: rng.normal(shift, 1, rows),
        "lognormal": lambda: rng.lognormal(shift, 1.5, rows),
        "whole": lambda: rng.poisson(20 + 5 * shift, rows),
        "mostly zero": lambda: np.where(rng.random(rows) < 0.9 - shift, 0.0, rng.exponential(100, rows)),
        "tiny": lambda: rng.normal(shift, 1, rows) * 1e-5,
        "fifteen values": lambda: rng.integers(0, 15, rows) + 0.5,
        "with gaps": lambda: np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 1 + shift, rows)),
    }
    return pd.Series(made[kind]())


def labels(kind, rows, shift, rng):
    sizes = {"two": 2, "five": 5, "many": 300}
    chances = rng.dirichlet(np.ones(sizes[kind])) if kind == "many" else np.arange(1, sizes[kind] + 1) + shift
    names = [f"level {place}" for place in range(sizes[kind])]
    return pd.Series(pd.Categorical(rng.choice(names, rows, p=chances / chances.sum()), names))


def theirs(method, reference, current, kind):
    if method in ("chisquare", "z", "hellinger"):
        reference, current = reference.copy(), current.copy()  # evidently drops missing values in place
    test = get_stattest(reference, current, kind, method)
    return test.func(reference, current, kind, 0.1)[0], test.name


def ours(method, reference, current):
    pair = pair_of(*(summarize_column(part, "a", len(part)) for part in (reference, current)))
    method = method or pair.default_method
    return evidently_score(pair, method, pair.distance(method)), method


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("sizes", [(300, 200), (1000, 1700), (3000, 1200)])
@pytest.mark.parametrize("kind", ["normal", "lognormal", "whole", "mostly zero", "tiny", "fifteen values", "with gaps"])
@pytest.mark.parametrize("method", [name for name, known in METHODS.items() if known.numbers] + [None])
def test_numbers_agree(method, kind, sizes, shift):
    rng = np.random.default_rng(len(kind))
    reference, current = numbers(kind, sizes[0], 0, rng), numbers(kind, sizes[1], shift, rng)
    expected, name = theirs(method, reference.dropna(), current.dropna(), ColumnType.Numerical)
    value, used = ours(method, reference, current)
    if method is None and kind == "tiny" and sizes[0] > 1000:
        # By default evidently divides by 0.001 here, a hundred standard deviations, beside which nothing moves.
        expected, name = theirs("ks", reference, current, ColumnType.Numerical)
    assert (value, used) == (pytest.approx(expected, rel=1e-6, abs=1e-9), name)


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("sizes", [(300, 200), (1000, 1700), (3000, 1200)])
@pytest.mark.parametrize("kind", ["two", "five", "many"])
@pytest.mark.parametrize("method", ["jensenshannon", "chisquare", "psi", "hellinger", "kl_div", None])
def test_labels_agree(method, kind, sizes, shift):
    rng = np.random.default_rng(len(kind))
    reference, current = labels(kind, sizes[0], 0, rng), labels(kind, sizes[1], shift, rng)
    expected, name = theirs(method, reference, current, ColumnType.Categorical)
    value, used = ours(method, reference, current)
    assert (value, used) == (pytest.approx(expected, rel=1e-6, abs=1e-9), name)


@pytest.mark.parametrize("values", [2, 3, 5, 9])
@pytest.mark.parametrize("rows", [500, 1500])
def test_few_whole_numbers_agree_by_default(values, rows):
    rng = np.random.default_rng(values)
    reference, current = (pd.Series(rng.integers(0, values, rows)) for _ in range(2))
    expected, name = theirs(None, reference, current, ColumnType.Categorical)
    value, used = ours(None, reference, current)
    assert (value, used) == (pytest.approx(expected, rel=1e-6, abs=1e-9), name)


def mixed(rows, shift, seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "a": numbers("normal", rows, shift, rng),
            "b": numbers("with gaps", rows, shift, rng),
            "c": labels("five", rows, shift, rng),
            "d": rng.integers(0, 4, rows),
            "e": numbers("whole", rows, shift, rng),
            "empty": np.nan if shift else rng.normal(size=rows),
        }
    )
    return table.astype({"d": "int8"})


@pytest.mark.parametrize("rows", [400, 2500])
def test_the_report_holds_the_same_scores_and_leaves_out_what_stops_evidently(rows, tmp_path):
    drift = detect_drift(mixed(rows, 0.0, 0), mixed(rows + 50, 0.4, 1))
    result = drift.evidently()
    scores = {
        metric["config"]["column"]: metric["value"]
        for metric in result.dict()["metrics"]
        if "column" in metric["config"]
    }
    mine = drift.table[drift.table["method"] != ""].set_index("column")["score"]
    assert sorted(scores) == sorted(mine.index) == ["a", "b", "c", "d", "e"]
    assert all(scores[name] == pytest.approx(mine[name], rel=1e-6, abs=1e-9) for name in scores)
    said = [finding.message for finding in evidently_page(drift).findings() if finding.code == "DRIFT-EVIDENTLY"]
    assert said == ["evidently's page leaves out 'empty' (not compared)."]
    result.save_html(str(tmp_path / "drift.html"))
    assert (tmp_path / "drift.html").stat().st_size > 100_000


def test_small_whole_numbers_and_a_target_of_one_byte_are_drawn():
    rng = np.random.default_rng(0)
    before, after = (
        pd.DataFrame({"score": rng.normal(size=200), "y": rng.integers(0, 2, 200).astype("int8")}) for _ in range(2)
    )
    scores = detect_drift(before, after).evidently().dict()["metrics"]
    assert [one["config"]["column"] for one in scores if "column" in one["config"]] == ["score", "y"]
