"""The comparison, from the command line to the page: who wins, for whom, and what a policy makes of it."""

import numpy as np
import pandas as pd
import pytest
from test_audit import check_page, report_of, toolkit

POLICY = """numbers:
  test.roc_auc: {not_worse_than: champion, by: 0.01}
findings: {below: high}
"""


def test_better_overall_and_worse_for_one_group(tmp_path):
    rng = np.random.default_rng(0)
    y, sex, noise = rng.integers(0, 2, 3000), rng.choice(["f", "m"], 3000), rng.normal(size=(2, 3000))
    strength = np.where(sex == "f", 0.7, 2.5)
    scores = [1 / (1 + np.exp(-(signal * (2 * y - 1) + one))) for signal, one in zip((1, strength), noise, strict=True)]
    frame = pd.DataFrame({"y_true": y, "old": scores[0], "new": scores[1], "sex": sex})
    frame.to_csv(tmp_path / "scored.csv", index=False)
    (tmp_path / "ours.yaml").write_text(POLICY, encoding="utf-8")
    given = ("champion=old", "challenger=new", "predictions=scored.csv", "sensitive=sex", "policy=ours.yaml")
    done = toolkit("run", "comparison", *(part for one in given for part in ("-p", *one.split("="))), folder=tmp_path)
    assert done.returncode == 1
    assert "Fails the policy “ours”: there are 3 findings" in done.stderr
    done.returncode = 0
    page, results = report_of(done)
    check_page(page)
    assert "The challenger is better: " in page
    scalars = results["scalars"]
    assert scalars["change.test.roc_auc"]["low"] > 0 > scalars["change.fairness.sex.f.roc_auc"]["high"]
    assert {"code": "COMPARE-GROUP-WORSE", "where": "sex.f"}.items() <= results["findings"][0].items()
    outcomes = {rule["name"]: rule["outcome"] for rule in results["verdict"]["rules"]}
    assert outcomes["change.test.roc_auc"] == "pass"


@pytest.mark.slow
def test_a_model_that_is_not_given_is_said(tmp_path):
    done = toolkit("run", "comparison", "-p", "champion", "old", "-p", "predictions", "scored.csv", folder=tmp_path)
    assert done.returncode == 2
    assert "needs a challenger" in done.stderr
