import hashlib
import json
import shlex

from toolkit.core.result import DataInfo
from toolkit.core.results import Results
from toolkit.runs import provenance


def test_versions_are_said():
    found = provenance.environment()
    assert {"python", "scikit-learn", "pandas", "mlflow", "jupyter-experiment-toolkit"} <= set(found)
    assert "not installed" not in found.values()


def test_outside_git_there_is_no_commit(tmp_path):
    assert provenance.commit(tmp_path) == (None, False)


def test_the_author_can_be_named(monkeypatch):
    monkeypatch.setenv("TOOLKIT_AUTHOR", "Ada <ada@example.org>")
    assert provenance.author() == "Ada <ada@example.org>"


def test_the_command_quotes_what_a_shell_would_eat():
    given = {"target": "a b; rm", "drop": ["é", "'"], "tune": 5, "seed": 0}
    line = provenance.command("experiment", given, {"tune": 0, "seed": 0})
    assert shlex.split(line) == [
        "toolkit",
        "run",
        "experiment",
        "-p",
        "target",
        "a b; rm",
        "-p",
        "drop",
        '["é", "\'"]',
        "-p",
        "tune",
        "5",
    ]


def test_a_manifest_hashes_every_file(tmp_path):
    results = Results(template="t", data=DataInfo("wine", rows=178), scalars={}, parameters={"seed": 0})
    (tmp_path / "results.json").write_text(results.to_json())
    (tmp_path / "report.html").write_text("page")
    template = tmp_path.parent / "t.ipynb"
    template.write_text("{}")
    manifest = json.loads(provenance.write_manifest(tmp_path, template, 1.26).read_text())
    assert manifest["files"]["report.html"] == hashlib.sha256(b"page").hexdigest()
    assert set(manifest["files"]) == {"results.json", "report.html"}
    assert manifest["template"]["sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert manifest["seconds"] == 1.3
    assert (manifest["data"]["rows"], manifest["parameters"], manifest["commit"]) == (178, {"seed": 0}, None)
