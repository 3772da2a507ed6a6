import shlex

from toolkit.runs import manifest


def test_versions_are_said():
    found = manifest.environment()
    assert {"python", "scikit-learn", "pandas", "mlflow", "jupyter-experiment-toolkit"} <= set(found)
    assert "not installed" not in found.values()


def test_outside_git_there_is_no_commit(tmp_path):
    assert manifest.commit(tmp_path) == (None, False)


def test_the_author_can_be_named(monkeypatch):
    monkeypatch.setenv("TOOLKIT_AUTHOR", "Ada <ada@example.org>")
    assert manifest.author() == "Ada <ada@example.org>"


def test_the_command_quotes_what_a_shell_would_eat():
    given = {"target": "a b; rm", "drop": ["é", "'"], "tune": 5, "seed": 0}
    line = manifest.command("experiment", given, {"tune": 0, "seed": 0})
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
