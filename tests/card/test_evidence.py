"""The files beside a card that other tools read: valid by their own libraries, complete, and the same every time."""

import hashlib
import json
import socket

import mlcroissant
import pytest
from card_reports import report
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import toolkit as tk
from toolkit.card.model_card import make_card
from toolkit.runs import manifest

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # of rdflib, by mlcroissant
ANSWERS = {"intended_use": "To: rank # letters", "risks": "a: {b}", "licence": "Apache 2.0", "limitations": "['none']"}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing may be fetched, neither when a card is made nor when its files are checked."""

    def refused(*_):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The report of an experiment on a file, with numbers by group."""
    out = tmp_path_factory.mktemp("evidence")
    rows = (f"{n / 4},{n * 7919 % 100},{'mf'[n * 31 % 7 % 2]},{int(n * 7919 % 100 > 60)}" for n in range(400))
    table = out / "letters sent.csv"
    table.write_text("\n".join(["age <b>,score: x,sex,paid", *rows]) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        parts = tk.split_dataset(tk.load_dataset(table, target="paid", sensitive=["sex"]))
        training = tk.train(parts, candidates=["logistic"], cv=2)
        steps = [tk.evaluate(training.model, parts, latency=False), tk.audit_fairness(training.model, parts)]
        yield tk.publish(parts, training, *steps, template="experiment", parameters={}, out=out / "reports").folder


def files_of(source, **answers):
    files = make_card(source, author=answers).record().files
    return {name: json.loads(files[name]) for name in ("mlbom.json", "croissant.json")}


def check(bom, croissant):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    found = mlcroissant.Dataset(jsonld=croissant)  # raises where it is not valid
    assert found.metadata.ctx.issues.errors == set()
    return found


class TestTheBillOfMaterials:
    def test_names_the_model_with_its_metrics_and_their_intervals(self, folder):
        card = make_card(folder, author=ANSWERS)
        bom = files_of(folder, **ANSWERS)["mlbom.json"]
        check(*files_of(folder, **ANSWERS).values())
        model = bom["components"][0]
        assert (model["type"], model["name"]) == ("machine-learning-model", "logistic")
        assert model["licenses"] == [{"license": {"name": "Apache 2.0"}}]
        metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
        told = {(one["type"], one["slice"]): one for one in metrics}
        number, of_group = (card.scalars()[name] for name in ("test.roc_auc", "fairness.sex.f.recall"))
        for one, known in ((told["roc_auc", "test part"], number), (told["recall", "sex: f"], of_group)):
            assert float(one["value"]) == known.value
            ends = [float(one["confidenceInterval"][name]) for name in ("lowerBound", "upperBound")]
            assert ends == [known.low, known.high]
        asked = model["modelCard"]["modelParameters"]
        assert (asked["task"], asked["datasets"]) == ("binary classification", [{"ref": "data"}])
        assert [one["format"].partition(":")[0] for one in asked["inputs"]] == ["age <b>", "score", "sex"]
        weighed = model["modelCard"]["considerations"]
        assert weighed["useCases"] == [ANSWERS["intended_use"]]
        assert weighed["ethicalConsiderations"][0]["name"] == ANSWERS["risks"]
        assert weighed["technicalLimitations"][0] == ANSWERS["limitations"]
        assert weighed["fairnessAssessments"][0]["groupAtRisk"] == "groups of sex"
        settings = {one["name"]: one["value"] for one in model["modelCard"]["properties"]}
        assert settings["toolkit:setting:estimator"] == "LogisticRegression"

    def test_names_the_data_and_every_package_that_was_installed(self, folder):
        few = files_of(folder)["mlbom.json"]["components"]
        assert few[1]["type"] == "data"
        assert few[1]["data"][0]["sensitiveData"] == ["sex"]
        (pinned,) = (one for one in few if one["name"] == "scikit-learn")
        assert pinned["purl"] == f"pkg:pypi/scikit-learn@{pinned['version']}"

    def test_takes_the_packages_of_the_manifest(self, tmp_path):
        folder = tmp_path / "run"
        folder.mkdir()
        (folder / "results.json").write_text(json.dumps(report()), encoding="utf-8")
        content = {"manifest": 1, "packages": {"Own_Package": "1.0+cpu", "zlib": "2"}}
        (folder / "report.html").write_text("<body></body>", encoding="utf-8")
        manifest._write(folder, content)
        bom, croissant = files_of(folder).values()
        check(bom, croissant)
        assert [one["purl"] for one in bom["components"][2:]] == ["pkg:pypi/own-package@1.0%2Bcpu", "pkg:pypi/zlib@2"]
        assert bom["dependencies"][0]["dependsOn"] == ["data", "pkg:pypi/own-package@1.0%2Bcpu", "pkg:pypi/zlib@2"]


class TestCroissant:
    def test_reads_the_very_table(self, folder):
        bom, croissant = files_of(folder, collection="by hand").values()
        found = check(bom, croissant)
        (file,) = found.metadata.distribution
        path = folder.parent.parent / "letters sent.csv"
        assert (file.name, file.sha256) == (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        kinds = {one["name"]: one["dataType"] for one in croissant["recordSet"][0]["field"]}
        assert kinds == {"age <b>": "sc:Float", "score: x": "sc:Integer", "sex": "sc:Text", "paid": "sc:Float"}
        records = list(mlcroissant.Dataset(jsonld=croissant, mapping={"table": str(path)}).records("rows"))
        assert (len(records), records[3]["rows/2-score-x"]) == (400, 3 * 7919 % 100)
        assert found.metadata.data_collection == "by hand"

    def test_a_table_that_is_no_file_has_no_hash(self, monkeypatch, tmp_path):
        for source in ("people.csv", "sqlite:///shop.db::SELECT * FROM orders WHERE 1 " + "AND 1 " * 900, ""):
            content = report()
            content["data"]["source"] = source
            found = check(*files_of(content).values())
            assert [one.sha256 for one in found.metadata.distribution] == [None]
            assert found.metadata.record_sets == []  # no schema is on record
            assert found.metadata.ctx.is_live_dataset


def test_they_are_the_same_every_time(folder):
    first, again = (make_card(folder, author=ANSWERS).record().files for _ in range(2))
    assert all(first[name] == again[name] for name in ("mlbom.json", "croissant.json"))
    serial = json.loads(first["mlbom.json"])["serialNumber"]
    assert files_of(folder, intended_use="else")["mlbom.json"]["serialNumber"] != serial


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a: b # c", "{{ 7 * 7 }}", "'\"\\", "- x\n- y", "é\u2028ü", "@id"]
)
def test_any_name_stays_text(name):
    content = report()
    content["data"] |= {"name": name, "target": name, "source": name}
    content["model"] |= {"name": name, "features": {name: "int64"}, "settings": {name: name}}
    content["data"]["schema"] = {"schema": 1, "columns": {name: {"kind": "number", "role": "feature", "whole": True}}}
    bom, croissant = files_of(content, intended_use=name, risks=name, version=name, licence=name).values()
    check(bom, croissant)
    shown = " ".join(name.split())
    assert bom["components"][0]["name"] == shown
    assert croissant["recordSet"][0]["field"][0]["source"]["extract"]["column"] == name
