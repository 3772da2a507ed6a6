"""Hostile names stay text: a page about them has the very elements that a page about harmless names has."""

import json

import numpy as np
import pandas as pd
import pytest
from browsing import running_browser, visit
from nbformat.v4 import new_markdown_cell, new_output
from payloads import PAYLOADS
from sample_notebook import code, entry, notebook_of, published, sample_results, saved, shown

from toolkit.core.estimate import Estimate
from toolkit.core.face import result_html, table_html
from toolkit.core.figures import Figure, Picture
from toolkit.core.result import Finding
from toolkit.data.load import load_dataset
from toolkit.evaluation.explorer import ThresholdExplorer
from toolkit.explanation.explorers import ColumnExplorer, WhatIf
from toolkit.models.threshold import Costs
from toolkit.report.render import render, write_index

HARMLESS = tuple(f"name {number}" for number in range(len(PAYLOADS)))
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
# Every element of the page with the names of its attributes; where a long name may break is no element that matters.
SKELETON = """() => [...document.querySelectorAll('*')]
    .filter(element => element.tagName !== 'WBR')
    .map(element => [element.tagName, ...element.getAttributeNames().filter(name => name !== 'hidden')].join(' '))"""


@pytest.fixture(scope="module")
def browser():
    with running_browser() as started:
        yield started


def results_about(names):
    findings = [{"code": name, "severity": "high", "message": name, "where": name} for name in names]
    words = ("name", "label", "on", "beside")
    numbers = [dict.fromkeys(words, name) | {"value": entry(0.5, 0.4, 0.6)} for name in names]
    rules = [{"name": name, "rule": name, "why": name, "outcome": "pass", "number": None} for name in names]
    return sample_results(
        **dict.fromkeys(("title", "question", "author", "command", "created", "commit", "template"), names[0]),
        data=dict.fromkeys(("name", "source", "fingerprint", "target", "task"), names[1]),
        model={"name": names[2]},
        findings=findings,
        key_numbers=numbers,
        verdict={"outcome": "fail", "policy": names[3], "rules": rules},
        parameters=dict(zip(names, names, strict=True)),
        environment=dict(zip(names, names, strict=True)),
        artifacts=list(names),
    )


def table_about(names):
    random = np.random.default_rng(0)
    rows = 3 * len(names)
    frame = pd.DataFrame({name: random.normal(size=rows) for name in names})
    return frame.assign(category=list(names) * 3, outcome=[names[4], names[5], names[5]] * len(names))


def explorer_about(names):
    counts = pd.DataFrame({"threshold": [0.2, 0.5], "tp": [2, 1], "fp": [2, 1]})
    places = [(names[6 + place % 2], name) for place, name in enumerate(names) for _ in range(2)]
    groups = pd.DataFrame(places, columns=["feature", "group"]).assign(threshold=[0.2, 0.5] * len(names))
    groups = groups.assign(positives=2, negatives=2, size=4, tp=1, fp=1)
    return ThresholdExplorer(names[9], counts, 2, 2, 1, Costs(1, 1, currency=names[10]), groups)


def columns_about(names):
    rows = [[name, value, 3, Estimate(0.5, 0.4, 0.6, 3)] for name in names for value in (name, names[0])]
    table = pd.DataFrame(rows, columns=["column", "value", "rows", "mean_attribution"])
    return ColumnExplorer(names[1], names[2], table, ((np.array([0.1, 0.9]),) * 2,) * len(names))


def row_about(names):
    columns = [{"name": name, "unit": name, "levels": list(names[:3]), "adds": [[0.1], [0.2], [0.3]]} for name in names]
    columns = [column | {"own": [1]} | ({"ends": [0, 1]} if place % 2 else {}) for place, column in enumerate(columns)]
    rows = [{"name": name, "output": 0, "rest": [0.5]} for name in names[:1]]
    carried = {"kind": "row", "columns": columns, "rows": rows, "fixed": 2, "scale": names[1], "base": [0.1]}
    about = {"outputs": names[2:3], "labels": names[3:5], "threshold": 0.5}
    return WhatIf(names[5], names[1], carried | about)


def notebook_about(names):
    findings = [Finding(name, "low", name, name) for name in names]
    table = table_html(pd.DataFrame({name: [name, name] for name in names}), names[0])
    figures = [
        shown(Figure(Picture(name, name, name), DOT, 1, 1, pd.DataFrame({name: [name]}))._repr_html_())
        for name in names
    ]
    dataset = load_dataset(table_about(names), target="outcome", positive=names[4])
    outputs = [shown(result_html(name, name, [table_html(pd.DataFrame({name: [name]}), name)])) for name in names]
    outputs += [new_output("stream", name="stdout", text=f"{name}\n") for name in names]
    errors = [new_output("error", ename=name, evalue=name, traceback=[name]) for name in names]
    return notebook_of(
        new_markdown_cell("# Title\n\nquestion"),
        code("1", [shown(result_html("", "", [table], findings))]),
        new_markdown_cell("## Section"),
        code("2", [shown(dataset.face().html()), *outputs]),
        code("3", figures),
        code("4", [new_output("display_data", data=explorer_about(names)._repr_mimebundle_())]),
        code("4", [new_output("display_data", data=columns_about(names)._repr_mimebundle_())]),
        code("4", [new_output("display_data", data=row_about(names)._repr_mimebundle_())]),
        code("5", errors, tags=["raises-exception"]),
        code("6", [published(results_about(names))]),
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for kind, names in (("hostile", PAYLOADS), ("harmless", HARMLESS)):
        render(saved(notebook_about(names), folder / f"{kind}.ipynb"))
        runs = folder / kind
        for place, name in enumerate(names):
            run = runs / f"{place:03}"
            run.mkdir(parents=True)
            data = sample_results()["data"] | {"name": name}
            results = sample_results(title=name, template=name, model={"name": name}, data=data)
            (run / "results.json").write_text(json.dumps(results), encoding="utf-8")
        write_index(runs)
    return folder


def test_there_are_at_least_fifty_of_them():
    assert len(set(PAYLOADS)) >= 50


@pytest.mark.parametrize("name", ["{}.html", "{}/index.html"])
def test_hostile_names_add_no_element_and_run_nothing(browser, pages, name):
    skeletons = {}
    for kind in ("hostile", "harmless"):
        page, noticed = visit(browser, (pages / name.format(kind)).as_uri())
        assert noticed == []
        page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
        skeletons[kind] = page.evaluate(SKELETON)
        if kind == "hostile":
            text = page.evaluate("document.body.textContent")
            assert page.evaluate("typeof pwned") == "undefined"
            assert [payload for payload in PAYLOADS if payload[:150] not in text] == []
        page.context.close()
    assert len(skeletons["harmless"]) > 500
    assert skeletons["hostile"] == skeletons["harmless"]


def test_a_script_that_is_not_ours_is_refused(browser, pages):
    path = pages / "broken.html"
    html = (pages / "harmless.html").read_text(encoding="utf-8")
    added = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    path.write_text(html.replace("</main>", f"{added}</main>"), encoding="utf-8")
    page, noticed = visit(browser, path.as_uri())
    assert page.evaluate("window.pwned") is None
    assert page.locator(".sort").count() > 10
    assert any("Content Security Policy" in line for line in noticed)
    page.context.close()
