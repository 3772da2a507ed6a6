"""How jupyter is made to wait for a kernel, and papermill to save a notebook."""

import asyncio

import nbformat
import papermill
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets.config import Config

from toolkit.runs.kernel import PatientEngine, PromptManager


def test_a_notebook_is_saved_once_a_second_and_whole_at_the_end(tmp_path, monkeypatch):
    papermill.engines.papermill_engines.register("patient", PatientEngine)
    saved, write = [], papermill.engines.write_ipynb
    monkeypatch.setattr(papermill.engines, "write_ipynb", lambda notebook, path: saved.append(write(notebook, path)))
    cells = [nbformat.v4.new_code_cell(f"print({number})") for number in range(50)]
    source, made = str(tmp_path / "cells.ipynb"), str(tmp_path / "made.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    papermill.execute_notebook(source, made, engine_name="patient", kernel_name="python3", progress_bar=False)
    notebook = nbformat.read(made, as_version=4)
    printed = ["".join(output.text for output in cell.outputs) for cell in notebook.cells]  # a line may come in two
    assert printed == [f"{number}\n" for number in range(50)]
    assert {cell.metadata.papermill.status for cell in notebook.cells} == {"completed"}
    assert len(saved) <= notebook.metadata.papermill.duration + 3  # papermill itself: 102, one before and after a cell


def test_a_long_cell_is_seen_to_run(tmp_path):
    papermill.engines.papermill_engines.register("patient", PatientEngine)
    source, made = str(tmp_path / "long.ipynb"), str(tmp_path / "made.ipynb")
    look = f"import nbformat, time\nwhile not (seen := nbformat.read({made!r}, 4).cells[0].outputs): time.sleep(0.1)"
    cells = [nbformat.v4.new_code_cell("print('first')"), nbformat.v4.new_code_cell(f"{look}\nseen[0].text")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    papermill.execute_notebook(
        source, made, engine_name="patient", kernel_name="python3", progress_bar=False, execution_timeout=60
    )
    assert "'first" in nbformat.read(made, as_version=4).cells[1].outputs[0].data["text/plain"]


def test_a_notebook_that_cannot_be_saved_once_is_saved_later_and_nothing_is_printed(tmp_path, monkeypatch, caplog):
    papermill.engines.papermill_engines.register("patient", PatientEngine)
    saved, write = [], papermill.engines.write_ipynb

    def write_but_once(notebook, path):
        saved.append(path)
        if len(saved) == 2:
            raise OSError(28, "No space left on device")
        write(notebook, path)

    monkeypatch.setattr(papermill.engines, "write_ipynb", write_but_once)
    source, made = str(tmp_path / "slow.ipynb"), str(tmp_path / "made.ipynb")
    cells = [nbformat.v4.new_code_cell("import time; time.sleep(1.5)"), nbformat.v4.new_code_cell("6 * 7")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    papermill.execute_notebook(source, made, engine_name="patient", kernel_name="python3", progress_bar=False)
    assert nbformat.read(made, as_version=4).cells[1].outputs[0].data["text/plain"] == "42"
    assert len(saved) > 2
    assert [one.message for one in caplog.records if one.name == "asyncio" and one.levelname == "ERROR"] == []


def test_nothing_is_waited_for_in_vain(tmp_path, monkeypatch):
    asked, slept = [], []
    get_msg, sleep = AsyncZMQSocketChannel.get_msg, asyncio.sleep

    async def recorded(channel, timeout=None):
        asked.append(timeout)
        return await get_msg(channel, timeout=timeout)

    async def counted(seconds, *args):
        slept.append(seconds)
        return await sleep(seconds, *args)

    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", recorded)
    source, made = str(tmp_path / "one.ipynb"), str(tmp_path / "made.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")]), source)
    monkeypatch.setattr(asyncio, "sleep", counted)
    settings = {"NotebookClient": {"kernel_manager_class": PromptManager}}
    papermill.execute_notebook(source, made, kernel_name="python3", progress_bar=False, config=Config(settings))
    assert nbformat.read(made, as_version=4).cells[0].outputs[0].data["text/plain"] == "42"
    assert 0.2 not in asked
    assert 0.01 in asked
    assert 0.1 not in slept
