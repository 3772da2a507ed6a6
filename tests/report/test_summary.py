"""What stands at the head of a report: its first sentence and its numbers, as results state them."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from card_reports import number, report, with_scalars
from sample_notebook import code, notebook_of, published
from sklearn.linear_model import LogisticRegression

from toolkit.card.diff import diff_cards
from toolkit.card.model_card import make_card
from toolkit.core.estimate import Estimate, KeyNumber
from toolkit.core.result import DataInfo, Finding
from toolkit.core.results import ModelInfo, Results
from toolkit.data.load import load_dataset
from toolkit.drift.detect import detect_drift
from toolkit.drift.findings import headline
from toolkit.evaluation.evaluate import evaluate
from toolkit.models.model import Model
from toolkit.monitoring.findings import head_numbers, headline as performance_headline
from toolkit.monitoring.pair import load_drift
from toolkit.report.render import page_html
from toolkit.report.summary import Summary, direction_words, key_tables


def results_of(**parts):
    return Results(data=DataInfo("t"), scalars={}, **parts)


def row(column, verdict, why="", importance=math.nan, role="feature"):
    return {"column": column, "verdict": verdict, "why": why, "importance": importance, "role": role}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("a", "stable")], "Nothing broke, and no column of 1 moved beyond chance and its threshold."),
        ([row("a", "drifted"), row("b", "stable")], "1 of 2 columns has drifted: 'a'."),
        (
            [row("a", "broken", "looks multiplied by 100: once undone, it agrees"), row("b", "broken", "is gone")],
            "Broken: 'a' looks multiplied by 100; 'b' is gone.",
        ),
        (
            [row("a", "drifted", importance=0.001), row("b", "stable", importance=0.9)],
            "1 of 2 columns has drifted, but the model does not lean on it.",
        ),
        (
            [row("a", "drifted", importance=0.1), row("b", "drifted", importance=0.6), row("c", "left out")],
            "2 of 2 columns have drifted; the model leans on 'b' (60% of its importance), 'a' (10%).",
        ),
        (
            [row("a", "drifted"), row("y", "drifted", role="target"), row("p", "drifted", role="prediction")],
            "1 of 1 columns has drifted: 'a'. The target and the model's predictions moved too.",
        ),
        ([row("a", "stable"), row("y", "drifted", role="target")], "The target moved."),
        (
            [row(letter, "broken", "is gone") for letter in "abcd"] + [row("e", "broken", "has one value: 3")],
            "Broken: 'a' is gone (and 3 more); 'e' has one value.",
        ),
        (
            [row(letter, "broken", f"is {why}") for why in ("gone", "new", "odd", "even") for letter in "ab"],
            "Broken: 'a' is gone (and 1 more); 'a' is new (and 1 more); 'a' is odd (and 1 more); 8 columns in all.",
        ),
    ],
)
def test_drift_says_first_what_broke_and_what_moved_and_matters(rows, said):
    assert headline(pd.DataFrame(rows), None) == said


def performance(realized=None, metric="roc_auc"):
    return pd.DataFrame(
        [
            {
                "window": "all",
                "metric": metric,
                "labelled": 0 if realized is None else 500,
                "estimated": Estimate(0.8, 0.78, 0.82, 500),
                "realized": realized or Estimate(math.nan),
                "reference": Estimate(0.9, 0.88, 0.92, 500),
            }
        ]
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            performance(),
            "ROC AUC is estimated, without labels, at 0.800 [0.780, 0.820], against 0.900 on the reference: worse by "
            "0.100 [0.072, 0.128].",
        ),
        (
            performance(Estimate(0.89, 0.86, 0.92, 500)),
            "ROC AUC is 0.890 [0.860, 0.920], against 0.900 on the reference: no clear difference.",
        ),
        (
            performance(Estimate(0.8, 0.78, 0.82, 500), metric="root_mean_squared_error"),
            "Root mean squared error is 0.800 [0.780, 0.820], against 0.900 on the reference: better by 0.100 "
            "[0.072, 0.128].",
        ),
        (performance(Estimate(0.8)), "ROC AUC is 0.800, against 0.900 on the reference."),
    ],
)
def test_performance_says_how_far_it_is_from_the_reference(table, said):
    assert performance_headline(table) == said


def test_what_labels_show_comes_before_the_estimate():
    numbers = list(head_numbers(performance(Estimate(0.85, 0.83, 0.87, 500))))
    assert [number.label for number in numbers] == ["ROC AUC, by the labels", "ROC AUC, estimated"]
    assert numbers[0].difference.value == pytest.approx(-0.05)
    assert [number.name for number in head_numbers(performance())] == ["drift.estimated.roc_auc"]


def test_records_of_drift_and_evaluation_head_their_reports():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=400), "z": rng.normal(size=400)})
    old = load_dataset(table.assign(y=table["x"] > 0), target="y")
    model = LogisticRegression().fit(old.features, old.target)
    model = replace(Model.of(model), name="logistic", version="m-1")
    record = detect_drift(old, table.assign(x=table["x"] + 2), model=model).record()
    assert record.headline.startswith("1 of 2 columns has drifted; the model leans on 'x'")
    assert record.model.name == "logistic"
    assert [number.name for number in record.numbers][:2] == ["drift.columns_share", "drift.importance_share"]
    record = evaluate(model, old, baseline="guess", latency=False).record()
    first = record.numbers[0]
    assert (record.model.name, first.name, first.other.value) == ("logistic", "test.roc_auc", 0.5)


def test_the_page_says_the_headline_and_names_the_model_with_its_address_and_its_author():
    results = results_of(
        headline="It broke.", model=ModelInfo("boosting"), parameters={"model": "models:/m-1"}, author="Ann & Bob"
    )
    assert Summary(results).sentence == "It broke. No finding of high or critical severity."
    html = page_html(notebook_of(code("publish()", [published(results.plain())])))
    facts = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html.partition('<dl class="facts">')[2].partition("</dl>")[0])
    assert facts[:2] == [("Data", "t"), ("Model", 'boosting <span class="more">m-1</span>')]
    assert facts[2:] == [("Author", "Ann &amp; Bob"), ("Signed by", '<a href="#sign-off">nobody yet</a>')]


@pytest.mark.parametrize(("given", "said"), [({"group": "clinic"}, "clinic"), ({"model": "models:/m-1"}, "patient")])
def test_the_unit_of_observation_is_the_group_that_a_model_brings_too(given, said):
    columns = {"age": {"kind": "number"}, "patient": {"kind": "text", "role": "group"}}
    for schema, unit in (({"columns": columns}, said), ({"columns": {"age": {"kind": "number"}}}, given.get("group"))):
        results = Results(data=DataInfo("t", rows=9, columns=2, schema=schema), scalars={}, parameters=given)
        html = page_html(notebook_of(code("publish()", [published(results.plain())])))
        assert f"<dd>{f'all rows of one {unit}' if unit else 'one row'}</dd>" in html


def test_what_the_decisions_are_worth_follows_the_number_that_chose_the_model():
    names = ["roc_auc", "log_loss", "calibration_slope", "recall", "precision", "f1"]
    numbers = tuple(KeyNumber(f"test.{name}", name, Estimate(0.5)) for name in names)
    found = [one.label for one in Summary(results_of(key_numbers=numbers)).key_numbers]
    assert found == ["roc_auc", "recall", "precision", "log_loss", "calibration_slope", "f1"]
    undefined = replace(numbers[3], value=Estimate(math.nan))
    chosen = results_of(key_numbers=(*numbers[:3], undefined, *numbers[4:]), recorded={"metric": "neg_log_loss"})
    found = [one.label for one in Summary(chosen).key_numbers]
    assert found == ["log_loss", "precision", "roc_auc", "calibration_slope", "f1", "recall"]


def test_a_card_stands_beside_the_champion():
    before, after = report(), with_scalars(test__roc_auc=number(0.7, 0.66, 0.74))
    numbers = diff_cards(make_card(before), make_card(after)).record().numbers
    first = numbers[0]
    assert (first.name, first.label, first.beside) == ("test.roc_auc", "ROC AUC", "champion")
    assert (first.other.value, first.value.value) == (0.8, 0.7)
    assert first.difference.value == pytest.approx(-0.1)
    assert {one.name for one in numbers} == {"test.roc_auc", "test.accuracy", "test.log_loss", "test.precision"}
    (table,) = key_tables(Summary(results_of(key_numbers=numbers)).key_numbers)
    assert [direction_words(one) for one in table] == ["worse", "no clear difference", "no clear difference", ""]


def test_what_is_said_of_several_places_is_said_once():
    findings = tuple(Finding("STEP", "info", "None.", where) for where in ("a", "b", ""))
    (issue,) = Summary(results_of(findings=findings)).findings
    assert issue.where == "a, b"
    columns = ("'age'", "'sex'", "'pay'")
    findings = tuple(Finding("GONE", "critical", f"Column {name} is gone.", name.strip("'")) for name in columns)
    results = results_of(findings=(*findings, Finding("GONE", "critical", "Column 'age' is half gone.", "age")))
    alike, other = Summary(results).findings
    assert (alike.message, alike.where, other.where) == ("Column 'age' is gone.", "age, sex, pay", "age")
    html = page_html(notebook_of(code("publish()", [published(results.plain())])))
    assert "Column &#39;age&#39; is gone. The same is true of &#39;sex&#39;, &#39;pay&#39;." in html


def test_a_table_without_labels_keeps_its_name(tmp_path):
    table = pd.DataFrame({"x": np.arange(300.0)})
    table.assign(y=table["x"] % 2).to_csv(tmp_path / "before.csv", index=False)
    table.to_csv(tmp_path / "march.csv", index=False)
    old, new, _ = load_drift(reference=tmp_path / "before.csv", current=tmp_path / "march.csv", target="y")
    found = detect_drift(old, new).record().data
    assert (found.name, found.source.endswith("march.csv")) == ("march", True)
