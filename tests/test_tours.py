"""The tours by hand: short, clean as stored, and named by the README. `make test` runs them by nbval."""

from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
TOURS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WORDS_A_MINUTE = 130


@pytest.fixture(params=TOURS, ids=lambda path: path.stem)
def tour(request):
    return nbformat.read(request.param, as_version=4)


def outputs(tour):
    return [output for cell in tour.cells if cell.cell_type == "code" for output in cell.outputs]


def test_there_are_six_and_the_readme_names_them():
    assert [path.stem[:2] for path in TOURS] == [f"{number}_" for number in range(1, 7)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in TOURS if path.stem not in readme] == []


def test_it_is_read_in_five_minutes(tour):
    words = sum(len(cell.source.split()) for cell in tour.cells if cell.cell_type == "markdown")
    assert 200 < words < 5 * WORDS_A_MINUTE


def test_it_ends_with_an_exercise_on_a_table_of_ones_own(tour):
    assert tour.cells[-1].cell_type == "markdown"
    assert "## Exercise: your own table" in tour.cells[-1].source


def test_it_is_stored_as_it_runs_without_complaint(tour):
    nbformat.validate(tour)
    assert [output for output in outputs(tour) if output.output_type == "error" or output.get("name") == "stderr"] == []
    assert [cell.metadata for cell in tour.cells if cell.metadata] == []
    counts = [cell.execution_count for cell in tour.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_what_it_prints_is_checked_and_names_no_place_of_its_own(tour):
    assert sum(cell.source.startswith("# NBVAL_CHECK_OUTPUT") for cell in tour.cells) >= 1
    assert [output for output in outputs(tour) if "PosixPath" in str(output) or "/tmp" in str(output)] == []
