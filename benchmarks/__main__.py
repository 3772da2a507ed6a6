"""Print what the steps cost: `make bench`. Timings wobble from run to run, so compare the ratios within one."""

import os
import subprocess
import sys
import time
import warnings

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

import toolkit as tk
from benchmarks.demo import demo
from benchmarks.drift import drift
from benchmarks.explaining import explaining
from benchmarks.fairness import fairness
from benchmarks.sweeping import sweeping
from benchmarks.tuning import tuning
from toolkit.statistics.metrics import binary_metrics


def main():
    warnings.simplefilter("ignore")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    imports()
    steps()
    intervals()
    explaining()
    fairness()
    drift()
    tuning()
    sweeping()
    demo()


def timed(action, repeats=3):
    """Return what an action returns, and the seconds of its fastest run."""
    best, result = float("inf"), None
    for _ in range(repeats):
        started = time.perf_counter()
        result = action()
        best = min(best, time.perf_counter() - started)
    return result, best


def imports():
    def run(*arguments):
        return timed(lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True), 7)[1]

    bare, package, shell = run("-c", "pass"), run("-c", "import toolkit"), run("-m", "toolkit", "--help")
    print(f"bare Python {bare * 1000:.0f} ms, import toolkit {(package - bare) * 1000:+.0f} ms", end="")
    print(f", toolkit --help {shell * 1000:.0f} ms\n")


def steps():
    print("census_income, 1994 part")
    dataset, seconds = timed(lambda: tk.load_dataset("census_income", periods=[1994]))
    print(f"  load and check   {seconds:6.2f} s   {dataset.rows:,} rows")
    parts, seconds = timed(lambda: tk.split_dataset(dataset, validation_size=0.15))
    print(f"  split            {seconds:6.2f} s")
    training, seconds = timed(lambda: tk.train(parts), 1)
    print(f"  train, 5 folds   {seconds:6.2f} s   baseline, logistic, boosting")
    evaluation, seconds = timed(lambda: tk.evaluate(training.model, parts, baseline=training.baseline))
    print(f"  evaluate         {seconds:6.2f} s   three parts and the baseline")
    _, seconds = timed(lambda: tk.find_slices(training.model, parts.test))
    print(f"  find slices      {seconds:6.2f} s")
    _, seconds = timed(lambda: tk.check_individual(training.model, parts), 1)
    print(f"  individual       {seconds:6.2f} s   flips and consistency")
    _, seconds = timed(lambda: tk.find_proxies(parts), 1)
    print(f"  proxies          {seconds:6.2f} s")
    print(f"  test ROC AUC     {evaluation.scalars()['test.roc_auc']}\n")


def intervals():
    rng = np.random.default_rng(0)
    y = (rng.random(50_000) < 0.2).astype(float)
    score = np.clip(0.2 + 0.2 * y + 0.15 * rng.normal(size=len(y)), 0.001, 0.999)
    print("50,000 rows, 13 metrics with intervals")
    _, ours = timed(lambda: binary_metrics(y, score, threshold=0.3))
    print(f"  ours             {ours:6.2f} s   all of them")
    _, one = timed(lambda: (roc_auc_score(y, score), average_precision_score(y, score)))
    print(f"  scikit-learn     {one:6.2f} s   the values alone of two of them, once")
    print(
        f"  row bootstrap of those two, 1,000 times: {1000 * one:.0f} s, {1000 * one / ours:.0f} times as long as ours"
    )


if __name__ == "__main__":
    main()
