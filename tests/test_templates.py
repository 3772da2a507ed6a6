"""The rules every template keeps."""

import ast
import itertools
import json

import papermill
import pytest

from toolkit.core.resources import templates_folder
from toolkit.runs.parameters import list_templates

TEMPLATES = sorted(templates_folder().glob("*.ipynb"))


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell):
    return "".join(cell["source"])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
class TestTemplate:
    def test_starts_with_a_title_and_a_question(self, path):
        first = source(cells(path)[0])
        assert first.startswith("# ")
        assert first.rstrip().endswith("?")

    def test_stores_no_outputs(self, path):
        for cell in cells(path):
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None

    def test_every_parameter_is_typed_and_helps(self, path):
        schema = next(schema for schema in list_templates() if schema.path == path)
        assert schema.parameters
        assert all(parameter.help and parameter.annotation for parameter in schema.parameters)

    def test_papermill_reads_the_parameters_too(self, path):
        (schema,) = (schema for schema in list_templates() if schema.path == path)
        read = papermill.inspect_notebook(path)
        assert list(read) == [parameter.name for parameter in schema.parameters]
        assert [found["help"] for found in read.values()] == [parameter.help for parameter in schema.parameters]

    def test_code_cells_are_short_plain_and_introduced(self, path):
        every = cells(path)
        for before, cell in itertools.pairwise(every):
            if cell["cell_type"] != "code" or "parameters" in cell["metadata"].get("tags", []):
                continue
            assert before["cell_type"] == "markdown", source(cell)
            assert len(source(cell).splitlines()) <= 10
            tree = ast.parse(source(cell))
            assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda) for node in ast.walk(tree))

    def test_a_threshold_is_read_once(self, path):
        """What a run is given settles the threshold in one step; the others take the model that decides at it."""
        calls = [
            node
            for cell in cells(path)
            if cell["cell_type"] == "code"
            for node in ast.walk(ast.parse(source(cell)))
            if isinstance(node, ast.Call)
        ]
        given = [ast.unparse(call.func) for call in calls for option in call.keywords if option.arg == "threshold"]
        own = [call for call in calls if "evaluation.model" in map(ast.unparse, call.args)]
        steps = {
            "experiment": ["tk.evaluate"],
            "audit": ["tk.evaluate"],
            "drift": ["tk.load_drift"],
            "comparison": ["tk.compare"],
            "retrain": ["tk.if_applicable"],  # of tk.evaluate
        }
        assert given == steps.get(path.stem, [])
        assert path.stem not in ("experiment", "audit") or len(own) >= 4

    def test_publishes_last(self, path):
        assert "tk.publish(" in source(cells(path)[-1])
