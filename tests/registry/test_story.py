"""The life of a model against a server as a company runs one: MLflow on PostgreSQL, with artifacts in S3."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import numpy as np
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

import toolkit as tk
from toolkit.errors import InputError
from toolkit.registry import lifecycle
from toolkit.registry.ledger import Ledger
from toolkit.runs import manifest

POLICY = """title: Shop
approval: independent
numbers:
  test.roc_auc: {min: 0.6}
  fairness.sex.equalized_odds_difference: {max: 0.35}
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def process(*command, **options):
    started = subprocess.Popen([sys.executable, "-m", *command], **options)
    try:
        yield started
    finally:
        started.terminate()
        started.communicate(timeout=60)


@pytest.fixture
def server(postgres, tmp_path, monkeypatch):
    """An MLflow server whose artifacts the toolkit itself writes to S3."""
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    settings = {
        "MLFLOW_S3_ENDPOINT_URL": "http://{}:{}".format(*store.get_host_and_port()),
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3", endpoint_url=settings["MLFLOW_S3_ENDPOINT_URL"])
    s3.create_bucket(Bucket="models")
    address = f"http://127.0.0.1:{(port := free_port())}"
    where = ("--backend-store-uri", postgres, "--no-serve-artifacts", "--default-artifact-root", "s3://models")
    with (
        (tmp_path / "server.log").open("w") as log,
        process(
            "mlflow", "server", *where, "--port", str(port), "--workers", "1", stdout=log, stderr=log, cwd=tmp_path
        ),
    ):
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                break
            time.sleep(0.5)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield s3
    store.stop()


def rows():
    """Sales by a, for all alike; b helps with the men and misleads about the women; c helps with all."""
    rng = np.random.default_rng(0)
    n = 3000
    table = pd.DataFrame({"a": rng.normal(size=n), "sex": rng.choice(["f", "m"], n), "c": rng.normal(size=n)})
    score = table["a"] + 1.5 * table["c"]
    table["bought"] = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
    sign = np.where(table["sex"] == "m", 2.0, -0.5) * np.where(table["bought"] == "yes", 1, -1)
    return table.assign(b=sign + rng.normal(size=n))


def experiment(out, columns, policy):
    data = tk.load_dataset(
        rows()[["sex", *columns, "bought"]],
        target="bought",
        positive="yes",
        sensitive=["sex"],
        drop=["sex"],
        name="shop",
    )
    parts = tk.split_dataset(data)
    fit = tk.train(parts, candidates=["logistic"], cv=2)
    evaluation = tk.evaluate(fit.model, parts, latency=False)
    audit = tk.audit_fairness(evaluation.model, parts)
    done = tk.write_report(parts, fit, evaluation, audit, title="shop", policy=policy, out=out)
    return done.folder, done.results


def served_version(out):
    """Serve the champion, and let it answer."""
    command = ("toolkit", "serve", "models:/shop@champion", "--port", "0", "--out", str(out))
    with process(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        address = running.stdout.readline().strip()
        columns = tk.load_model("models:/shop@champion", out=out).columns
        body = json.dumps({"dataframe_records": [dict.fromkeys(columns, 0.5)]}).encode()
        request = urllib.request.Request(address, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["predictions"][0]["version"]


@pytest.mark.slow  # it starts three servers
def test_from_the_first_model_to_a_rollback(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_AUTHOR", "ann")
    out, policy = tmp_path / "reports", tmp_path / "shop.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    first, was = experiment(out, ["a"], str(policy))
    second, better = experiment(out, ["a", "b"], str(policy))
    third, best = experiment(out, ["a", "c"], str(policy))
    assert [one.verdict.outcome for one in (was, better, best)] == ["pass", "fail", "pass"]
    assert better.scalars["test.roc_auc"].value > was.scalars["test.roc_auc"].value + 0.05
    assert better.scalars["fairness.sex.f.recall"].value < was.scalars["fairness.sex.f.recall"].value

    decided = {"by": "bob", "reason": "tried on June", "out": out}
    lifecycle.register(first, "shop", by="ann", out=out)
    lifecycle.approve("shop/1", **decided)
    lifecycle.promote("shop/1", **decided)
    before = served_version(out)

    lifecycle.register(second, "shop", by="ann", out=out)
    with pytest.raises(InputError, match="verdict of its report is fail"):
        lifecycle.promote("shop/2", **decided)
    with pytest.raises(InputError, match="An override needs a --reason"):
        lifecycle.promote("shop/2", by="bob", out=out, override=True)

    lifecycle.register(third, "shop", by="ann", out=out)
    lifecycle.approve("shop/3", **decided)
    lifecycle.promote("shop/3", **decided)
    after = served_version(out)
    assert (before, after) == (
        was.mlflow.model_uri.removeprefix("models:/"),
        best.mlflow.model_uri.removeprefix("models:/"),
    )
    lifecycle.rollback("shop", **decided)
    assert served_version(out) == before
    entries, faults = lifecycle.history("shop", out=out)
    assert (faults, [one.what for one in entries][-2:]) == ([], ["promote", "rollback"])

    page = first / "report.html"
    page.write_bytes(page.read_bytes().replace(b"Which", b"which", 1) + b" ")
    assert "differs" in {one.state for one in manifest.verify(first)}

    objects = [one["Key"] for one in server.list_objects_v2(Bucket="models")["Contents"]]
    (key,) = (one for one in objects if before in one and one.endswith(("model.skops", "model.pkl")))
    content = bytearray(server.get_object(Bucket="models", Key=key)["Body"].read())
    content[len(content) // 2] ^= 1
    server.put_object(Bucket="models", Key=key, Body=bytes(content))
    with pytest.raises(InputError, match="on record"):
        tk.load_model("models:/shop@champion", out=out)

    path = Ledger(out).path
    path.write_text(path.read_text(encoding="utf-8").replace("tried on June", "tried on July", 1), encoding="utf-8")
    assert lifecycle.history("shop", out=out)[1]
    assert os.environ["MLFLOW_TRACKING_URI"].startswith("http://127.0.0.1:")
