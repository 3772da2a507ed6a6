import pytest
from sklearn.linear_model import LogisticRegression

import toolkit as tk
from toolkit.errors import InputError, RunError, ToolkitError, listed, nearest


def test_exit_codes_follow_the_shell_contract():
    assert ToolkitError("x").exit_code == InputError("x").exit_code == 2
    assert RunError("x").exit_code == 3


def test_nearest_ignores_case_and_spaces():
    assert nearest("Income", [" income ", "age"]) == " Did you mean ' income '?"


def test_listed_shortens_long_lists_and_long_names():
    assert listed(range(12), most=2) == "0, 1, … (12 in all)"
    assert listed(range(3), most=2) == "0, 1, 2"
    assert listed(["x" * 500 + "_of_1994"]) == "x" * 99 + "…" + "x" * 12 + "_of_1994"
    assert listed(["x" * 200], longest=200) == "x" * 200


@pytest.fixture(scope="module")
def things():
    data = tk.load_dataset("wine")
    model = LogisticRegression(max_iter=20_000).fit(data.features, data.target)
    return {"data": data, "split": tk.split_dataset(data), "model": model, "frame": data.features, "nothing": None}


@pytest.mark.parametrize(
    ("step", "given", "needed"),
    [
        ("train", "frame", "Split"),
        ("train", "data", "Split"),
        ("split_dataset", "frame", "Dataset"),
        ("find_proxies", "frame", "Dataset or Split"),
        ("evaluate", "split model", "Dataset or Split"),
        ("evaluate", "model frame", "Dataset or Split"),
        ("find_slices", "data model", "Dataset or Split"),
        ("explain", "model nothing", "Dataset or Split"),
        ("check_individual", "split model", "Dataset or Split"),
        ("compare", "model model frame", "Dataset or Split"),
        ("find_counterfactual", "model frame nothing", "Dataset or Split"),
        ("mitigate", "model data", "Split"),
        ("threshold_explorer", "model", "Evaluation"),
        ("figures", "model", "Result"),
        ("figure", "frame nothing", "Result"),
    ],
)
def test_a_step_that_is_given_something_else_says_what_it_takes(things, step, given, needed):
    """Such as a model and a table in the wrong order, or a table that was not loaded."""
    found = {type(things[name]).__name__ for name in given.split()}
    with pytest.raises(InputError) as told:
        getattr(tk, step)(*(things[name] for name in given.split()))
    assert str(told.value).startswith(f"A value of type {needed} is needed here, not ")
    assert any(f", not {name}" in str(told.value) for name in found)
    assert ("give the table to load_dataset first" in str(told.value)) == ("not DataFrame" in str(told.value))


def test_what_is_published_or_checked_are_results(things, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for step in (
        lambda: tk.publish(things["model"], template="x", parameters={}),
        lambda: tk.write_report(things["model"], title="x"),
        lambda: tk.check("standard", things["model"]),
    ):
        with pytest.raises(InputError, match="type Result is needed here, not LogisticRegression"):
            step()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["make_card", "read_card", "diff_cards"])
def test_a_card_is_made_of_reports(things, step):
    with pytest.raises(
        InputError, match=r"^A .* (a folder, a mapping or a result; found|str or Path is needed here, not)"
    ):
        getattr(tk, step)(*[things["model"]] * (1 + (step == "diff_cards")))
