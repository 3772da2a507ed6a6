"""Reports to make cards of, as their ``results.json`` would be."""

import copy

FEATURES = {"age": "int64", "town": "category"}


def number(value, low=None, high=None, n=500):
    return {"value": value, "low": low, "high": high, "n": n}


def report(**changes):
    """Return the content of an experiment's ``results.json`` with numbers by group; ``changes`` replace parts."""
    scalars = {
        "data.rows": number(2500, n=2500),
        "split.train.rows": number(2000, n=2000),
        "split.test.rows": number(500),
        "cv.roc_auc": number(0.81, 0.78, 0.84, 5),
        "cv.forest.roc_auc": number(0.79, 0.76, 0.82, 5),
        "train.roc_auc": number(0.86, 0.84, 0.88, 2000),
        "test.roc_auc": number(0.80, 0.76, 0.84),
        "test.accuracy": number(0.75, 0.71, 0.79),
        "test.log_loss": number(0.50, 0.46, 0.54),
        "test.class_yes.recall": number(0.6, 0.5, 0.7),
        "test.precision": None,
        "baseline.roc_auc": number(0.5, 0.49, 0.51),
        "difference.roc_auc": number(0.3, 0.26, 0.34),
        "fairness.sex.Female.recall": number(0.6, 0.5, 0.7, 100),
        "fairness.sex.Male.recall": number(0.8, 0.7, 0.9, 120),
        "fairness.sex+race.Female+A.1.recall": number(0.5, 0.3, 0.7, 20),
        "fairness.sex.equal_opportunity_difference": number(0.2, 0.05, 0.35, 220),
        "fairness.sex+race.equal_opportunity_difference": number(0.3, 0.1, 0.5, 220),
        "slices.found": number(2),
        "latency.p95_ms": number(3.5, n=20),
        "time.logistic.fit_seconds": number(0.5, n=0),
        "time.forest.fit_seconds": number(5.0, n=0),
        "model.size_bytes": number(12345, n=1),
        "gates.passed": number(3, n=3),
    }
    content = {
        "schema": 1,
        "template": "experiment",
        "title": "Experiment: buys in people",
        "created": "2026-11-23T15:00:00+00:00",
        "author": "A. Person",
        "command": "toolkit run experiment -p data people.csv",
        "parameters": {"data": "people.csv", "seed": 0, "sensitive": ["sex"]},
        "recorded": {"metric": "roc_auc", "folds": "stratified 5-fold"},
        "data": {
            "name": "people",
            "source": "people.csv",
            "fingerprint": "sha256:" + "ab" * 32,
            "rows": 2500,
            "columns": 3,
            "target": "buys",
        },
        "model": {
            "name": "logistic",
            "requirements": ["numpy==2.4.6", "scikit-learn==1.9.1"],
            "features": dict(FEATURES),
            "settings": {"C": 1.0, "max_iter": 500},
        },
        "scalars": scalars,
        "findings": [
            {"code": "DATA-MISSING", "severity": "low", "message": "5% are missing.", "where": "town"},
            {"code": "FAIRNESS-ODDS", "severity": "high", "message": "Recall differs.", "where": "sex"},
            {"code": "STEP-NOT-APPLICABLE", "severity": "info", "message": "No policy was given.", "where": "check"},
        ],
        "verdict": {"outcome": "pass", "policy": "Standard", "rules": []},
        "commit": "c" * 40,
        "dirty": False,
        "environment": {"python": "3.11.7"},
        "mlflow": {"run_id": "0" * 32, "experiment": "people", "model_uri": "models:/m-1"},
    }
    return copy.deepcopy(content) | changes


def with_scalars(**changes):
    """Return a report in which some numbers are others; a name's dots are written as double underscores."""
    content = report()
    return content | {"scalars": content["scalars"] | {name.replace("__", "."): one for name, one in changes.items()}}
