"""What the product says, wherever it is written: plain terms of the field, and no names of the code."""

import ast
import re
import string
from pathlib import Path

import pytest
import yaml
from sample_notebook import sample_notebook, sample_results
from sentences import documentation, texts

from toolkit.report.render import page_html

PACKAGE = Path(__file__).parents[1] / "toolkit"
AWKWARD = (
    r"called (positive )?at a score of",
    r"chance alone would make",
    r"is else undecided",
    r"decided four times in five",
    r"twin in the training part",
    r"not told apart",
    r"(?<!increase of )… when shuffled",
    r"Truth …|, said …",
    r"\bby lot\b",
    r"given in advance",
    r"\bcalled (positive|rightly|most)",
    r"hang together",
    r"tells nobody apart",
    r"attributed anything",
    r"most confident (right|wrong)",
    r"furthest (too|off)",
    r"less (champion|control)",
    r"rows not so\b",
    r"\band that is said",
    r"[Ww]hatever speaks",
    r"be others than",
)
DOTTED = re.compile(r"\b(test|cv|train|baseline|difference|data|split|fairness|drift|explanation|latency)\.[a-z_*]+")


@pytest.mark.parametrize("words", AWKWARD)
def test_no_awkward_sentence_is_left(words):
    written = ((path, " ".join(text.split())) for path, text in (*texts(), *documentation()))
    assert [(str(path), text[:200]) for path, text in written if re.search(words, text)] == []


def test_every_table_of_words_can_be_read():
    assert all(yaml.safe_load(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.yaml"))


def test_no_dotted_name_reaches_the_prose_of_a_page():
    names = ("test.roc_auc", "fairness.sex.equalized_odds_difference", "fairness.sex.Female.recall", "data.rows")
    rules = [
        {
            "name": name,
            "rule": "at most 0.2",
            "outcome": outcome,
            "number": {"value": 0.3, "low": 0.2, "high": 0.4, "n": 9},
        }
        | {"why": "The whole interval violates it.", "limit": "at most 0.2"}
        for name, outcome in zip(names, ("fail", "undecided", "pass", "pass"), strict=True)
    ]
    verdict = {"outcome": "fail", "policy": "Ours", "rules": rules, "left_out": ["test.r2"]}
    html = page_html(sample_notebook(sample_results(verdict=verdict)))
    prose = re.sub(r"<(style|script|code|pre)\b.*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)
    assert "equalized odds difference by sex" in prose
    assert "R² on the test part" in prose
    assert DOTTED.search(prose) is None


def given_to(call, function):
    """The names that a call gives, those of a dict of the same function that is unpacked among them."""
    dicts = [one for one in ast.walk(function) if isinstance(one, ast.Assign) and isinstance(one.value, ast.Dict)]
    by_name = {one.targets[0].id: [getattr(key, "value", None) for key in one.value.keys] for one in dicts}
    for keyword in call.keywords:
        yield from [keyword.arg] if keyword.arg else by_name[keyword.value.id]


def refusals():
    for path in PACKAGE.rglob("*.py"):
        functions = [
            one for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(one, ast.FunctionDef)
        ]
        for function in functions:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "refusal":
                    name = call.args[0]
                    for one in (name.body, name.orelse) if isinstance(name, ast.IfExp) else (name,):
                        yield path.with_name("refusals.yaml"), one.value, set(given_to(call, function))


def test_an_error_is_given_every_number_that_its_text_names():
    used = list(refusals())
    for path, name, given in used:
        text = yaml.safe_load(path.read_text(encoding="utf-8"))[name]
        named = {re.split("[.[]", field)[0] for _, field, *_ in string.Formatter().parse(text) if field is not None}
        assert named <= given, (path, name)
    written = {
        (path, name) for path in PACKAGE.rglob("refusals.yaml") for name in yaml.safe_load(path.read_text("utf-8"))
    }
    assert {(path, name) for path, name, _ in used} == written
