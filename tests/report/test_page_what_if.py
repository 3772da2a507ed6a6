"""A row with other values: what the page says of it is what Python says of the same row."""

import numpy as np
import pandas as pd
import pytest
from browsing import running_browser, unfold, violations, visit
from nbformat.v4 import new_markdown_cell, new_output
from sample_notebook import code, notebook_of, published, sample_results, saved

import toolkit as tk
from toolkit.report.render import render

#: Of each task the candidate, and what is entered: numbers within and beyond the range seen, and a missing one.
TASKS = {
    "binary": (
        "logistic",
        {"age": 31.5, "income": -1e6, "score": None, "town": "Bergen", "when": 19_000.25, "day": 18_500},
    ),
    "multiclass": ("logistic", {"age": 90, "income": None, "town": "missing"}),
    "regression": ("ridge", {"age": None, "score": 4, "town": "not seen in training"}),
}
UNSEEN = "a town of no training row"


def people(task):
    rng = np.random.default_rng(0)
    rows = 500
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "income": rng.normal(30_000, 9000, rows).round(2),
            "score": np.where(rng.random(rows) < 0.15, np.nan, rng.normal(size=rows)),
            "town": rng.choice(["Oslo", "Bergen", "Bodø", None], rows, p=[0.5, 0.3, 0.02, 0.18]),
            "when": pd.date_range("2020-01-01", periods=rows, freq="36h"),
            "day": pd.date_range("2021-01-01", periods=rows, freq="D"),
        }
    )
    sums = frame["score"].fillna(1.0) + (frame["town"] == "Oslo") + frame["income"] / 9000 + rng.logistic(size=rows)
    outcome = {
        "regression": sums,
        "binary": np.where(sums > 4, "yes", "no"),
        "multiclass": pd.cut(sums, 3, labels=[*"abc"]),
    }
    data = tk.load_dataset(frame.assign(y=outcome[task]), target="y", positive="yes" if task == "binary" else "")
    return tk.split_dataset(data, strategy="random")


def explained(task):
    split = people(task)
    training = tk.train(split, candidates=[TASKS[task][0]], cv=2)
    threshold = 0.4 if task == "binary" else None
    return tk.explain(tk.evaluate(training.model, split, threshold=threshold, latency=False).model, split, most_rows=50)


#: How a browser takes the columns that hold dates.
DATES = {"when": "%Y-%m-%dT%H:%M", "day": "%Y-%m-%d"}


def page_of(path, *results):
    bundles = [one._repr_mimebundle_() | {"text/html": one.face().html()} for one in results]
    shown = [new_output("display_data", data=bundle) for bundle in bundles]
    cells = [new_markdown_cell("# Experiment"), new_markdown_cell("## Explanation"), code("1", shown)]
    return render(saved(notebook_of(*cells, code("2", [published(sample_results())])), path)).as_uri()


@pytest.fixture(scope="module")
def browser():
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("what_if")
    found = {task: explained(task) for task in TASKS}
    return {task: (one, page_of(folder / f"{task}.ipynb", tk.what_if(one))) for task, one in found.items()}


def opened(browser, address, width=1440, scheme="light"):
    page, noticed = visit(browser, address, width, scheme)
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    return page, noticed


def enter(page, name, value):
    """Enter a value as a person does, found by its label."""
    if isinstance(value, str):
        page.get_by_role("combobox", name=name).select_option(label=value)
    elif value is None:
        page.get_by_role("checkbox", name=f"{name} missing").check()
    else:
        page.get_by_role("checkbox", name=f"{name} missing").uncheck()
        moment = pd.Timestamp("1970-01-01") + pd.Timedelta(value if name in DATES else 0, "D")
        text = moment.strftime(DATES[name]) if name in DATES else str(value)
        page.get_by_label(name, exact=True).fill(text)


def shown(page):
    """Return the score, and what each column adds, as the page has them before it rounds."""
    score = float(page.locator(".outcome data").first.get_attribute("value"))
    adds = page.locator(".what-if tbody tr").evaluate_all(
        """rows => rows.map(row => [
            row.querySelector('th').querySelector('span')?.firstChild.textContent, row.querySelector('data').value
        ])"""
    )
    return score, {name: float(size) for name, size in adds}


def changed(row, values):
    frame = row.copy()
    for name, value in values.items():
        said = {"missing": np.nan, "not seen in training": UNSEEN}.get(value, np.nan if value is None else value)
        labels = pd.CategoricalDtype([*row[name].cat.categories, UNSEEN]) if isinstance(value, str) else float
        frame[name] = pd.Series([said], frame.index, labels)
    return frame


