"""A notebook of one's own: parameters in papermill's plain form, and all that is known handed to ``publish``."""

import json
import subprocess
import sys

import nbformat
import numpy as np

import toolkit as tk


def test_globals_will_do_as_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    split = tk.split_dataset(tk.load_dataset("wine"))
    given = {"seed": 3, "names": ["a", "b"], "json": json, "split": split, "array": np.zeros(3), "_i": "x", "In": ["x"]}
    published = tk.publish(split, template="my exploration", parameters=given)
    assert published.results.parameters == {"seed": 3, "names": ["a", "b"]}


def test_a_template_in_papermills_own_form_is_run(tmp_path):
    cells = [
        nbformat.v4.new_markdown_cell("# Own\n\nWhat is it like?"),
        nbformat.v4.new_code_cell("data = 'wine'  # what to read\nseed = 3", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "import toolkit as tk\nsplit = tk.split_dataset(tk.load_dataset(data), seed=seed)\n"
            "tk.publish(split, template='own', parameters=globals())"
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "own.ipynb")
    command = [sys.executable, "-m", "toolkit", "run", "own.ipynb", "-p", "seed", "4"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads(next(tmp_path.glob("reports/*/results.json")).read_text())
    assert results["parameters"] == {"data": "wine", "seed": 4}
    refused = subprocess.run([*command, "-p", "sede", "4"], cwd=tmp_path, capture_output=True, text=True)
    assert (refused.returncode, "Did you mean 'seed'?" in refused.stderr) == (2, True)
