"""A report can be checked: whatever changed in it since is found, and nothing else is."""

import random
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.runs import manifest, runner
from toolkit.runs.publish import track

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("verified") / "reports"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{out.parent / 'runs.db'}")
        return runner.run(NOTEBOOKS / "publishes.ipynb", {}, out=out).folder


@pytest.fixture
def copy(report, tmp_path):
    return Path(shutil.copytree(report, tmp_path / "renamed ü"))


def states(source):
    return {one.part: one.state for one in manifest.verify(source)}


def differing(source):
    return {part for part, state in states(source).items() if state == "differs"}


def test_a_report_matches_wherever_it_lies_and_whatever_it_is_called(report, copy, tmp_path):
    every = {"manifest in report.html", "manifest.json", "report.html", "notebook.ipynb", "results.json"}
    for folder in (report, copy, tmp_path / "moved"):
        found = states(folder if folder.exists() else copy.rename(folder))
        assert {part for part, state in found.items() if state == "matches"} == every
        assert {part for part, state in found.items() if state != "matches"} == {"data, template, packages"}
    alone = shutil.copy(report / "report.html", tmp_path / "sent by mail.html")
    assert differing(alone) == set()
    assert states(alone)["report.html"] == "matches"
    assert states(alone)["results.json"] == "not checked"
    for page in (alone, report / "report.html"):
        assert {one.why for one in manifest.verify(page) if one.part.endswith(".json")} == {manifest.ALONE}


def test_any_byte_that_changes_is_found(report, copy):
    rng = random.Random(0)
    files = sorted(report.iterdir())
    for number in range(200):
        path = copy / files[number % len(files)].name
        whole = path.read_bytes()
        place = rng.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ rng.randrange(1, 256)]) + whole[place + 1 :])
        found = differing(copy)
        assert found & {path.name, f"manifest in {path.name}"}, (path.name, place)
        if path.name == "report.html":  # alone it is found too; the folder may name more parts
            assert differing(path), place
            assert differing(path) <= found, place
        path.write_bytes(whole)
    assert differing(copy) == set()


def test_every_byte_around_the_manifest_in_the_page_counts(copy):
    page = copy / "report.html"
    whole = page.read_bytes()
    start, end = whole.index(manifest._OPEN), whole.index(manifest._CLOSE, whole.index(manifest._OPEN))
    for place in (*range(start - 3, start + 60), *range(end - 5, end + 20)):
        page.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert differing(copy), place
        assert differing(page), place


def test_other_line_endings_are_said_and_nothing_else(copy):
    for path in copy.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    found = manifest.verify(copy)
    assert {one.why for one in found if one.state == "differs"} == {manifest._ENDINGS}
    assert len(differing(copy)) == 5
    page = copy / "report.html"
    page.write_bytes(page.read_bytes().replace(b"<h1>", b"<h1>x"))
    assert [one.why for one in manifest.verify(copy) if one.part == "report.html"] == [
        "it was changed after it was written"
    ]


def test_what_is_missing_or_was_added_is_said(copy):
    (copy / "report.pdf").write_bytes(b"x")
    assert states(copy)["report.pdf"] == "not checked"
    (copy / "results.json").unlink()
    assert differing(copy) == {"results.json"}
    (copy / "manifest.json").unlink()
    assert differing(copy) == {"results.json", "manifest.json"}
    (copy / "report.html").unlink()
    with pytest.raises(InputError, match="is no finished report: it holds no manifest"):
        manifest.verify(copy)


def test_a_manifest_made_anew_beside_a_page_is_found(copy):
    (copy / "results.json").write_text("{}")
    forged = manifest._sound((copy / "manifest.json").read_bytes()) | {"commit": "0" * 40}
    plain = {name: value for name, value in forged.items() if name != "sha256"}
    (copy / "manifest.json").write_bytes(manifest._text(plain | {"sha256": manifest.record_hash(plain)}))
    assert differing(copy) == {"manifest.json", "results.json"}


def test_what_it_was_made_from_is_kept(report):
    found = manifest.read_manifest(report)
    assert (found["data"]["name"], found["data"]["rows"], found["template"]["name"]) == ("wine", 178, "publishes")
    assert found["mlflow"]["run_id"]
    assert found["packages"]["scikit-learn"] == found["environment"]["scikit-learn"]


def test_on_the_command_line(copy):
    def verify(*arguments):
        return CliRunner().invoke(main, ["verify", *map(str, arguments)])

    done = verify(copy)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "0 parts of 6 differ.")
    (copy / "results.json").write_text("{}")
    done = verify(copy, "--json")
    assert done.exit_code == 1
    assert '"part": "results.json", "state": "differs"' in done.stdout
    assert verify(copy / "results.json").exit_code == 2
    assert "No such file" in verify(copy / "absent").stderr


@pytest.mark.parametrize("name", ["results.json", "report.html", "manifest.json", "notebook.ipynb"])
@pytest.mark.parametrize("decide", [["gate", "--policy", "standard"], ["register", "salt", "--by", "ann"]])
def test_nothing_is_decided_by_a_report_that_lacks_a_part(copy, name, decide, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{copy.parent / 'none.db'}")

    def said():
        done = CliRunner().invoke(main, [decide[0], str(copy), *decide[1:]])
        assert done.exit_code == 2, done.output
        return done.stderr

    content = (copy / name).read_bytes()
    (copy / name).unlink()
    assert name in said()
    (copy / name).write_bytes(content.replace(b"wine", b"port"))
    assert f"{name}: it" in said()
    assert not (copy.parent / "none.db").exists()


def test_line_endings_alone_hinder_no_decision(copy):
    page = copy / "report.html"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    manifest.check_whole(copy)
    (copy / "results.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"not as it was written\. results\.json: it was changed after it was written"):
        manifest.check_whole(copy)


def test_a_broken_package_costs_no_report(copy, monkeypatch):
    (copy.parent / "broken-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(copy.parent))
    manifest.write_manifest(copy, NOTEBOOKS / "publishes.ipynb")
    assert differing(copy) == set()


def test_a_report_that_was_changed_is_not_signed_anew(copy, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    path = copy / "results.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"title": "', '"title": "Better '), encoding="utf-8")
    with pytest.raises(InputError, match=r"is not as it was written\. results\.json: it was changed"):
        track(copy)
    assert differing(copy) == {"results.json"}
