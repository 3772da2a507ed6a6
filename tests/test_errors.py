from toolkit.errors import InputError, RunError, ToolkitError, listed, nearest


def test_exit_codes_follow_the_shell_contract():
    assert ToolkitError("x").exit_code == InputError("x").exit_code == 2
    assert RunError("x").exit_code == 3


def test_nearest_ignores_case_and_spaces():
    assert nearest("Income", [" income ", "age"]) == " Did you mean ' income '?"


def test_listed_shortens_long_lists_and_long_names():
    assert listed(range(12), most=2) == "0, 1, … (12 in all)"
    assert listed(["x" * 500]) == "x" * 57 + "…"
    assert listed(["x" * 100], longest=100) == "x" * 100
