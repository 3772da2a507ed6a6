"""A sweep of small reports against plain papermill, one after the other, with the same template and parameters.

Papermill starts two processes for each, which load all packages anew; a sweep forks them from one that has loaded them.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.demo import watched
from benchmarks.drift import written

REPORTS = 20
TEMPLATE = Path(__file__).parents[1] / "templates" / "experiment.ipynb"


def sweeping(reports=REPORTS, alone=3):
    """Print the seconds of both for so many reports; papermill's are those of a few, times the rest."""
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as place:
        around = {"cwd": place, "env": {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{place}/runs.db"}}

        given = ("-p", "data", "wine")
        runs = [watched("-m", "papermill", str(TEMPLATE), f"{at}.ipynb", *given, **around) for at in range(alone + 1)]
        one, held = np.mean(runs[1:], axis=0)  # the first makes the database
        over = ("--over", f"seed=1..{reports}", "-j", str(jobs))
        swept, most = watched("-m", "toolkit", "sweep", "experiment", *given, *over, **around)
    print(f"{reports} experiments on wine, {jobs} at a time")
    print(f"  papermill        {one * reports:6.1f} s   one after the other, {one:.1f} s each; notebooks alone")
    print(f"  toolkit sweep    {swept:6.1f} s   with reports; {one * reports / swept:.1f} times as fast")
    print(f"  largest process  {written(held)} and {written(most)}\n")


if __name__ == "__main__":
    sweeping()
