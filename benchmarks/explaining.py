"""What an explanation costs, part by part, on the demo's boosting model."""

import time
import warnings

import numpy as np

import toolkit as tk
from toolkit.explanation.attribution import choose_attributor
from toolkit.explanation.crosscheck import cross_check
from toolkit.explanation.explain import explain
from toolkit.explanation.importance import draw_rows, interaction_table
from toolkit.models.candidates import make_candidates
from toolkit.models.model import Model
from toolkit.models.preprocessing import make_model


def explaining():
    """Print the seconds of explaining 1,000 rows of the 1994 census, beyond the import of shap."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap  # noqa: F401
    print(f"explain 1,000 rows of the census, boosting\n  import shap      {time.perf_counter() - started:6.2f} s")
    split = tk.split_dataset(tk.load_dataset("census_income", periods=[1994]), validation_size=0.15)
    features = split.train.features
    model = make_model(make_candidates(["boosting"], "binary", 0)["boosting"], features)
    model.fit(features, split.train.target)
    attributor = choose_attributor(model, split.test, split.train)
    drawn, seconds = _timed(lambda: draw_rows(attributor, split.test, precision=1e-9, most=1000, seconds=60, seed=0))
    print(f"  SHAP             {seconds:6.2f} s   {len(drawn.positions):,} rows, {features.shape[1]} columns")
    rows = split.test.features.iloc[drawn.positions]
    _, seconds = _timed(lambda: interaction_table(attributor, rows, drawn))
    print(f"  interactions     {seconds:6.2f} s")
    how = {"precision": 0.05, "most": 200_000, "seconds": 60.0, "seed": 0}
    check, seconds = _timed(lambda: cross_check(Model.of(model, split.test), split.test, None, **how))
    print(f"  permutation      {seconds:6.2f} s   {check.rows:,} rows, each column shuffled {check.repeats} times")
    found, seconds = _timed(lambda: explain(model, split, precision=1e-9))
    print(f"  explain          {seconds:6.2f} s   all of it, with predictions of {split.test.rows:,} rows")
    gap = found.scalars()["explanation.additivity_gap"].value
    print(f"  additivity gap {gap:.1e}, agreement {found.agreement}\n")


def _timed(action):
    """Return what an action returns, and the seconds of its fastest of three runs."""
    times, result = [], None
    for _ in range(3):
        started = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - started)
    return result, float(np.min(times))


if __name__ == "__main__":
    explaining()
