"""Tables that more than one test file needs."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import matplotlib as mpl
import numpy as np
import pandas as pd
import psutil
import pytest
from postgres import postgres  # noqa: F401

from toolkit.data.load import load_dataset

mpl.use("Agg")
#: A script of its own, which needs a package that is installed by hand.
collect_ignore = ["robustness/fuzz.py"]

# Started in the background, a shell has signals of the keyboard ignored; the tests that send them need them heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def people():
    """A small mixed table: 400 people, a text target, a date, a household, hostile column names."""
    random = np.random.default_rng(7)
    rows = 400
    age = random.integers(18, 80, rows)
    return pd.DataFrame(
        {
            "age in years": age,
            "<script>alert(1)</script>": random.normal(size=rows),
            "Größe": np.where(random.random(rows) < 0.1, np.nan, random.normal(170, 10, rows)),
            "town": random.choice(["Oslo", "Bergen", "<b>Tromsø</b>"], rows),
            "sex": random.choice(["Female", "Male"], rows),
            "household": random.integers(0, 90, rows),
            "year": random.choice([2019, 2020, 2021, 2022], rows),
            "buys": np.where(random.random(rows) < 0.15 + 0.004 * (age - 18), "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def census():
    """The 1994 part of the built-in census table, whole."""
    return load_dataset("census_income", periods=[1994])


@pytest.fixture(autouse=True)
def closed_figures():
    """Close what a test drew: pyplot keeps figures, and warns at twenty."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def _tracking_address_is_not_handed_on():
    """Undo ``mlflow.set_tracking_uri``, which outlives a test: it writes the environment too."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    if "mlflow" in sys.modules:
        sys.modules["mlflow"].set_tracking_uri(None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before


@pytest.fixture
def server(tmp_path):
    """Run an MLflow server on loopback for one test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    store = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path / 'server.db'}",
        "--artifacts-destination",
        str(tmp_path / "files"),
    ]
    command = [sys.executable, "-m", "mlflow", "server", *store, "--workers", "1", "--port", address.rpartition(":")[2]]
    with (tmp_path / "server.log").open("w") as log_file:
        process = subprocess.Popen(command, stdout=log_file, stderr=log_file, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 90
        while not answers(address):
            assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
            time.sleep(0.3)
        yield address
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), process]
        for member in family:
            member.kill()
        process.wait()


def answers(address):
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