def from_python(explanation, row, place):
    """Return the score, the decision, and the attributions of a row by the model and its explainer."""
    model, output = explanation.model, explanation.attributor.outputs.names.index(explanation.local[place].output)
    said = model.predict(row)[0]
    if explanation.data.task == "regression":
        score = said
    else:
        known = explanation.data.positive if explanation.data.task == "binary" else said
        score = model.predict_proba(row)[0, model.classes.index(known)]
    return score, str(said), dict(zip(row.columns, explanation.attributor.attribute(row)[0][0, :, output], strict=True))


@pytest.mark.parametrize("task", TASKS)
def test_the_page_says_what_python_says_of_a_row_as_it_is_and_changed(browser, cases, task):
    explanation, address = cases[task]
    page, noticed = opened(browser, address)
    for place, local in enumerate(explanation.local):
        page.get_by_role("combobox", name="Row", exact=True).select_option(index=place)
        row = explanation.data.features.loc[[local.index]]
        for values in ({}, TASKS[task][1]):
            for name, value in values.items():
                enter(page, name, value)
            score, said, adds = from_python(explanation, changed(row, values), place)
            found, found_adds = shown(page)
            assert found == pytest.approx(score, rel=1e-6, abs=1e-9)
            assert found_adds == pytest.approx(adds, rel=1e-6, abs=1e-9)
            words = page.locator(".outcome strong").inner_text()
            assert words.startswith(f"Predicted {said} (" if task != "regression" else "Predicted ")
    page.context.close()
    assert noticed == []


def test_what_is_not_a_number_gives_no_score_and_the_way_back_is_one_click(browser, cases):
    page, _ = opened(browser, cases["binary"][1])
    before = shown(page)
    page.get_by_role("spinbutton", name="age").fill("")
    assert page.locator(".outcome strong").inner_text() == "Predicted – (enter a value, or tick missing)"
    page.get_by_role("checkbox", name="age missing").check()
    assert page.get_by_role("spinbutton", name="age").is_disabled()
    assert shown(page) != before
    page.get_by_role("button", name="Back to the row as it is").click()
    assert shown(page) == before
    page.context.close()


def test_the_keyboard_alone_changes_a_value(browser, cases):
    page, _ = opened(browser, cases["binary"][1])
    before = shown(page)[0]
    page.get_by_role("combobox", name="Row", exact=True).focus()
    page.keyboard.press("ArrowDown")
    other = shown(page)[0]
    assert other != before
    page.keyboard.press("Tab")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "checkbox":
            break
    page.keyboard.press(" ")
    assert shown(page)[0] != other
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (768, "dark"), (1440, "light")])
def test_axe_finds_nothing_wrong(browser, cases, width, scheme):
    page, _ = opened(browser, cases["binary"][1], width, scheme)
    enter(page, "age", 40)
    enter(page, "town", "Bergen")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("scrollTo(0, 0)")  # else what moves below the contents has a target that is half hidden
    found = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
    assert found == []


def test_without_a_script_and_on_paper_what_each_value_adds_is_in_a_table(browser, cases):
    address = cases["binary"][1]
    still, noticed = visit(browser, address, java_script_enabled=False)
    unfold(still)
    assert still.locator(".explorer-panel").count() == 0
    assert still.get_by_role("cell", name="Bergen").is_visible()
    still.context.close()
    page, _ = visit(browser, address + "#full")
    page.emulate_media(media="print")
    assert not page.locator(".explorer-panel").is_visible()
    assert page.get_by_role("cell", name="Bergen").is_visible()
    page.context.close()
    assert noticed == []


def test_two_of_them_on_a_page_do_not_touch_each_other(browser, cases, tmp_path):
    both = [tk.what_if(cases[task][0]) for task in ("binary", "regression")]
    page, noticed = opened(browser, page_of(tmp_path / "n.ipynb", *both))
    panels = page.locator(".explorer-panel")
    assert panels.count() == 2
    before = panels.nth(1).inner_text()
    enter(panels.nth(0), "age", 20)
    assert "was" in panels.nth(0).locator("tbody").inner_text()
    assert panels.nth(1).inner_text() == before
    page.context.close()
    assert noticed == []


def test_another_model_has_a_sentence_in_its_place(browser, tmp_path):
    split = people("binary")
    model = tk.train(split, candidates=["boosting"], cv=2).model
    address = page_of(tmp_path / "n.ipynb", tk.what_if(tk.explain(model, split, most_rows=50)))
    page, noticed = opened(browser, address)
    assert page.locator(".explorer-panel").count() == 0
    assert page.get_by_text("this one is HistGradientBoostingClassifier").is_visible()
    page.context.close()
    assert noticed == []
