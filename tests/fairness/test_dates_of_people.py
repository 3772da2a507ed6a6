"""Dates that tell people apart, such as a date of birth, are groups and values that a reader knows as dates."""

import re

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.fairness.groups import learn_groups


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    born = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 18_000, 3000), unit="D")
    late = (born > pd.Timestamp("1975-01-01")).astype(float)
    frame = pd.DataFrame({"born": born.strftime("%Y-%m-%d"), "x": rng.normal(size=3000)})
    frame["y"] = np.where(rng.random(3000) < 1 / (1 + np.exp(-frame["x"] - 2 * late)), "yes", "no")
    return tk.split_dataset(tk.load_dataset(frame, target="y", sensitive=["born"], positive="yes"), seed=1)


def test_groups_changed_values_and_explained_rows_are_written_as_dates(parts):
    model = tk.train(parts, candidates=["logistic"]).model
    audit = tk.audit_fairness(model, parts)
    groups = list(dict.fromkeys(audit.groups["group"]))
    assert len(groups) == 4
    assert all(re.fullmatch(r"before \S+|\S+ to before \S+|from \S+", name) for name in groups)
    assert all(1950 <= int(year) < 2000 for name in groups for year in re.findall(r"(\d{4})-\d\d-\d\d", name))
    part = parts.test
    assert set(learn_groups(part.sensitive, part.features, part.y_binary(), dates=part.dates).known) == set(groups)
    changes = tk.check_individual(model, parts).changes
    assert changes["changed_to"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    for row in tk.explain(model, parts).local:
        assert re.fullmatch(r"19\d\d-\d\d-\d\d", row.parts.set_index("column").loc["born", "value"])
