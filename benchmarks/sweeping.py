"""A sweep of small reports against plain papermill, one after the other, with the same template and parameters.

Papermill starts two processes for each, which load all packages anew; a sweep forks them from one that has loaded them.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPORTS = 20
TEMPLATE = Path(__file__).parents[1] / "templates" / "experiment.ipynb"


def sweeping(reports=REPORTS, alone=3):
    """Print the seconds of both for so many reports; papermill's are those of a few, times the rest."""
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as place:
        around = {"cwd": place, "env": {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{place}/runs.db"}}

        def seconds(*command):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, **around)
            return time.perf_counter() - began

        given = ("-p", "data", "wine")
        seconds("papermill", str(TEMPLATE), "first.ipynb", *given)  # makes the database
        one = sum(seconds("papermill", str(TEMPLATE), f"{at}.ipynb", *given) for at in range(alone)) / alone
        swept = seconds("toolkit", "sweep", "experiment", *given, "--over", f"seed=1..{reports}", "-j", str(jobs))
    print(f"{reports} experiments on wine, {jobs} at a time")
    print(f"  papermill        {one * reports:6.1f} s   one after the other, {one:.1f} s each; notebooks alone")
    print(f"  toolkit sweep    {swept:6.1f} s   with reports; {one * reports / swept:.1f} times as fast\n")


if __name__ == "__main__":
    sweeping()
