"""Make an executed notebook fit to be read elsewhere, also one that was stopped half-way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.runs.process import Failure

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def tidy_notebook(path: Path, template: Path, failure: Failure | None) -> None:
    """Take this machine's paths and kernel out of a notebook; say in the last cell begun why it stopped, if it did.

    Parameters
    ----------
    path : Path
        The executed notebook; where it is missing or cut off, it is made from the template.
    template : Path
    failure : Failure or None
        Added as an error output where no cell has one: a killed kernel cannot write its own.
    """
    notebook = _read(path, template)
    metadata = notebook["metadata"]
    metadata["kernelspec"] = KERNELSPEC
    if "papermill" in metadata:
        metadata["papermill"] |= {"input_path": template.name, "output_path": path.name}
    if failure and not any(output["output_type"] == "error" for cell in _code(notebook) for output in cell["outputs"]):
        error = {"output_type": "error", "ename": failure.kind, "evalue": failure.message, "traceback": []}
        _stopped_at(notebook)["outputs"].append(error)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path, template: Path) -> dict[str, Any]:
    if path.exists():
        with path.open(encoding="utf-8") as file:
            try:
                notebook: dict[str, Any] = json.load(file)
            except ValueError:
                # Stopped in the middle of writing: only the text of the cells is left.
                notebook = {}
        if notebook:
            return notebook
    notebook = json.loads(template.read_text(encoding="utf-8"))
    notebook.setdefault("metadata", {})
    return notebook


def _code(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        cell.setdefault("outputs", [])
    return cells


def _stopped_at(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the last code cell that was begun; the first one where none was."""
    cells = _code(notebook)
    begun = [cell for cell in cells if cell["metadata"].get("papermill", {}).get("start_time")]
    return begun[-1] if begun else cells[0]
