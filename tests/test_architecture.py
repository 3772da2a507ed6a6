"""The rules that hold over all modules: which imports point where, how large things may be, what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "toolkit"


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}

# An entry directly under the package may import those before it, never one after it: so there are no circles either.
ORDER = [
    "errors",
    "core",
    "statistics",
    "registry",
    "data",
    "models",
    "evaluation",
    "explanation",
    "fairness",
    "drift",
    "monitoring",
    "comparison",
    "policy",
    "report",
    "runs",
    "card",
    "doctor",
    "console",
    "cli_lifecycle",
    "cli",
    "__init__",
    "__main__",
]
STEPS = {"data", "models", "evaluation", "explanation", "fairness", "drift", "monitoring", "comparison"}
# The design: never above 19,000 lines of code, and 16,000 without what it names as coming later.
MOST_CODE_LINES_IN_ALL, MOST_CODE_LINES = 19_000, 16_000
AFTER = {
    "comparison": ["comparison"],
    "registry": ["cli_lifecycle", "registry.container", "registry.lifecycle"],
    "ledger": ["registry.ledger", "registry.signature"],
    "serving": ["monitoring.retrain", "monitoring.serve"],
    "weights, and rows that belong together": ["statistics.units", "statistics.design_effects", "fairness.clusters"],
}


def home(name):
    return name.partition(".")[0]


def imported(path):
    """Yield the entry of every toolkit module a file imports, wherever in the file, but for typing alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "toolkit":
            if node.module == "toolkit":
                yield from (alias.name for alias in node.names)
            else:
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("toolkit."))


def entries():
    return {path.stem for path in PACKAGE.iterdir() if path.name != "__pycache__"}


def arrows():
    pairs = {(home(name), other) for name, path in MODULES.items() for other in imported(path)}
    return {(one, other) for one, other in pairs if one != other and other != "__version__"}


def test_every_entry_has_its_place():
    assert entries() == set(ORDER)
    assert len(ORDER) <= 25


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_down(name):
    allowed = ORDER[: ORDER.index(home(name)) + 1]
    up = set(imported(MODULES[name])) - set(allowed) - {"__version__"}
    assert not up, f"{name} imports {up}, which stand above it"


def test_few_arrows():
    assert len(arrows()) <= 110


@pytest.mark.parametrize("name", ["statistics", "registry", "policy", "report", "runs", "card"])
def test_the_machinery_knows_no_step(name):
    assert not {other for one, other in arrows() if one == name} & STEPS


def test_only_tracking_imports_mlflow():
    def mentions(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        return any(name.split(".")[0] == "mlflow" for name in names)

    assert {home(name) for name, path in MODULES.items() if mentions(path)} == {"registry"}


HEAVY = ["pandas", "numpy", "scipy", "sklearn", "mlflow", "shap", "evidently", "matplotlib", "papermill", "nbconvert"]


@pytest.mark.parametrize("code", ["import toolkit", "import sys; sys.argv = ['toolkit', '--help']; import toolkit.cli"])
def test_importing_loads_nothing_heavy(code):
    look = f"import sys; {code}; print([name for name in {[*HEAVY, 'pydantic']} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_and_functions_stay_short():
    lengths = {name: path.read_text(encoding="utf-8").count("\n") for name, path in MODULES.items()}
    assert not {name: length for name, length in lengths.items() if length > 350}
    assert len({name for name, length in lengths.items() if length > 300}) <= 3
    functions = (
        (f"{name}.{node.name}", node)
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )
    assert {name for name, node in functions if length_of_code(node) > 50} == set()


def test_the_package_stays_thin():
    lines = {name: code_lines(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
    assert sum(lines.values()) <= MOST_CODE_LINES_IN_ALL
    after = {name for names in AFTER.values() for name in names}
    assert after <= lines.keys() | set(ORDER)
    assert sum(number for name, number in lines.items() if not {name, home(name)} & after) <= MOST_CODE_LINES


def length_of_code(function):
    """Count a function's lines without its docstring."""
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - (function.body[0].end_lineno if documented else function.lineno)


def code_lines(text):
    """Count lines that are neither blank nor a comment nor part of a docstring."""
    documented = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in lines if line.strip() and line.strip()[0] != "#" and number not in documented)


def test_the_benchmarks_use_what_is_there():
    subprocess.run(
        [sys.executable, "-c", "import benchmarks.__main__"], cwd=PACKAGE.parent, check=True, capture_output=True
    )


if __name__ == "__main__":
    for name in sorted(MODULES):
        print(f"{code_lines(MODULES[name].read_text(encoding='utf-8')):5} {name}")
