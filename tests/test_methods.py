"""The page of methods knows every number of a report, and what it names is there: tests, modules, sources, sections."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import toolkit as tk
from toolkit.fairness.measures import BINARY_METRICS
from toolkit.models.preprocessing import make_model
from toolkit.statistics.metrics import binary_metrics, multiclass_metrics
from toolkit.statistics.regression import regression_metrics

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
PATTERNS = [pattern for cells in ROWS for pattern in re.findall("`([^`]+)`", cells[0])]
PARTS = ("test", "train", "validation", "baseline")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "toolkit").rglob("*.py"))


def matches(pattern, name):
    pieces = re.split(r"(\*|<part>)", pattern)
    meant = {"*": ".+", "<part>": f"(?:{'|'.join(PARTS)})"}
    return re.fullmatch("".join(meant.get(piece, re.escape(piece)) for piece in pieces), name, re.DOTALL)


def unknown(names):
    return [name for name in names if not any(matches(pattern, name) for pattern in PATTERNS)]


def people(n, seed=0, hurt=0.0):
    """Make a table of two classes, with two sensitive columns and a cell missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": rng.choice(["a", "b"], n), "x": rng.normal(size=n)})
    frame["y"] = np.where(rng.random(n) < 1 / (1 + np.exp(-frame["x"] - (frame["sex"] == "m"))), "yes", "no")
    frame["x"] -= hurt
    frame["z"] = np.where(rng.random(n) < 0.1 + hurt / 5, np.nan, rng.normal(size=n))
    return tk.load_dataset(frame, target="y", positive="yes", sensitive=["sex", "race"])


def numbers_of(*results):
    return [name for result in results for name in result.scalars()]


class TestEveryNumberHasASection:
    def test_of_a_model_of_two_classes(self):
        data = people(600)
        split = tk.split_dataset(data, validation_size=0.2)
        training = tk.train(split, candidates=["logistic"], cv=2)
        evaluation = tk.evaluate(training.model, split, baseline="guess", threshold="cost:fp=1,fn=5")
        names = numbers_of(
            *(data, split, training, evaluation),
            tk.find_slices(training.model, data, depth=1),
            tk.explain(training.model, split, most_rows=40),
            tk.audit_fairness(training.model, data, replicates=200),
            tk.check_individual(training.model, data, rows=50),
            tk.find_proxies(data, rows=200),
            tk.find_counterfactual(training.model, data, 0),
            tk.mitigate(training, split, methods="reweighing"),
            tk.check("standard", data, evaluation),
            tk.compare(training.model, evaluation.model, data, margin=0.01),
            tk.ab_test(data.features.assign(arm=data.sensitive["sex"]), outcome="x", arm="arm"),
        )
        assert len(names) > 150
        assert unknown(names) == []

    def test_of_drift_and_monitoring(self):
        before, after = people(600), people(600, 1, hurt=0.7)
        model = make_model(LogisticRegression(), before.features).fit(before.features, before.target)
        drift = tk.detect_drift(before, after, model=model, window=300)
        estimate = tk.estimate_performance(model, before, after)
        over_time = tk.audit_windows(model, before, after, window=300, replicates=200)
        names = numbers_of(drift, estimate, over_time, tk.decide("drift", drift, estimate))
        assert {name.split(".")[1] for name in names} >= {"column", "domain", "estimated_change", "fairness_growth"}
        assert unknown(names) == []

    def test_of_the_other_tasks_and_of_cards(self):
        data = tk.load_dataset("diabetes")
        model = LinearRegression().fit(data.features, data.target)
        results = [data, tk.evaluate(model, data, latency=False), tk.audit_fairness(model, data, replicates=200)]
        card = tk.make_card(results)
        rows = tk.estimate_performance(model, data, data)
        names = numbers_of(*results, card, tk.diff_cards(card, card), rows, tk.find_proxies(data, sensitive="age"))
        assert any(name.startswith("drift.estimated_ratio.") for name in names)
        assert unknown(names) == []
        y = np.tile([0, 1, 2], 20)
        metrics = {*multiclass_metrics(y, y, None, 3), *binary_metrics(y % 2, y / 2), *regression_metrics(y, y)}
        assert unknown(f"{part}.{name}" for part in PARTS for name in metrics) == []
        assert unknown(f"fairness.a.b.{name}" for name in BINARY_METRICS) == []

    def test_of_no_other_name(self):
        wrong = ["test.roc_auk", "drift.columm.x.distance", "fairness.sex.f.recal", "cvx.roc_auc"]
        assert unknown(wrong) == wrong


class TestWhatThePageNamesIsThere:
    def test_sections(self):
        titles = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
        anchors = {re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in titles}
        linked = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
        assert linked <= anchors
        assert anchors <= linked
        assert all(len(re.findall(r"\]\(#", cells[1])) >= 1 for cells in ROWS)

    def test_patterns_are_in_order_so_that_a_number_is_found_quickly(self):
        firsts = [re.findall("`([^`.]+)[.`]", cells[0])[0] for cells in ROWS]
        others = [first for first in firsts if first != "<part>" and first != "test"]
        assert others == sorted(others)
        assert len(PATTERNS) == len(set(PATTERNS))

    @pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/]+\.py)::", PAGE))))
    def test_tests(self, path):
        text = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(rf"`{re.escape(path)}::(\w+)`", PAGE):
            found = re.search(rf"((?:^ *@.+\n)*)^ *def {name}\(", text, flags=re.MULTILINE)
            assert found, f"docs/methods.md names {path}::{name}, which is not there"
            said_slow = re.search(rf"slow: (?:`[^`]+`,\s+)*`{re.escape(path)}::{name}`", PAGE) is not None
            assert said_slow == ("mark.slow" in found[1]), f"docs/methods.md is wrong on whether {name} is slow"

    def test_modules(self):
        named = set(re.findall(r"`(toolkit(?:\.\w+)+)`", PAGE))
        assert len(named) > 4
        assert [name for name in named if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []

    def test_findings(self):
        codes = set(re.findall(r"`([A-Z]+(?:-[A-Z]+)+)`", PAGE))
        assert codes
        assert [code for code in codes if f'"{code}"' not in SOURCES] == []

    def test_sources_have_the_form_of_a_doi_and_are_those_of_the_code(self):
        dois, preprints = (re.findall(f"`{kind}:([^`]+)`", PAGE) for kind in ("doi", "arXiv"))
        assert len(set(dois)) > 30
        assert all(re.fullmatch(r"10\.\d{4,9}/\S+", doi) for doi in dois)
        assert all(re.fullmatch(r"\d{4}\.\d{4,5}", number) for number in preprints)
        absent = [source for source in (*dois, *preprints) if source not in SOURCES]
        assert absent == []
