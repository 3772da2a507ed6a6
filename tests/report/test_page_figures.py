"""Drawings as they travel in a page: small, whole, and with their texts unharmed."""

import base64
import math
import re
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import toolkit as tk
from toolkit.core import Estimate, figures
from toolkit.core.face import NOTHING_MIME, Face
from toolkit.core.figures import Drawing, Picture
from toolkit.core.result import Result
from toolkit.report.render import page_html


@dataclass(frozen=True, repr=False)
class Note(Result):
    """A result with one figure that says something."""

    text: str

    def frame(self):
        return pd.DataFrame({"whole": [self.text]})

    def face(self):
        return Face("Note", self.text)

    def drawings(self):
        words = Picture("Note", "Read it.", "It says something.")
        return [Drawing("note", words, self.draw, pd.DataFrame({"x": range(50)}))]

    def draw(self, ax):
        ax.plot([0.123456, 0.654321], [0.1, 0.9])
        ax.text(0.2, 0.5, self.text)


def drawn(text):
    image = figures.figure(Note(text), "note").image
    assert image.startswith("data:image/svg+xml;base64,")
    return base64.b64decode(image.partition(",")[2]).decode()


@pytest.mark.parametrize(
    "text", ["0.536 [0.412, 0.633] (at 0.13612)", "<!-- a --> & </text><script>", "two\nlines", "名前 🙂"]
)
def test_the_texts_of_a_drawing_are_the_ones_it_was_given(text):
    texts = " ".join(ElementTree.fromstring(drawn(text)).itertext())
    for line in text.splitlines():
        assert line in texts


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "a\uffffb", "a\x1fb"])
def test_characters_that_no_xml_may_hold_do_not_break_a_drawing(text):
    assert "a\N{REPLACEMENT CHARACTER}b" in " ".join(ElementTree.fromstring(drawn(text)).itertext())


def test_points_have_two_decimals():
    assert not re.search(r'd="[^"]*\d\.\d{3}', drawn("x"))


def test_data_of_a_figure_are_folded_below_it():
    html = figures.figure(Note("x"), "note")._repr_html_()
    assert "<details" in html
    assert "first 20 of 50 rows" in html
    assert "49" in html.partition("data:text/csv")[2]


def test_a_figure_keeps_its_place_while_it_loads():
    assert 'width="614" height="384"' in figures.figure(Note("x"), "note")._repr_html_()


def test_all_figures_of_a_result_are_one_object():
    class Twice(Note):
        def drawings(self):
            (drawing,) = super().drawings()
            words = [drawing.words._replace(title=f"Note {kind}") for kind in ("a", "b")]
            return [drawing._replace(kind=one.title, words=one) for one in words]

    shown = tk.figures(Twice("x"))
    assert [found.picture.title for found in shown.figures] == ["Note a", "Note b"]
    bundle = shown._repr_mimebundle_()
    assert bundle["text/html"].count("<figure") == 2
    assert repr(shown) == bundle["text/plain"] == "Note a. It says something.\nNote b. It says something."


def page_of(*shown):
    """Render a notebook, run by hand, whose cells show these objects."""
    cells = [new_markdown_cell("# A page"), new_markdown_cell("## A section")]
    for one in shown:
        bundle = getattr(one, "_repr_mimebundle_", lambda one=one: {"text/html": one._repr_html_()})()
        cells.append(new_code_cell("one", outputs=[new_output("execute_result", bundle)], execution_count=1))
    return page_html(new_notebook(cells=cells))


def test_what_a_cell_draws_with_its_result_does_not_stand_on_a_page_twice(monkeypatch):
    monkeypatch.delenv("TOOLKIT_RUN_FOLDER", raising=False)
    note, other = Note("x"), Note("y")
    assert page_of(note).count("<figcaption>") == 1
    assert page_of(note, tk.figures(note)).count("<figcaption>") == 1
    assert page_of(note, tk.figures(tk.NotApplicable("explain", "No."))).count("<figcaption>") == 1
    both = page_of(tk.figures(note), tk.figures(other))
    assert both.count("<figcaption>") == 2
    assert "Figure 2" in both
    assert "Figure 2" not in page_of(note, tk.figures(note))


def test_a_result_without_figures_shows_that_there_is_none():
    shown = tk.figures(tk.NotApplicable("explain", "There is no model."))
    assert shown.figures == ()
    assert shown._repr_mimebundle_() == {NOTHING_MIME: {}, "text/plain": "There is nothing to draw."}


