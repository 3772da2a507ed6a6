"""The first tour in a real JupyterLab: run to its end in a headless browser, light and dark, without a complaint."""

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

TOUR = Path(__file__).parents[2] / "notebooks" / "1_first_report.ipynb"
# Plotly's extension, which evidently brings along, misses the widgets that nothing here needs.
NOT_OURS = ("@jupyter-widgets/base",)


@contextmanager
def running_lab(folder, theme):
    """Start JupyterLab on loopback over a copy of the tour without outputs; yield its address."""
    tour = nbformat.read(TOUR, as_version=4)
    for cell in tour.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    (folder / "tours").mkdir()
    nbformat.write(tour, folder / "tours" / TOUR.name)
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={folder / 'tours'}", f"--LabApp.user_settings_dir={folder / 'settings'}"]
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
            yield f"http://127.0.0.1:{port}/lab/tree/{TOUR.name}"
        finally:
            lab.terminate()
            lab.wait(30)


def brightness(page, selector, what):
    """Return how bright a colour of the first such element is, from 0 to 255."""
    colour = page.evaluate("([at, what]) => getComputedStyle(document.querySelector(at))[what]", [selector, what])
    return sum(map(float, colour[colour.index("(") + 1 : -1].split(",")[:3])) / 3


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_first_tour_runs_to_its_end_without_a_complaint(tmp_path, theme):
    with running_lab(tmp_path, theme) as address, running_browser() as browser:
        page, complaints = browser.new_page(viewport={"width": 1440, "height": 900}), []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
        )
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")  # waits for the last cell
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        ran = nbformat.read(tmp_path / "tours" / TOUR.name, as_version=4)
        code = [cell for cell in ran.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        outputs = [output for cell in code for output in cell.outputs]
        assert [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"] == []
        assert '<div class="tk-result">' in outputs[-1]["data"]["text/html"]
        assert "Open the report" in outputs[-1]["data"]["text/html"]
        assert list((tmp_path / "reports").glob("*/report.html")) != []
        assert [said for said in complaints if not any(part in said for part in NOT_OURS)] == []
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
