"""Train, judge and report models that a reviewer can trust. Importing costs nothing: names load when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from toolkit.data import Dataset, load_dataset
    from toolkit.errors import InputError, RunError, ToolkitError
    from toolkit.estimate import Estimate
    from toolkit.evaluation import Evaluation, evaluate
    from toolkit.figures import Figure, figure
    from toolkit.gates import Verdict, check
    from toolkit.publishing import Published, publish
    from toolkit.result import Finding, NotApplicable, Result, if_applicable
    from toolkit.slices import Slices, find_slices
    from toolkit.splitting import Split, split_dataset
    from toolkit.training import Training, train

_HOMES = {
    "Dataset": "data",
    "Estimate": "estimate",
    "Evaluation": "evaluation",
    "Figure": "figures",
    "Finding": "result",
    "InputError": "errors",
    "NotApplicable": "result",
    "Published": "publishing",
    "Result": "result",
    "RunError": "errors",
    "Slices": "slices",
    "Split": "splitting",
    "ToolkitError": "errors",
    "Training": "training",
    "Verdict": "gates",
    "check": "gates",
    "evaluate": "evaluation",
    "figure": "figures",
    "find_slices": "slices",
    "if_applicable": "result",
    "load_dataset": "data",
    "publish": "publishing",
    "split_dataset": "splitting",
    "train": "training",
}

__all__ = [
    "Dataset",
    "Estimate",
    "Evaluation",
    "Figure",
    "Finding",
    "InputError",
    "NotApplicable",
    "Published",
    "Result",
    "RunError",
    "Slices",
    "Split",
    "ToolkitError",
    "Training",
    "Verdict",
    "__version__",
    "check",
    "evaluate",
    "figure",
    "find_slices",
    "if_applicable",
    "load_dataset",
    "publish",
    "split_dataset",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    return getattr(import_module(f"toolkit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
