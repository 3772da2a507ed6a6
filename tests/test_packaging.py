"""What the project says about its own installation agrees with itself."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
PINS = {}
for name, pin in re.findall(r"^([\w.\-]+)(?:\[[^]]*\])?==([^\s;\\]+)", LOCK, flags=re.MULTILINE):
    PINS.setdefault(name.lower().replace("_", "-"), []).append(pin)
WANTED = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_the_lock_satisfies_every_requirement(wanted):
    pins = PINS[wanted.name.lower().replace("_", "-")]
    assert all(wanted.specifier.contains(pin) for pin in pins)


def imported(path):
    """Yield the package of every absolute import, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_what_is_imported_is_declared_not_only_there_through_something_else():
    packages = {name for path in (ROOT / "toolkit").rglob("*.py") for name in imported(path)}
    foreign = packages - sys.stdlib_module_names - {"toolkit"}
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    providers = packages_distributions()
    assert {"bs4", "nh3", "sklearn", "yaml"} <= foreign
    assert {name for name in foreign if declared.isdisjoint(map(canonicalize_name, providers.get(name, ())))} == set()


def test_every_pin_has_hashes_and_no_line_an_address():
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(blocks) > 100
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK
    assert "index" not in "".join(line for line in LOCK.splitlines() if line.startswith("-"))


def test_the_conda_environment_is_the_same_python_and_the_same_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, lock = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    assert lock == {"pip": ["-r requirements.lock"]}


def test_the_version_is_said_once_more_and_equally():
    import toolkit

    assert toolkit.__version__ == PROJECT["version"]
