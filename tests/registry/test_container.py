"""What a container is built from: it is complete, keeps a cluster's rules, serves with the pinned packages alone."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner
from packaging.requirements import Requirement

import toolkit as tk
from toolkit.cli import main
from toolkit.registry.container import pinned
from toolkit.registry.store import connect, tracking_uri

#: Put first on the path of a process, it lets nothing be imported but what the container installs.
ONLY_PINNED = """
import sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from packaging.utils import canonicalize_name

PINS = {line.split("==")[0] for name in NAMES for line in open(name) if "==" in line}
PROVIDERS = {name: set(map(canonicalize_name, ones)) for name, ones in packages_distributions().items()}


class OnlyPinned(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        providers = PROVIDERS.get(name.partition(".")[0], set()) - {"jupyter-experiment-toolkit"}
        if providers and not providers & PINS:
            raise ModuleNotFoundError(f"{name} is not pinned", name=name)


sys.meta_path.insert(0, OnlyPinned())
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The reports folder of an experiment whose model is registered as "Crème brûlée"."""
    out = tmp_path_factory.mktemp("container") / "reports"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        parts = tk.split_dataset(tk.load_dataset("wine"))
        training = tk.train(parts, candidates=["logistic"], cv=2)
        made = tk.publish(parts, training, template="experiment", parameters={}, out=out)
        address = made.results.mlflow.model_uri
        CliRunner().invoke(main, ["register", str(made.folder), "Crème brûlée", "--by", "ann", "--out", str(out)])
        (out / "address").write_text(address)
        yield out


def write(out, address, folder):
    arguments = ["container", address, "--out", str(folder), "--reports", str(out)]
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def box(out):
    done = write(out, "models:/Crème brûlée@challenger", out.parent / "box")
    assert (done.exit_code, done.stdout) == (0, f"{out.parent / 'box'}\n"), done.stderr
    return Path(done.stdout.strip())


def documents(box):
    return [one for name in ("kubernetes", "kserve") for one in yaml.safe_load_all((box / f"{name}.yaml").read_text())]


class TestTheDockerfile:
    def test_installs_pinned_packages_with_hashes_and_runs_as_nobody_special(self, box):
        text = (box / "Dockerfile").read_text()
        lines = text.replace("\\\n", "").splitlines()
        steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
        said = {name: [rest for step, rest in steps if step == name] for name, _ in steps}
        assert said["FROM"] == [f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"]
        assert said["USER"] == ["10001:10001"]
        assert "http://127.0.0.1:5001/ping" in said["HEALTHCHECK"][0]
        assert "pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt" in said["RUN"]
        assert json.loads(said["CMD"][0])[1:5] == ["-m", "toolkit", "serve", "/app/model"]
        copied = [name.rstrip("/") for one in said["COPY"] for name in one.split()[:-1]]
        assert all(list(box.glob(name)) for name in copied)
        assert [step for step, _ in steps].index("USER") > max(
            place for place, (step, _) in enumerate(steps) if step == "RUN"
        )

    def test_every_package_is_pinned_at_the_version_that_was_judged(self, box):
        text = (box / "requirements.txt").read_text().replace("\\\n", "")
        hashed = {line.split("==")[0]: line for line in text.splitlines()}
        assert len(hashed) > 50
        assert all(re.fullmatch(r"[\w.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", line) for line in hashed.values())
        plain = (box / "requirements-without-hashes.txt").read_text().split()
        wanted = [Requirement(line) for line in (box / "model" / "requirements.txt").read_text().split()]
        pins = {Requirement(line.split(" ")[0]).name: line.split(" ")[0] for line in [*hashed.values(), *plain]}
        assert {"mlflow", "scikit-learn", "skops"} <= {one.name for one in wanted}
        assert all(pins[one.name] == str(one) for one in wanted)
        assert not {"pytest", "jupyterlab", "evidently", "shap"} & pins.keys()

    def test_a_version_that_is_asked_for_wins(self):
        found = pinned([Requirement("click==1.0"), Requirement("flask"), Requirement("no-such-thing==2")])
        assert {"click==1.0", "no-such-thing==2"} <= set(found)
        assert not [one for one in found if one.startswith("click==") and one != "click==1.0"]
        assert any(one.startswith("werkzeug==") for one in found)


class TestTheManifests:
    def test_kubernetes_takes_them(self, box):
        deployment, service, _ = documents(box)
        for one in (deployment, service):
            for version in ("1.30", kubernetes_validate.latest_version()):
                kubernetes_validate.validate(one, version, strict=True)
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for chosen in (deployment["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
            assert chosen.items() <= labels.items()
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["containerPort"] == 5001

    def test_kserve_takes_its_own(self, box):
        """Its schema is no part of Kubernetes; what a predictor of an own container must say is checked here."""
        service = documents(box)[2]
        assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
        predictor = service["spec"]["predictor"]
        (container,) = predictor["containers"]
        assert container["name"] == "kserve-container"
        assert predictor.keys() <= {
            *("minReplicas", "containers", "securityContext", "volumes", "automountServiceAccountToken")
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": service["metadata"]}
        spec = {name: value for name, value in predictor.items() if name != "minReplicas"}
        kubernetes_validate.validate({**pod, "spec": spec}, "1.30", strict=True)  # the rest is a pod's

    def test_nothing_runs_as_root_or_writes_to_its_image(self, box):
        deployment, _, service = documents(box)
        for pod in (deployment["spec"]["template"]["spec"], service["spec"]["predictor"]):
            assert pod["securityContext"]["runAsNonRoot"] is True
            (container,) = pod["containers"]
            guarded = container["securityContext"]
            assert (guarded["readOnlyRootFilesystem"], guarded["allowPrivilegeEscalation"]) == (True, False)
            assert guarded["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]["limits"]) == {"cpu", "memory"}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert container[probe]["httpGet"] == {"path": "/ping", "port": 5001}
            assert container["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]

    def test_any_name_becomes_one_that_a_cluster_takes(self, box):
        assert {one["metadata"]["name"] for one in documents(box)} == {"model-creme-brulee"}


@pytest.mark.slow
def test_it_serves_with_the_packages_that_it_installs_and_no_others(box, tmp_path):
    names = [str(box / name) for name in ("requirements.txt", "requirements-without-hashes.txt")]
    (tmp_path / "sitecustomize.py").write_text(ONLY_PINNED.replace("NAMES", repr(names)))
    text = next(line for line in (box / "Dockerfile").read_text().splitlines() if line.startswith("CMD"))
    command = [one.replace("/tmp", str(tmp_path)).replace("/app", str(box)) for one in json.loads(text[4:])]
    command[0] = sys.executable
    command[command.index("5001")] = "0"
    paths = os.pathsep.join((str(tmp_path), str(box)))
    before = {path: path.stat().st_mtime_ns for path in box.rglob("*")}
    where = {**os.environ, "PYTHONPATH": paths, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    where.pop("MLFLOW_TRACKING_URI", None)
    with subprocess.Popen(command, cwd=box, env=where, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip().replace("0.0.0.0", "127.0.0.1")
            row = tk.load_dataset("wine").features.iloc[[0]].to_dict("records")
            asked = urllib.request.Request(
                address, json.dumps({"dataframe_records": row}).encode(), {"content-type": "application/json"}
            )
            with urllib.request.urlopen(asked, timeout=60) as told:
                (answer,) = json.load(told)["predictions"]
            assert (answer["decision"], answer["fallback"]) == ("class_0", None)
            with urllib.request.urlopen(address.replace("invocations", "ping"), timeout=60) as told:
                assert told.status == 200
        finally:
            server.terminate()
    # The root of its file system is read only there.
    assert {path: path.stat().st_mtime_ns for path in box.rglob("*")} == before


class TestWrongInput:
    def test_a_folder_that_is_there_is_left_as_it_is(self, out, tmp_path):
        (tmp_path / "box").mkdir()
        done = write(out, "models:/Crème brûlée@challenger", tmp_path / "box")
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "is there already. Give another folder with --out." in done.stderr
        assert list((tmp_path / "box").iterdir()) == []

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("models:/creme@challenger", "There is no model 'models:/creme@challenger'"),
            ("models:/Crème brûlée/7", "There is no model 'models:/Crème brûlée/7'"),
            ("model.pkl", "There is no model 'model.pkl'"),
            ("models:/", "There is no model 'models:/'"),
        ],
    )
    def test_an_unknown_model_is_one_message(self, out, tmp_path, address, said):
        done = write(out, address, tmp_path / "box")
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert said in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_a_model_without_a_schema(self, out, tmp_path):
        import mlflow
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
        with connect(tracking_uri(out)):
            made = mlflow.sklearn.log_model(model, name="bare", pip_requirements=["scikit-learn"])
        done = write(out, made.model_uri, tmp_path / "box")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "keeps no schema to read rows by. Give one that an experiment logged." in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_a_model_that_was_changed_since_it_was_put_on_record(self, out, tmp_path):
        place = next((out.parent / "mlruns").rglob("model.skops"))
        whole = place.read_bytes()
        place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        try:
            done = write(out, "models:/Crème brûlée@challenger", tmp_path / "box")
        finally:
            place.write_bytes(whole)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "was changed after" in done.stderr
        assert list(tmp_path.iterdir()) == []
