"""Reports of the templates are made again: every number the same to the last digit, and the page to the byte."""

import json
from pathlib import Path

import pytest
from test_audit import toolkit


@pytest.mark.slow
def test_reports_made_again_are_the_same_to_the_byte(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    def run(template, **given):
        pairs = (part for name, value in given.items() for part in ("-p", name, value))
        done = toolkit("run", template, *pairs, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return tmp_path / Path(done.stdout.strip()).parent

    first = run("experiment", data="wine")
    model = json.loads((first / "results.json").read_text(encoding="utf-8"))["mlflow"]["model_uri"]
    made = [first, run("experiment", data="diabetes"), run("audit", model=model, data="wine")]
    made += [run("model_card", report=str(first)), run("drift", reference="wine", current="wine", model=model)]
    for report in made:
        done = toolkit("reproduce", str(report), folder=tmp_path)
        assert done.stdout.endswith("identical, 0 within tolerance, 0 different. The page is the same to the byte.\n")
        assert done.returncode == 0, (report, done.stdout)
        assert "not as recorded" not in done.stderr
