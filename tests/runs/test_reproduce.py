"""A report is made again: the same to the byte, or the number that differs is named with the likely cause."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from toolkit.cli import main
from toolkit.core.estimate import Estimate
from toolkit.core.results import read_results
from toolkit.core.words import masked
from toolkit.errors import InputError
from toolkit.runs import manifest, runner
from toolkit.runs.reproduce import Compared, reproduce

TEMPLATE = Path(__file__).parents[1] / "notebooks" / "publishes.ipynb"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report on a table of its own, made at a fixed moment."""
    place = tmp_path_factory.mktemp("reproduced")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "y": rng.integers(0, 2, 200)})
    frame.to_csv(place / "t.csv", index=False)
    template = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    code = [cell for cell in template["cells"] if cell["cell_type"] == "code"]
    code[1]["source"] = ['import toolkit as tk\n\ndataset = tk.load_dataset(data, target="y")\ntk.figures(dataset)']
    path = place / "publishes.ipynb"
    path.write_text(json.dumps(template), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'runs.db'}")
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        given = {"data": str(place / "t.csv"), "seed": 0}
        yield runner.run(path, given, out=place / "reports").folder, path, frame


def again(made, tmp_path, *options):
    arguments = ["reproduce", str(made[0]), "--template", str(made[1]), "--out", str(tmp_path / "again"), *options]
    return CliRunner().invoke(main, arguments)


def test_the_same_numbers_and_the_same_page(made, tmp_path):
    done = again(made, tmp_path)
    numbers = len(read_results(made[0]).scalars)
    assert done.stdout == (
        f"{numbers} numbers: {numbers} identical, 0 within tolerance, 0 different. The page is the same to the byte.\n"
    )
    assert done.exit_code == 0
    assert "not as recorded" not in done.stderr
    new = next(path for path in (tmp_path / "again").iterdir() if path.is_dir())
    assert {one.state for one in manifest.verify(new)} == {"matches", "not checked"}
    for name in ("report.html", "notebook.ipynb", "results.json", "manifest.json"):
        assert (new / name).read_bytes() == (made[0] / name).read_bytes()
    assert read_results(new).created.startswith("2023-11-14T22:13:20")


def test_other_data_are_named_as_the_cause(made, tmp_path):
    path, frame = Path(read_results(made[0]).parameters["data"]), made[2]
    try:
        pd.concat([frame, frame.head(20)]).to_csv(path, index=False)
        done = again(made, tmp_path, "--json")
    finally:
        frame.to_csv(path, index=False)
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    rows = next(one for one in found["numbers"] if one["name"] == "data.rows")
    assert (rows["state"], rows["recorded"]["value"], rows["now"]["value"]) == ("different", 200, 220)
    assert list(found["changes"]) == ["data"]
    assert "not as recorded: data (sha256:" in done.stderr


def test_a_number_that_was_edited_is_found(made, tmp_path):
    folder = Path(shutil.copytree(made[0], tmp_path / made[0].name))
    results = read_results(folder)
    edited = {**results.scalars, "data.columns": Estimate(9)}
    (folder / "results.json").write_text(replace(results, scalars=edited).to_json(), encoding="utf-8")
    found = reproduce(folder, tmp_path / "again", template=made[1])
    assert [one.name for one in found.numbers if one.state == "different"] == ["data.columns"]
    assert found.sentence().endswith("The likely cause is the report itself.")
    (folder / "notebook.ipynb").unlink()
    with pytest.raises(InputError, match=r"lacks notebook\.ipynb"):
        reproduce(folder, tmp_path / "again")


def test_what_cannot_be_made_again_is_said(made, tmp_path):
    with pytest.raises(InputError, match=r"manifest\.json' is not there"):
        reproduce(tmp_path, tmp_path / "again")
    with pytest.raises(InputError, match="There is no template 'publishes'"):
        reproduce(made[0], tmp_path / "again")


@pytest.mark.parametrize(
    ("name", "recorded", "now", "state"),
    [
        ("test.r2", Estimate(0.5, n=9), Estimate(0.5, n=9), "identical"),
        ("test.r2", Estimate(0.5, 0.4, 0.6, 9), Estimate(0.5, 0.4, 0.6 + 1e-9, 9), "within tolerance"),
        ("test.r2", Estimate(0.5, 0.4, 0.6, 9), Estimate(0.5, 0.4, 0.601, 9), "different"),
        ("test.r2", Estimate(0.5, n=9), Estimate(0.5, n=8), "different"),
        ("test.r2", Estimate(0.5), None, "different"),
        ("test.r2", Estimate(0.5), Estimate(float("nan")), "different"),
        ("champion.latency.p50_ms", Estimate(1.0), None, "timed"),
        ("time.logistic.fit_seconds", Estimate(1.0), Estimate(2.0), "timed"),
    ],
)
def test_numbers_are_compared_with_their_intervals(name, recorded, now, state):
    assert Compared(name, recorded, now).state == state


@pytest.mark.parametrize("address", ["postgresql://me:secret@db/shop::t", "https://host/t.csv?sig=secret"])
def test_what_had_a_secret_written_out_is_refused_with_the_reason(made, tmp_path, address):
    folder = tmp_path / "masked"
    shutil.copytree(made[0], folder)
    path = folder / "results.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["parameters"]["data"] = masked(address)
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match=r"^data held a secret, which no record keeps\. .* with \$\{NAME\}\.$"):
        reproduce(folder, tmp_path / "again", template=made[1])
