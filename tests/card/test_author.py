"""The author's part of a card: what is asked, what may be answered, and the file in between."""

import pytest
import yaml
from click.testing import CliRunner

from toolkit.card.content import LONGEST, QUESTIONS, read_author, write_author_file
from toolkit.cli import main
from toolkit.errors import InputError


def saved(tmp_path, text):
    path = tmp_path / "card.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class TestReading:
    def test_the_empty_file_has_every_question_and_no_answer(self, tmp_path):
        path = write_author_file(tmp_path)
        assert list(yaml.safe_load(path.read_text())) == [*QUESTIONS]
        assert read_author(path) == {}
        assert all(question.question.split()[0] in path.read_text() for question in QUESTIONS.values())

    def test_texts_blocks_lists_and_plain_words_are_answers(self, tmp_path):
        path = saved(
            tmp_path,
            "contact: a@example.org\nintended_use: |\n  One.\n  Two.\nout_of_scope: [credit, no, 007]\n"
            "version: 1.10\nenergy: no\nrisks:\n  - 'a: b'\n  -\n",
        )
        assert read_author(path) == {
            "contact": "a@example.org",
            "version": "1.10",
            "intended_use": "One.\nTwo.",
            "out_of_scope": "credit\nno\n007",
            "risks": "a: b",
            "energy": "no",
        }

    @pytest.mark.parametrize("text", ["", " ", "TODO", "todo: ", "tbd", "...", "…", "?", "-", "[TBD]", "\x00"])
    def test_placeholders_are_no_answers(self, text):
        assert read_author({"risks": text}) == {}

    @pytest.mark.parametrize("text", ["None.", "n/a", "To do well, ask first", "0", "é"])
    def test_short_answers_are(self, text):
        assert read_author({"risks": text}) == {"risks": text}

    @pytest.mark.parametrize("source", [None, "", {}])
    def test_no_file_is_no_answers(self, source):
        assert read_author(source) == {}

    def test_control_signs_are_left_out(self):
        assert read_author({"risks": "a\x1b[31mb\x00\nc"}) == {"risks": "a[31mb\nc"}


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("intended_us: x", "unknown key 'intended_us'. Did you mean 'intended_use'"),
            ("risks: {a: b}", "answers 'risks' with nested values"),
            ("risks: [[a]]", "answers 'risks' with nested values"),
            ("risks: [", "is not YAML"),
            ("- a", "must map names to values"),
            ("risks: a\nrisks: b", "gives 'risks' twice"),
            (f"risks: {'x' * (LONGEST + 1)}", "10,001 characters"),
        ],
    )
    def test_one_clear_error(self, tmp_path, text, message):
        with pytest.raises(InputError) as caught:
            read_author(saved(tmp_path, text))
        assert message in str(caught.value)
        assert "author's" in str(caught.value)

    def test_no_such_file(self, tmp_path):
        with pytest.raises(InputError, match="Cannot read the author's file"):
            read_author(tmp_path / "nowhere.yaml")

    def test_the_longest_answer_is_taken(self):
        assert len(read_author({"risks": "x" * LONGEST})["risks"]) == LONGEST


class TestWriting:
    def test_the_command_writes_the_questions_and_never_over_answers(self, tmp_path):
        path = tmp_path / "models" / "card.yaml"
        done = CliRunner().invoke(main, ["card", "init", str(path)])
        assert (done.exit_code, done.output.strip()) == (0, str(path))
        path.write_text("contact: me\n")
        done = CliRunner().invoke(main, ["card", "init", str(path)])
        assert done.exit_code == 2
        assert path.read_text() == "contact: me\n"
        done = CliRunner().invoke(main, ["card", "init", "--overwrite", str(path)])
        assert done.exit_code == 0
        assert path.read_text() == write_author_file(tmp_path / "another.yaml").read_text()

    def test_in_a_folder_it_has_a_name(self, tmp_path):
        assert write_author_file(tmp_path) == tmp_path / "model_card.yaml"

    def test_a_place_that_cannot_be_written_to(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="Cannot write"):
            write_author_file(tmp_path / "file" / "card.yaml")
