"""What every result owes its readers, held over all classes of results at once."""

import importlib
import pkgutil
import re
from inspect import isabstract

import numpy as np
import pytest
from every_result import HOSTILE, every_result
from IPython.core.formatters import DisplayFormatter
from markupsafe import escape
from matplotlib.figure import Figure

import toolkit as tk
from toolkit.core.estimate import Estimate
from toolkit.core.face import Face
from toolkit.core.result import SEVERITIES, Finding, Result


@pytest.fixture(scope="module")
def results():
    return every_result()


def subclasses(one):
    return {one, *(below for child in one.__subclasses__() for below in subclasses(child))}


def test_every_class_of_results_is_among_them(results):
    for module in pkgutil.walk_packages(tk.__path__, "toolkit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    known = {one for one in subclasses(Result) if one.__module__.startswith("toolkit.")}
    assert {one for one in known if not isabstract(one)} == {type(result) for result in results}


def test_a_terminal_shows_title_lead_and_key_numbers(results):
    for result in results:
        face, text = result.face(), repr(result)
        assert text.startswith(face.title), type(result)
        assert face.lead in text, type(result)
        shown = [table for table in face.tables if not table.folded]
        if shown:
            assert shown[0].text() in text, type(result)
            assert any(sign.isdigit() for sign in shown[0].text()), type(result)
        assert "<span" not in text
        assert "&lt;" not in text


def test_a_cell_shows_the_same_and_escapes_it(results):
    pages = [result._repr_html_() for result in results]
    for result, page in zip(results, pages, strict=True):
        face = result.face()
        messages = [finding.message for finding in face.findings]
        for said in (face.title, face.lead, *(table.caption for table in face.tables), *messages):
            assert escape(said) in page, type(result)
        assert "<script" not in page
        assert "<b>a" not in page
    assert sum(escape(HOSTILE) in page for page in pages) >= 10


def unfolded(html):
    return re.sub(r"<details.*?</details>", "", html)


def test_a_cell_has_one_figure_and_one_open_table_and_a_run_the_whole_face(results, monkeypatch):
    for result in results:
        html, tables = result._repr_html_(), result.face().tables
        assert html.count("<img") == bool(result.drawings()), type(result)
        assert html.count("<table") == len(tables), type(result)
        assert unfolded(html).count("<table") == bool(tables), type(result)
    monkeypatch.setenv("TOOLKIT_RUN_FOLDER", "somewhere")
    for result in results:
        assert result._repr_html_() == result.face().html()
        assert "<img" not in result._repr_html_()


def test_a_cell_says_in_html_and_in_text_what_it_found_out_once(results, monkeypatch):
    monkeypatch.setenv("TOOLKIT_RUN_FOLDER", "somewhere")
    for result in results:
        html, text, face, asked = result._repr_html_(), repr(result), result.face(), []

        def once(self, face=face, asked=asked):
            asked.append(self)
            return face

        with monkeypatch.context() as patch:
            patch.setattr(type(result), "face", once)
            bundle, _ = DisplayFormatter().format(result)
        assert (bundle["text/html"], bundle["text/plain"]) == (html, text), type(result)
        assert len(asked) == 1, type(result)


def test_a_cell_shows_five_findings_and_folds_the_others():
    findings = [Finding(f"CODE-{number}", "low", f"Finding {number}.") for number in range(7)]
    html = Face("Title", findings=findings).cell()
    assert [f"CODE-{number}" in unfolded(html) for number in range(7)] == [True] * 5 + [False] * 2
    assert "CODE-6" in html
    assert "Further findings" not in Face("Title", findings=findings[:5]).cell()


def test_numbers_are_named_in_words(results):
    pages = {type(result).__name__: result._repr_html_() for result in results}
    assert "ROC AUC on the test part" in pages["Verdict"]
    assert "number of columns compared" in pages["Decision"]
    assert "Median latency of one row in ms" in pages["Comparison"]
    assert "whole number" in pages["Profile"]
    assert not re.search(r"test\.roc_auc|drift\.columns|p50_ms|int64", "".join(map(readable, pages.values())))


def readable(html):
    """Leave out what only a download holds."""
    return re.sub(r'href="[^"]*"', "", html)


def test_a_frame_holds_texts_numbers_and_yes_or_no(results):
    for result in results:
        frame = result.frame()
        assert frame.shape[1], type(result)
        assert_tidy(frame, type(result))
        numbers = frame.select_dtypes("number")
        if numbers.shape[1]:
            by = numbers.columns[0]
            assert frame.sort_values(by)[by].dropna().is_monotonic_increasing


def assert_tidy(frame, what):
    for name in frame.columns:
        assert not any(isinstance(cell, Estimate) for cell in frame[name]), (what, name)
        if frame[name].dtype == object:
            kinds = {type(cell) for cell in frame[name]}
            assert kinds <= {str, bool, int, float, type(None)}, (what, name, kinds)


def test_scalars_are_estimates_by_dotted_names_and_findings_are_sorted(results):
    for result in results:
        for name, number in result.scalars().items():
            assert "." in name
            assert isinstance(number, Estimate), name
        ranks = [SEVERITIES.index(finding.severity) for finding in result.findings()]
        assert ranks == sorted(ranks), type(result)


def figures_of(results):
    return [(result, kind, words) for result in results for kind, words in result.pictures().items()]


def test_every_picture_has_words_and_data(results):
    found = figures_of(results)
    assert len(found) > 40
    for result, kind, words in found:
        assert words.title, kind
        assert words.caption, kind
        assert any(sign.isdigit() for sign in words.alt), kind
        data = result.figure_data(kind)
        assert_tidy(data, kind)
        assert len(data), kind
        finite = np.isfinite(data.select_dtypes("number").to_numpy(dtype=float))
        assert finite.any(axis=1).all(), kind


def style(ax):
    """What a caller may have chosen about axes before anything was drawn on them."""
    axes = (ax.xaxis, ax.yaxis)
    spines = [(one.get_visible(), one.get_edgecolor(), one.get_linewidth()) for one in ax.spines.values()]
    texts = (ax.title, *(axis.label for axis in axes), *(label for axis in axes for label in axis.get_ticklabels()))
    fonts = {(text.get_fontsize(), text.get_color(), *text.get_fontfamily()) for text in texts}
    grid = {
        (line.get_visible(), line.get_color(), line.get_linestyle()) for axis in axes for line in axis.get_gridlines()
    }
    return ax.get_facecolor(), spines, fonts, grid


def test_a_figure_drawn_onto_given_axes_leaves_their_style(results):
    for result, kind, _ in figures_of(results):
        ax = Figure().subplots()
        ax.set_facecolor("ivory")
        ax.grid(visible=True, color="teal", linestyle=":")
        ax.tick_params(labelsize=17, labelcolor="navy")
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label):
            text.set(fontsize=21, color="maroon", fontfamily="serif")
        for spine in ax.spines.values():
            spine.set(visible=True, edgecolor="red", linewidth=3)
        before = style(ax)
        assert result.plot(kind, ax=ax) is ax
        assert ax.has_data()
        ax.figure.canvas.draw()
        assert style(ax) == before, (type(result), kind)


def test_without_a_kind_the_first_figure_is_drawn_and_there_may_be_none(results):
    for result in results:
        kinds = list(result.pictures())
        if kinds:
            assert result.plot().has_data()
            with pytest.raises(tk.InputError, match=f"has no figure 'nonsense'.* It has: {kinds[0]}"):
                result.plot("nonsense")
        else:
            with pytest.raises(tk.InputError, match="has nothing to draw: "):
                result.plot()