def test_every_figure_of_an_experiment_carries_its_data(census):
    parts = tk.split_dataset(census.take(range(3000)), seed=0)
    training = tk.train(parts, candidates=["logistic"], cv=2)
    evaluation = tk.evaluate(training.model, parts, latency=False)
    cells = tk.figure(evaluation, "confusion").data
    assert cells.to_numpy()[:, 1:].astype(int).sum() == parts.test.rows
    assert list(cells) == ["true", *(f"predicted {label}" for label in evaluation.confusion)]
    fairness = tk.audit_fairness(training.model, parts)
    explanation = tk.explain(training.model, parts, most_rows=60)
    for result in (parts.test, training, evaluation, fairness, explanation):
        for kind in result.pictures():
            assert len(tk.figure(result, kind).data) > 1, kind
    assert tk.figure(parts.test, "target").data["rows"].sum() == parts.test.rows
    swarm = tk.figure(explanation, "beeswarm").data
    assert len(swarm) == explanation.rows
    first = explanation.overall["column"].iloc[0]
    assert swarm[f"SHAP of {first}"].abs().mean() == pytest.approx(
        explanation.overall["mean_abs_shap"][0].value, rel=1e-3
    )
    dependence = tk.figure(explanation, "dependence_1").data
    assert dependence["rows"].sum() == explanation.rows
    recalls = tk.figure(fairness, "recall").data
    assert set(recalls["metric"]) == {"recall"}
    assert "Data of this figure" in tk.figure(fairness, "disparities")._repr_html_()


@pytest.mark.parametrize("upright", [False, True])
def test_an_interval_without_an_end_reaches_to_the_edge_of_the_axes(upright):
    ax = Canvas().subplots()
    numbers = [Estimate(0.5, 0.4, 0.6), Estimate(0.1, -math.inf, 0.2), Estimate(0.3), Estimate(0.2, -1, math.inf)]
    figures.draw_intervals(ax, range(4), numbers, upright=upright)
    low, high = ax.get_ylim() if upright else ax.get_xlim()
    ends = [line[:, int(upright)].tolist() for lines in ax.collections for line in lines.get_segments()]
    assert ends == [[0.4, 0.6], [low, 0.2], [low, high]]


def test_names_of_many_classes_do_not_lie_on_another():
    rng = np.random.default_rng(0)
    labels = [f"Class of goods with a longish name no. {place}" for place in range(25)]
    true = rng.permutation(np.repeat(labels, 8))
    frame = pd.DataFrame({"y_true": true, "y_pred": rng.choice(labels, len(true))})
    evaluation = tk.evaluate(*tk.load_predictions(frame, y_pred="y_pred"), latency=False)
    ax = evaluation.drawing("confusion").on()
    ax.figure.canvas.draw()
    for ticks, side in ((ax.get_xticklabels(), 0), (ax.get_yticklabels(), 1)):
        assert len({tick.get_text() for tick in ticks}) == 25
        spans = sorted(tuple(tick.get_window_extent().get_points()[:, side]) for tick in ticks)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    plt.close(ax.figure)


def test_the_title_of_a_drawing_in_a_notebook_stands_above_its_legend():
    def draw(ax):
        ax.plot([0, 1], [0, 1], label="a line with a long name")
        figures.legend_above(ax)

    ax = Drawing("line", Picture("A title that is as long as the legend", "", ""), draw, pd.DataFrame()).on()
    ax.figure.canvas.draw()
    assert ax.figure._suptitle.get_window_extent().y0 >= ax.get_legend().get_window_extent().y1
    plt.close(ax.figure)


def test_a_number_in_a_confusion_matrix_can_be_read_by_day_and_by_night():
    shares = np.arange(101) / 100
    rows = {"y_true": np.repeat(["a", "b"], 1000), "y_pred": ["a"] * 1000 + ["b"] * 500 + ["a"] * 500}
    ax = tk.evaluate(*tk.load_predictions(rows, y_pred="y_pred"), latency=False).plot("confusion")
    (image,) = ax.images
    shades = image.cmap(image.norm(shares))[:, :3]
    turn = [[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]]  # hue-rotate(180deg)
    inks = {text.get_color() for text in ax.texts}
    assert inks == {"black"}
    for filtered in (lambda rgb: rgb, lambda rgb: np.clip((0.92 - 0.84 * rgb) @ np.transpose(turn), 0, 1)):
        ink, ground = luminance(filtered(np.zeros(3))), luminance(filtered(shades))
        assert ((np.maximum(ink, ground) + 0.05) / (np.minimum(ink, ground) + 0.05)).min() >= 4.5
    plt.close(ax.figure)


def luminance(rgb):
    """Return the relative luminance of WCAG."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
