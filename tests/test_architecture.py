"""The house rules that hold over all modules: which imports point where, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "toolkit"


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py") if path.stem not in ("__init__", "__main__")}

# Each layer may import the layers before it and its own; never one after it. A name stands for a module or a package.
LAYERS = [
    {"errors", "resources"},
    {"estimate", "statistics"},
    {"result", "heading", "applicable", "figures", "csvlink"},
    {"datasets", "table", "data", "splitting"},
    {"models", "training"},
    {"judging", "slices", "evaluation"},
    {
        "explaining",
        "explanation",
        "auditing",
        "fairness",
        "individual",
        "proxies",
        "drifting",
        "drift",
        "estimating",
        "estimation",
    },
    {"mitigating", "mitigation", "options"},
    {
        "running",
        "parameters",
        "provenance",
        "store",
        "tracking",
        "publishing",
        "gating",
        "gates",
        "carding",
        "card",
        "carddiff",
        "decision",
    },
    {"page", "report", "subject", "waves"},
    {"runner", "doctor"},
    {"console", "cli"},
]
LAYER = {name: level for level, names in enumerate(LAYERS) for name in names}
STEPS = set().union(*LAYERS[3:8])


def home(name):
    return name.partition(".")[0]


def imported(path):
    """Yield every toolkit module a file imports, wherever in the file; imports for typing alone do not count."""
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


def test_every_module_has_a_layer():
    assert {home(name) for name in MODULES} - set(LAYER) == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_down(name):
    up = {other for other in imported(MODULES[name]) if other != "__version__" and LAYER[other] > LAYER[home(name)]}
    assert not up, f"{name} imports {up}, which stand above it"


@pytest.mark.parametrize(
    "name",
    [
        "statistics",
        "running",
        "runner",
        "report",
        "page",
        "tracking",
        "publishing",
        "provenance",
        "gating",
        "gates",
        "carding",
        "card",
        "carddiff",
        "decision",
    ],
)
def test_the_machinery_knows_no_step(name):
    mine = [path for module, path in MODULES.items() if home(module) == name]
    assert mine
    assert not {other for path in mine for other in imported(path)} & STEPS


def test_only_tracking_imports_mlflow():
    def mentions(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        return any(name.split(".")[0] == "mlflow" for name in names)

    assert [name for name, path in MODULES.items() if mentions(path)] == ["tracking"]


HEAVY = ["pandas", "numpy", "scipy", "sklearn", "mlflow", "shap", "evidently", "matplotlib", "papermill", "nbconvert"]


@pytest.mark.parametrize("code", ["import toolkit", "import sys; sys.argv = ['toolkit', '--help']; import toolkit.cli"])
def test_importing_loads_nothing_heavy(code):
    look = f"import sys; {code}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_and_functions_stay_short():
    long_modules = {
        name: text.count("\n") for name, path in MODULES.items() if (text := path.read_text()).count("\n") > 350
    }
    assert not long_modules
    functions = (
        (f"{name}.{node.name}", node)
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    )
    assert {name for name, node in functions if code_lines(node) > 50} == set()


def code_lines(function):
    """Count a function's lines without its docstring."""
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - (function.body[0].end_lineno if documented else function.lineno)
