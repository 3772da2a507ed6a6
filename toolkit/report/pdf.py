"""The page on paper: a PDF printed by a Chromium that is already on the machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from toolkit.errors import InputError, listed

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_SECONDS = 180


def print_pdf(page: Path, *, full: bool = False) -> Path:
    """Print a page of the toolkit as an A4 PDF.

    Parameters
    ----------
    page : Path
        An HTML file.
    full : bool
        Print all that a reader can unfold, too.

    Returns
    -------
    Path
        The PDF, beside the page.

    Raises
    ------
    InputError
        Where no browser is found, or it prints nothing.
    """
    if not (browser := next(filter(None, map(shutil.which, BROWSERS)), None)):
        advice = "Install one, or open the page in any browser and print it from there."
        raise InputError(f"There is no Chromium or Chrome to print {page.name} ({listed(BROWSERS)}). {advice}")
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder) / "page.pdf"
        switches = ["--headless", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        switches += ["--disable-dev-shm-usage", "--no-pdf-header-footer", f"--user-data-dir={folder}/profile"]
        if os.name == "posix" and os.geteuid() == 0:
            switches.append("--no-sandbox")  # Chromium's sandbox refuses to start for root
        command = [browser, *switches, f"--print-to-pdf={printed}", page.resolve().as_uri() + "#full" * full]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise InputError(f"{browser} did not print {page.name} within {_SECONDS} s. Print it by hand.") from None
        if not printed.is_file():
            said = " ".join(done.stderr.split())[-300:]
            raise InputError(f"{browser} printed nothing (exit code {done.returncode}): {said or 'it gave no reason'}.")
        return shutil.copyfile(printed, page.with_suffix(".pdf"))
