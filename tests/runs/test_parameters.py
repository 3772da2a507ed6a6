"""Parameters: what a notebook declares, and how texts, files and Python values are checked against it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from toolkit.errors import InputError
from toolkit.runs.conversion import from_texts, read_kinds
from toolkit.runs.parameters import Schema, find_template, list_templates

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def schema():
    return Schema(NOTEBOOKS / "echoes.ipynb")


@pytest.fixture
def notebook(tmp_path):
    def write(source, tags=("parameters",), copies=1):
        cell = {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source}
        path = tmp_path / "own.ipynb"
        path.write_text(json.dumps({"cells": [cell] * copies, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        return path

    return write


def kinds(annotation):
    return read_kinds(annotation)


class TestSchema:
    def test_reads_title_question_types_defaults_and_help(self, schema):
        assert (schema.name, schema.title) == ("echoes", "Echoes")
        assert schema.question == "What does a notebook see of its parameters and its surroundings?"
        read = [(one.name, one.annotation, one.default, one.help) for one in schema.parameters]
        assert read[0] == ("data", "str", None, "a text that must be given")
        assert read[4] == ("shares", "list[float]", [0.5], "")
        assert read[8] == ("costs", "dict[str, object]", {"fp": 1.0}, "what an error costs")

    def test_none_makes_a_parameter_required_unless_its_type_admits_none(self, schema):
        assert [one.name for one in schema.parameters if one.required] == ["data"]

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("seed = len('x')", r"Line 1 of the parameters cell of own\.ipynb is not `name: type = literal"),
            ("a = b = 1", "Line 1"),
            ("a = (1, 2)", "Types are str, int, float"),
            ("a: int = 1\nprint(a)", "Line 2"),
            ("a: int", "Line 1"),
            ("a: int = len('x')", "has no literal default of its type int"),
            ("a: int = 'x'", "has no literal default of its type int"),
            ("a: Path = 'x'", "Types are str, int, float"),
            ("a: list = []", "Types are str, int, float"),
            ("a: int = 1\na: int = 2", "declares 'a' twice"),
            ("%matplotlib inline", "not plain Python"),
        ],
    )
    def test_refuses_a_parameters_cell_that_is_no_schema(self, notebook, source, message):
        with pytest.raises(InputError, match=message):
            Schema(notebook(source))

    def test_reads_papermills_own_form_by_the_value(self, notebook):
        source = "data = 'churn.csv'  # what to read\nseed = 3\nshare = 0.5\nfast = True\n"
        source += "sizes = [1]\nscales = [1, 2.5]\nnames = []\nnote = None"
        read = {one.name: (one.annotation, one.default, one.help) for one in Schema(notebook(source)).parameters}
        assert read.pop("policy")[:2] == ("str | None", None)  # every template takes one
        assert read == {
            "data": ("str", "churn.csv", "what to read"),
            "seed": ("int", 3, ""),
            "share": ("float", 0.5, ""),
            "fast": ("bool", True, ""),
            "sizes": ("list[int]", [1], ""),
            "scales": ("list[float]", [1, 2.5], ""),
            "names": ("list[str]", [], ""),
            "note": ("str | None", None, ""),
        }

    def test_needs_exactly_one_tagged_cell(self, notebook):
        with pytest.raises(InputError, match="has no code cell tagged 'parameters'"):
            Schema(notebook("a: int = 1", tags=()))
        with pytest.raises(InputError, match="has 2 code cells tagged 'parameters'"):
            Schema(notebook("a: int = 1", copies=2))

    @pytest.mark.parametrize(
        "cell",
        [
            {"metadata": []},
            {"metadata": {"tags": 5}},
            {"source": 5},
            {"source": [1]},
            {"source": None},
            {"metadata": None},
        ],
    )
    def test_refuses_cells_that_are_none(self, notebook, cell):
        path = notebook("a: int = 1")
        content = json.loads(path.read_text())
        content["cells"][0] |= cell
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match="is not a notebook of format 4"):
            Schema(path)

    @pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"worksheets": []}', '{"cells": [1]}', "\x80"])
    def test_refuses_a_file_that_is_no_notebook(self, tmp_path, text):
        path = tmp_path / "own.ipynb"
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError, match="is not a notebook"):
            Schema(path)


class TestFindTemplate:
    def test_finds_by_name_and_by_path(self):
        assert find_template("experiment") in [schema.path for schema in list_templates()]
        assert find_template(NOTEBOOKS / "echoes.ipynb").name == "echoes.ipynb"

    def test_says_the_nearest_name(self):
        with pytest.raises(InputError, match=r"no template 'experimnt'\. Did you mean 'experiment'\? Templates: "):
            find_template("experimnt")

    @pytest.mark.parametrize("path", ["nowhere/own.ipynb", "own.ipynb", "../experiment", ".", ""])
    def test_refuses_a_path_that_is_no_notebook(self, path):
        with pytest.raises(InputError, match="There is no"):
            find_template(path)


class TestCheck:
    def test_returns_defaults_and_plain_types(self, schema):
        values = schema.check({"data": Path("a.csv"), "sensitive": ("sex",), "test_size": 1, "seed": np.int64(3)})
        assert values["data"] == "a.csv"
        assert values["sensitive"] == ["sex"]
        assert repr(values["test_size"]) == "1.0"
        assert repr(values["seed"]) == "3"
        assert values["threshold"] == "youden"

    def test_names_the_unknown_and_the_nearest(self, schema):
        with pytest.raises(InputError, match=r"no parameter 'trget'\. Did you mean 'target'\? It has: data, target"):
            schema.check({"data": "a", "trget": "b"})

    def test_names_what_is_missing_with_its_meaning(self, schema):
        with pytest.raises(InputError, match=r"needs the parameter 'data' \(a text that must be given\)\. .*-p data"):
            schema.check({})

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("data", 1, "must be text, not 1 \\(int\\)"),
            ("data", None, "must be text, not None"),
            ("seed", True, "must be a whole number, not True"),
            ("seed", 1.0, "must be a whole number"),
            ("test_size", math.nan, "must be a number, not nan"),
            ("test_size", 10**400, "must be a number"),
            ("fast", 1, "must be true or false"),
            ("sensitive", "sex", "must be a list of texts"),
            ("sensitive", [1], "must be a list of texts"),
            ("levels", [1.5], "must be a list of whole numbers"),
            ("costs", {1: 2}, "must be a mapping of names to values"),
            ("costs", {"a": {1, 2}}, "must be a mapping"),
            ("threshold", None, "must be a number or text"),
        ],
    )
    def test_refuses_another_type(self, schema, name, value, expected):
        with pytest.raises(InputError, match=f"Parameter '{name}' {expected}"):
            schema.check({"data": "a", name: value})


class TestCommandLine:
    @pytest.mark.parametrize(
        ("annotation", "texts", "value"),
        [
            ("str", ["1"], "1"),
            ("str", ["007"], "007"),
            ("str", ["none"], "none"),
            ("str", [""], ""),
            ("str", ["[1"], "[1"),
            ("str | None", ["None"], None),
            ("str | None", ["null"], None),
            ("int", ["-3"], -3),
            ("float", ["1e-3"], 0.001),
            ("float | str", ["0.5"], 0.5),
            ("float | str", ["f1"], "f1"),
            ("str | int", ["5"], 5),
            ("bool", ["YES"], True),
            ("bool", ["0"], False),
            ("list[str]", ["a"], ["a"]),
            ("list[str]", ["none"], ["none"]),
            ("list[str] | None", ["none"], None),
            ("list[str]", ["a", "b"], ["a", "b"]),
            ("list[str]", ["[]"], []),
            ("list[str]", ['["a, b", 1994, 1.10]'], ["a, b", "1994", "1.10"]),
            ("list[int]", ["[1, 2]", "3"], [1, 2, 3]),
            ("list[float]", ["[1, 2.5]"], [1.0, 2.5]),
            ("list[str] | str", ["a"], "a"),
            ("list[str] | str", ['["a"]'], ["a"]),
            ("dict[str, object]", ['{"fp": 1, "fn": [2.5, null]}'], {"fp": 1, "fn": [2.5, None]}),
        ],
    )
    def test_reads_by_the_declared_type(self, annotation, texts, value):
        read = from_texts(texts, kinds(annotation))
        assert read == value
        assert type(read) is type(value)

    @pytest.mark.parametrize(
        ("annotation", "texts", "hint"),
        [
            ("int", ["1.5"], "^$"),
            ("int", ["many"], "^$"),
            ("int", ["9" * 5000], "^$"),
            ("float", ["nan"], "^$"),
            ("float", ["1e999"], "^$"),
            ("bool", ["maybe"], "^$"),
            ("str", ["a", "b"], "more than once"),
            ("str", ["\udcff"], "UTF-8"),
            ("list[str]", ["[a, b]"], "not JSON"),
            ("list[str]", ["[true]"], "^$"),
            ("list[int]", ["[1.5]"], "^$"),
            ("dict[str, object]", ["[1]"], "Write it like"),
            ("dict[str, object]", ['{"a": NaN}'], "Write it like"),
            ("dict[str, object]", ["a=1"], "not JSON"),
        ],
    )
    def test_refuses_what_does_not_fit(self, annotation, texts, hint):
        with pytest.raises(ValueError, match=hint):
            from_texts(texts, kinds(annotation))

    def test_the_message_names_parameter_type_text_and_meaning(self, schema):
        message = r"Parameter 'seed' must be a whole number, not 'x'\. It means: makes the run repeatable\."
        with pytest.raises(InputError, match=message):
            schema.read_texts([("seed", "x")])

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_a_text_stays_the_very_text(self, text):
        assert from_texts([text], kinds("str")) == text

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
    def test_a_list_given_as_json_comes_back(self, texts):
        assert from_texts([json.dumps(texts)], kinds("list[str]")) == texts

    @given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
    def test_numbers_come_back(self, real, whole):
        assert from_texts([repr(real)], kinds("float")) == real
        assert from_texts([repr(whole)], kinds("int")) == whole


class TestFile:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("", {}),
            ("data: 007", {"data": "007"}),
            ("data: no", {"data": "no"}),
            ("data: 2015-01-01", {"data": "2015-01-01"}),
            ("data: |\n  two\n  lines\n", {"data": "two\nlines\n"}),
            ("target: null", {"target": None}),
            ("target: ~", {"target": None}),
            ("target: 'none'", {"target": "none"}),
            ("sensitive: [1994, 'b']", {"sensitive": ["1994", "b"]}),
            ("sensitive: sex", {"sensitive": ["sex"]}),
            ("sensitive: []", {"sensitive": []}),
            ("levels: [1, 2]", {"levels": [1, 2]}),
            ("test_size: 1", {"test_size": 1.0}),
            ("test_size: 1e-3", {"test_size": 0.001}),
            ("threshold: '0.5'", {"threshold": "0.5"}),
            ("threshold: 0.5", {"threshold": 0.5}),
            ("fast: yes", {"fast": True}),
            ("costs: {fp: 1, fn: [x, 2.5]}", {"costs": {"fp": 1, "fn": ["x", 2.5]}}),
            ('{"data": "a", "seed": 3}', {"data": "a", "seed": 3}),
        ],
    )
    def test_reads_values_by_the_declared_type(self, schema, tmp_path, text, values):
        path = tmp_path / "given.yaml"
        path.write_text(text)
        assert schema.read_file(path) == values

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("seed: '3'", "must be a whole number, not '3'"),
            ("seed: 3.0", "must be a whole number"),
            ("data:", "must be text, not None"),
            ("data: [a]", "must be text, not \\['a'\\]"),
            ("sensitive: [[a]]", "must be a list of texts"),
            ("costs: {a: 2020-01-01}", "must be a mapping"),
            ("costs: {1: 2}", "must be a mapping"),
            ("trget: a", "Did you mean 'target'"),
            ("- a", "must map names to values"),
            ("just text", "must map names to values"),
            ("data: [", "is not YAML"),
            ("data: !!python/object/apply:os.getcwd []", "is not YAML|must be text"),
            ("data: a\ndata: b", r"gives 'data' twice \(line 2\)"),
        ],
    )
    def test_refuses_what_does_not_fit(self, schema, tmp_path, text, message):
        path = tmp_path / "given.yaml"
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            schema.read_file(path)

    def test_refuses_what_cannot_be_read(self, schema, tmp_path):
        with pytest.raises(InputError, match="Cannot read the parameters file"):
            schema.read_file(tmp_path / "none.yaml")
        with pytest.raises(InputError, match="Cannot read the parameters file"):
            schema.read_file(tmp_path)
        (tmp_path / "given.yaml").write_bytes(b"data: \xff\xfe\n")
        with pytest.raises(InputError, match="is not UTF-8"):
            schema.read_file(tmp_path / "given.yaml")
