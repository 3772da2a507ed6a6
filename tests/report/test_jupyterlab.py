"""Results in a real JupyterLab, in a headless browser, light and dark: all are readable, none makes a complaint."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from browsing import running_browser
from every_result import every_result
from nbformat.v4 import new_code_cell, new_notebook

TESTS = Path(__file__).parents[1]
TOUR = TESTS.parent / "notebooks" / "1_first_report.ipynb"
NAME = "shown.ipynb"
MAKING = """
import sys

sys.path.insert(0, {tests!r})
from every_result import every_result

results = every_result()
"""
# Of each output: its text, its size, what is wider than its own box and does not scroll, what a reader may miss.
MEASURED = """() => {
    const parts = colour => [...colour.matchAll(/[\\d.]+/g)].map(Number);
    const over = ([r, g, b, a = 1], below) => [r, g, b].map((one, at) => a * one + (1 - a) * below[at]);
    const colour = (node, what) => parts(getComputedStyle(node)[what]);
    const white = [255, 255, 255];
    const ground = node => node ? over(colour(node, "backgroundColor"), ground(node.parentElement)) : white;
    const light = seen => seen.map(one => one / 255)
        .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
    const contrast = node => {
        const below = ground(node);
        const both = [light(over(colour(node, "color"), below)), light(below)];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    };
    const says = node => [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    return [...document.querySelectorAll(".jp-OutputArea-output")].map(output => {
        const nodes = [output, ...output.querySelectorAll("*")].filter(node => node.checkVisibility());
        const sticksOut = node => node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0;
        const scrolls = node => getComputedStyle(node).overflowX === "auto" && node !== output;
        return {
            title: output.querySelector(".tk-title")?.innerText,
            height: output.getBoundingClientRect().height,
            wide: nodes.filter(node => sticksOut(node) && !scrolls(node)).map(node => node.outerHTML.slice(0, 80)),
            pale: nodes.filter(node => says(node) && contrast(node) < 4.5).map(node => node.outerHTML.slice(0, 80)),
            texts: nodes.filter(says).length,
            columns: [...output.querySelectorAll("td:not(.tk-number), th:not(.tk-number)")]
                .filter(node => getComputedStyle(node).textAlign !== "left").length,
            pictures: [...output.querySelectorAll(".tk-figure img")]
                .map(node => [node.naturalWidth > 0, getComputedStyle(node).filter]),
        };
    });
}"""
# Plotly's extension, which evidently brings along, misses the widgets that nothing here needs.
NOT_OURS = ("@jupyter-widgets/base",)


@contextmanager
def running_lab(folder, notebook, theme):
    """Start JupyterLab on loopback over a folder with a notebook; yield its address."""
    (folder / "notebooks").mkdir()
    nbformat.write(notebook, folder / "notebooks" / NAME)
    settings = {
        "apputils-extension/themes": {"theme": theme},
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page, seen or not
    }
    for name, values in settings.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={folder / 'notebooks'}", f"--LabApp.user_settings_dir={folder / 'settings'}"]
    own = {"TOOLKIT_OUT": str(folder / "reports"), "IPYTHONDIR": str(folder / "ipython"), "HOME": str(folder)}
    own |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with (folder / "lab.log").open("w") as log:
        lab = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, cwd=folder)
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=5).close()
                    break
                except OSError:
                    assert lab.poll() is None, (folder / "lab.log").read_text()
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/lab/tree/{NAME}"
        finally:
            lab.terminate()
            lab.wait(30)


def brightness(page, selector, what):
    """Return how bright a colour of the first such element is, from 0 to 255."""
    colour = page.evaluate("([at, what]) => getComputedStyle(document.querySelector(at))[what]", [selector, what])
    return sum(map(float, colour[colour.index("(") + 1 : -1].split(",")[:3])) / 3


def shows(browser, folder, address, width=1440):
    """Run all cells of the notebook in a page; return it, the notebook as saved, and the complaints of the console."""
    page, complaints = browser.new_page(viewport={"width": width, "height": 900}), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
    page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")  # waits for the last cell
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    ran = nbformat.read(folder / "notebooks" / NAME, as_version=4)
    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"] == []
    assert [said for said in complaints if not any(part in said for part in NOT_OURS)] == []
    return page, outputs


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_first_tour_runs_to_its_end_without_a_complaint(tmp_path, theme):
    tour = nbformat.read(TOUR, as_version=4)
    for cell in tour.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with running_lab(tmp_path, tour, theme) as address, running_browser() as browser:
        page, outputs = shows(browser, tmp_path, address)
        assert '<div class="tk-result">' in outputs[-1]["data"]["text/html"]
        assert "Open the report" in outputs[-1]["data"]["text/html"]
        assert list((tmp_path / "reports").glob("*/report.html")) != []
        page.evaluate("window.jupyterapp.commands.execute('notebook:move-cursor-up')")
        page.wait_for_selector(".tk-result .tk-lead")
        text, ground = (
            brightness(page, ".tk-result .tk-lead", "color"),
            brightness(page, ".jp-Notebook", "backgroundColor"),
        )
        assert (text > 150 and ground < 80) if theme.endswith("Dark") else (text < 100 and ground > 200)
        if folder := os.environ.get("TOOLKIT_PICTURES"):
            page.screenshot(path=Path(folder) / f"{theme.split()[-1].lower()}.png")
        page.close()
    shutil.rmtree(tmp_path / "reports")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_result_is_read_in_a_wide_and_in_a_narrow_notebook(tmp_path, theme):
    results, dark = every_result(), theme.endswith("Dark")
    cells = [new_code_cell(MAKING.format(tests=str(TESTS)))]
    cells += [new_code_cell(f"results[{place}]") for place in range(len(results))]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    with (
        running_lab(tmp_path, new_notebook(cells=cells, metadata=kernel), theme) as address,
        running_browser() as browser,
    ):
        page, outputs = shows(browser, tmp_path, address)
        assert len(outputs) == len(results)
        page.evaluate("window.jupyterapp.shell.collapseLeft()")
        for width, wide in ((1210, 1100), (610, 500)):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(
                "most => document.querySelector('.jp-OutputArea-output').clientWidth <= most", arg=wide
            )
            found = page.evaluate(MEASURED)
            assert [one["title"] for one in found] == [result.face().title for result in results]
            assert [one["wide"] for one in found if one["wide"]] == []
            assert [one["pale"] for one in found if one["pale"]] == []
            assert min(one["texts"] for one in found) >= 2
            assert sum(one["columns"] for one in found) == 0
            assert max(one["height"] for one in found) <= 1.6 * 900
            shown = [[True, "invert(0.93) hue-rotate(180deg)" if dark else "none"]]
            assert [one["pictures"] for one in found] == [shown * bool(result.drawings()) for result in results]
        page.close()
