"""The card as Markdown: read back by the Hub's own parser, and every text shown as text."""

import html
import re

import mistune
import pytest
import yaml
from card_reports import number, report, with_scalars
from hypothesis import given, strategies as st

from toolkit.card.content import Section, environment, escape, table_of
from toolkit.card.lineage import evaluated_metrics, for_the_hub
from toolkit.card.model_card import make_card

hub = pytest.importorskip("huggingface_hub")
PARSER = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url", "footnotes", "math"])

MARKS = ["<script>alert(1)</script>", "[a](javascript:alert(1))", "![x](y)", "# h", "1. one", "--- -", "$x$", "~~~"]
MARKS += ["https://example.org", "a@b.org", "&lt;", "```", "\\", "= =", "+ x", "[^1]", "__init__", "a_b_c", "| a | b |"]


def parsed(content, **author):
    return hub.ModelCard(make_card(content, author=author).to_markdown())


class TestHub:
    def test_its_parser_reads_every_metric_with_its_interval(self):
        card = make_card(report())
        data = hub.ModelCard(card.to_markdown()).data
        found = {one.metric_type: one for one in data.eval_results}
        expected = evaluated_metrics(card.results[0].scalars)
        assert {name: one.metric_value for name, one in found.items()} == {
            name: one.value for name, one in expected.items()
        }
        assert found["roc_auc"].metric_args == {"low": 0.76, "high": 0.84, "confidence": 0.95, "rows": 500}
        assert found["roc_auc"].dataset_args == {"fingerprint": "sha256:" + "ab" * 32}
        assert (found["roc_auc"].task_type, found["roc_auc"].dataset_split) == ("tabular-classification", "test")
        assert (data.model_name, data.library_name) == ("logistic", "sklearn")

    def test_what_its_parser_read_is_written_back_unchanged(self):
        text = make_card(report()).to_markdown()
        data = hub.ModelCard(text).data
        assert yaml.safe_load(data.to_yaml()) == yaml.safe_load(text.split("---\n")[1])

    def test_the_newer_results_are_read_by_its_parser(self):
        content = yaml.safe_load(make_card(report()).record().files["eval_results.yaml"])
        entries = hub.parse_eval_result_entries(content)
        assert [entry.value for entry in entries] == [0.80, 0.75, 0.50]
        assert entries[0].dataset_id == "people"
        assert entries[0].task_id == "buys"
        assert entries[0].date == "2026-11-23T15:00:00+00:00"
        assert "95% interval 0.76 to 0.84, 500 rows" in entries[0].notes
        assert hub.eval_result_entries_to_yaml(entries) == content

    def test_metadata_load_reads_a_file(self, tmp_path):
        path = tmp_path / "card.md"
        path.write_text(make_card(report()).to_markdown(), encoding="utf-8")
        assert hub.metadata_load(path)["pipeline_tag"] == "tabular-classification"

    @pytest.mark.parametrize(
        ("licence", "expected"),
        [
            ("Apache-2.0", ("apache-2.0", None)),
            ("Ask the legal department", ("other", "Ask the legal department")),
            ("a\n---\nb: c", ("other", "a --- b: c")),
        ],
    )
    def test_the_licence(self, licence, expected):
        data = parsed(report(), licence=licence).data
        assert (data.license, data.get("license_name")) == expected

    def test_of_regression_and_of_nothing(self):
        scalars = {"test.r2": number(0.5, 0.4, 0.6), "test.mean_absolute_error": number(3.0, 2.5, 3.5)}
        assert parsed(report(scalars=scalars)).data.pipeline_tag == "tabular-regression"
        data = parsed(report(scalars={})).data
        assert data.eval_results is None
        assert for_the_hub("metadata", make_card(report(scalars={})).results)["tags"] == ["tabular"]

    @pytest.mark.parametrize(
        "text", ["a\n---\nb", "{{7*7}}", "'\"", "yes", "1.0", "<script>", "x" * 10_000, "# c", "null"]
    )
    def test_hostile_names_stay_texts(self, text):
        content = with_scalars(**{f"test__{text}": number(0.5)} if "." not in text else {})
        content["data"] |= {"name": text, "target": text}
        content["model"] |= {"name": text}
        card = parsed(content)
        assert card.data.model_name == " ".join(text.split())
        assert card.data.eval_results[0].dataset_name == " ".join(text.split())
        assert "## Model details" in card.text


def markdown_of(section):
    return environment().get_template("card.md.j2").render(title="t", sections=[section], metadata="")


def seen(text):
    """What a reader sees of HTML, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


class TestEscaping:
    @given(
        st.text(
            alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"])
            | st.sampled_from(" *_`[]()<>#!|~$&\\-+=.1:/@")
        )
    )
    def test_a_parser_shows_any_text_as_it_is(self, text):
        line = " ".join(text.split())
        shown = PARSER(f"{escape(text)}\n")
        assert seen(shown) == line
        assert set(re.findall(r"<(\w+)", shown)) <= {"p"}

    @pytest.mark.parametrize("text", MARKS)
    def test_marks_are_shown(self, text):
        shown = PARSER(escape(text))
        assert seen(shown) == text
        assert set(re.findall(r"<(\w+)", shown)) <= {"p"}

    def test_cells_stay_in_their_table(self):
        rows = (("a|b\n| c |", "<td>", None), ("`x`", "*y*", 3))
        text = markdown_of(Section("s", "S", tables=table_of("T", ("x|y", "b", "c"), rows)))
        cells = [seen(cell) for cell in re.findall(r"<t[dh]>(.*?)</t[dh]>", PARSER(text))]
        assert cells == ["x|y", "b", "c", "a|b | c |", "<td>", "–", "`x`", "*y*", "3"]

    def test_code_cannot_leave_its_fence(self):
        text = markdown_of(Section("s", "S", code="x = '''\n```\n# not a heading\n'''"))
        assert "<h1>not" not in PARSER(text)
        assert "````python" in text


def test_each_of_the_newer_results_names_its_data():
    (one,) = for_the_hub("eval_results", make_card(report(scalars={"test.r2": number(0.5, n=7)})).results)
    assert one["notes"] == f"r2, test part, 7 rows, data sha256:{'ab' * 32}"
