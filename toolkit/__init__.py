"""Train, judge and report models that a reviewer can trust. Importing costs nothing: names load when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from toolkit.applicable import NotApplicable, if_applicable
    from toolkit.card import ModelCard, make_card, read_card
    from toolkit.carddiff import CardDiff, diff_cards
    from toolkit.data import Dataset, load_dataset
    from toolkit.decision import Decision, decide
    from toolkit.drift import Drift, detect_drift
    from toolkit.drifting.companion import EvidentlyPage, evidently_page
    from toolkit.drifting.profile import Profile, load_profile
    from toolkit.drifting.tables import summarize
    from toolkit.errors import InputError, RunError, ToolkitError
    from toolkit.estimate import Estimate
    from toolkit.estimation import PerformanceEstimate, estimate_performance
    from toolkit.evaluation import Evaluation, evaluate
    from toolkit.explaining.chooser import ColumnExplorer, column_explorer
    from toolkit.explaining.counterfactual import Counterfactual, find_counterfactual
    from toolkit.explanation import Explanation, explain
    from toolkit.fairness import FairnessAudit, audit_fairness
    from toolkit.figures import Figure, figure
    from toolkit.gates import Verdict, check
    from toolkit.individual import IndividualFairness, check_individual
    from toolkit.judging.explorer import ThresholdExplorer, threshold_explorer
    from toolkit.judging.prediction_file import load_predictions
    from toolkit.judging.recorded import RecordedPredictions
    from toolkit.mitigation import Mitigation, mitigate
    from toolkit.options import check_options
    from toolkit.proxies import Proxies, find_proxies
    from toolkit.publishing import Published, publish
    from toolkit.result import Finding, Result
    from toolkit.slices import Slices, find_slices
    from toolkit.splitting import Split, split_dataset
    from toolkit.subject import load_audit, load_model
    from toolkit.training import Training, train
    from toolkit.waves import load_drift

_HOMES = {
    "CardDiff": "carddiff",
    "ColumnExplorer": "explaining.chooser",
    "Counterfactual": "explaining.counterfactual",
    "Dataset": "data",
    "Decision": "decision",
    "Drift": "drift",
    "Estimate": "estimate",
    "Evaluation": "evaluation",
    "Explanation": "explanation",
    "FairnessAudit": "fairness",
    "Figure": "figures",
    "Finding": "result",
    "IndividualFairness": "individual",
    "InputError": "errors",
    "Mitigation": "mitigation",
    "ModelCard": "card",
    "NotApplicable": "applicable",
    "PerformanceEstimate": "estimation",
    "Profile": "drifting.profile",
    "Proxies": "proxies",
    "Published": "publishing",
    "RecordedPredictions": "judging.recorded",
    "Result": "result",
    "RunError": "errors",
    "Slices": "slices",
    "Split": "splitting",
    "ToolkitError": "errors",
    "Training": "training",
    "Verdict": "gates",
    "audit_fairness": "fairness",
    "audit_windows": "auditing.windows",
    "check": "gates",
    "check_individual": "individual",
    "check_options": "options",
    "column_explorer": "explaining.chooser",
    "decide": "decision",
    "detect_drift": "drift",
    "diff_cards": "carddiff",
    "estimate_performance": "estimation",
    "evaluate": "evaluation",
    "evidently_page": "drifting.companion",
    "EvidentlyPage": "drifting.companion",
    "explain": "explanation",
    "figure": "figures",
    "find_counterfactual": "explaining.counterfactual",
    "find_proxies": "proxies",
    "find_slices": "slices",
    "if_applicable": "applicable",
    "load_audit": "subject",
    "load_dataset": "data",
    "load_drift": "waves",
    "load_model": "subject",
    "load_predictions": "judging.prediction_file",
    "load_profile": "drifting.profile",
    "make_card": "card",
    "mitigate": "mitigation",
    "publish": "publishing",
    "read_card": "card",
    "split_dataset": "splitting",
    "threshold_explorer": "judging.explorer",
    "ThresholdExplorer": "judging.explorer",
    "summarize": "drifting.tables",
    "train": "training",
}

__all__ = [
    "CardDiff",
    "ColumnExplorer",
    "Counterfactual",
    "Dataset",
    "Decision",
    "Drift",
    "Estimate",
    "Evaluation",
    "EvidentlyPage",
    "Explanation",
    "FairnessAudit",
    "Figure",
    "Finding",
    "IndividualFairness",
    "InputError",
    "Mitigation",
    "ModelCard",
    "NotApplicable",
    "PerformanceEstimate",
    "Profile",
    "Proxies",
    "Published",
    "RecordedPredictions",
    "Result",
    "RunError",
    "Slices",
    "Split",
    "ThresholdExplorer",
    "ToolkitError",
    "Training",
    "Verdict",
    "__version__",
    "audit_fairness",
    "audit_windows",
    "check",
    "check_individual",
    "check_options",
    "column_explorer",
    "decide",
    "detect_drift",
    "diff_cards",
    "estimate_performance",
    "evaluate",
    "evidently_page",
    "explain",
    "figure",
    "find_counterfactual",
    "find_proxies",
    "find_slices",
    "if_applicable",
    "load_audit",
    "load_dataset",
    "load_drift",
    "load_model",
    "load_predictions",
    "load_profile",
    "make_card",
    "mitigate",
    "publish",
    "read_card",
    "split_dataset",
    "summarize",
    "threshold_explorer",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    return getattr(import_module(f"toolkit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
