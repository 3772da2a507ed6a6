"""Drift against evidently's preset on the same tables, and how the cost grows with the rows."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 1_000_000
LENGTHS = (10_000, 100_000, 1_000_000, 10_000_000)


def drift(rows=ROWS):
    """Print time and peak memory of both, each in a process of its own, and ours over the number of rows."""
    print(f"drift, {rows:,} rows of reference and of current, 20 numbers and 10 categories")
    found = {name: measured(name, rows, 30) for name in ("nothing", "toolkit", "evidently")}
    for name in ("toolkit", "evidently"):
        seconds, work, peak = found[name]
        print(f"  {name:<16} {seconds:7.1f} s, {work:.1f} s of processors   peak memory {written(peak)}")
    times, works = (found["evidently"][place] / found["toolkit"][place] for place in (0, 1))
    print(f"  {times:.0f} times as fast, {works:.0f} times less work; the tables alone {written(found['nothing'][2])}")
    for length in LENGTHS:
        taken, work, peak = measured("toolkit", length, 6)
        each = work / length * 1e6
        print(f"  {length:>12,} x 6  {taken:7.2f} s   {each:6.2f} s of processors per million   {written(peak)}")
    print()


def measured(name, rows, columns):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.drift", name, str(rows), str(columns)],
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(float(number) for number in done.stdout.split()[-3:])


def mixed_table(rows, columns, seed, shift=0.0):
    """Make a table of numbers (smooth, skewed, whole, with gaps) and categories, a third of the columns."""
    rng = np.random.default_rng(seed)
    table = {}
    for place in range(columns):
        kind = place % 6
        if kind in (2, 5):
            levels = np.array([f"level {level}" for level in range(4 + 3 * place)])
            table[f"c{place}"] = pd.Categorical.from_codes(rng.integers(len(levels), size=rows), levels)
        elif kind == 0:
            table[f"c{place}"] = rng.normal(shift, 1, rows)
        elif kind == 1:
            table[f"c{place}"] = rng.lognormal(shift / 2, 1, rows)
        elif kind == 3:
            table[f"c{place}"] = rng.integers(18, 90, rows)
        else:
            table[f"c{place}"] = np.where(rng.random(rows) < 0.05, np.nan, rng.gamma(2, 1 + shift, rows))
    return pd.DataFrame(table)


def run(name, rows, columns):
    """Compare two tables once in this process; print the seconds, those of processors, and the peak memory in MB."""
    reference, current = mixed_table(rows, columns, 0), mixed_table(rows, columns, 1, shift=0.1)
    small = reference.head(2000), current.head(2000)
    compare = COMPARE[name]
    compare(*small)
    started, worked = time.perf_counter(), time.process_time()
    compare(reference, current)
    print(time.perf_counter() - started, time.process_time() - worked, peak_memory())


def peak_memory(process="self"):
    """Return the most memory a process has held, by default this one, in megabytes; nan where nobody tells.

    ``getrusage`` would: but what it says includes the process this one was forked from.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return float("nan")
    held = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(held[1]) / 1024 if held else float("nan")


def written(megabytes):
    return f"{megabytes:,.0f} MB" if megabytes == megabytes else "not known here (no /proc)"


def with_toolkit(reference, current):
    from toolkit.drift.detect import detect_drift

    return detect_drift(reference, current).frame()


def with_evidently(reference, current):
    from evidently import Report
    from evidently.presets import DataDriftPreset

    return Report([DataDriftPreset()]).run(current, reference)


COMPARE = {"nothing": lambda *_: None, "toolkit": with_toolkit, "evidently": with_evidently}


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
