"""Train, judge and report models that a reviewer can trust. Importing costs nothing: names load when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from toolkit.card.diff import CardDiff, diff_cards
    from toolkit.card.model_card import ModelCard, make_card, read_card
    from toolkit.core.applicable import NotApplicable, if_applicable
    from toolkit.core.estimate import Estimate
    from toolkit.core.figures import Figure, figure
    from toolkit.core.result import Finding, Result
    from toolkit.data.dataset import Dataset
    from toolkit.data.load import load_dataset
    from toolkit.data.split import Split, split_dataset
    from toolkit.drift.detect import Drift, detect_drift
    from toolkit.drift.evidently import EvidentlyPage, evidently_page
    from toolkit.drift.profile import Profile, load_profile
    from toolkit.drift.tables import summarize
    from toolkit.errors import InputError, RunError, ToolkitError
    from toolkit.evaluation.evaluate import Evaluation, evaluate
    from toolkit.evaluation.explorer import ThresholdExplorer, threshold_explorer
    from toolkit.evaluation.slices import Slices, find_slices
    from toolkit.explanation.column_explorer import ColumnExplorer, column_explorer
    from toolkit.explanation.counterfactual import Counterfactual, find_counterfactual
    from toolkit.explanation.explain import Explanation, explain
    from toolkit.fairness.audit import FairnessAudit, audit_fairness
    from toolkit.fairness.individual import IndividualFairness, check_individual
    from toolkit.fairness.mitigate import Mitigation, mitigate
    from toolkit.fairness.options import check_options
    from toolkit.fairness.proxies import Proxies, find_proxies
    from toolkit.models.load import load_audit, load_model
    from toolkit.models.prediction_file import load_predictions
    from toolkit.models.recorded import RecordedPredictions
    from toolkit.models.train import Training, train
    from toolkit.monitoring.pair import load_drift
    from toolkit.monitoring.performance import PerformanceEstimate, estimate_performance
    from toolkit.policy.check import Verdict, check
    from toolkit.policy.decide import Decision, decide
    from toolkit.runs.publish import Published, publish

_HOMES = {
    "CardDiff": "card.diff",
    "ColumnExplorer": "explanation.column_explorer",
    "Counterfactual": "explanation.counterfactual",
    "Dataset": "data.dataset",
    "Decision": "policy.decide",
    "Drift": "drift.detect",
    "Estimate": "core.estimate",
    "Evaluation": "evaluation.evaluate",
    "Explanation": "explanation.explain",
    "FairnessAudit": "fairness.audit",
    "Figure": "core.figures",
    "Finding": "core.result",
    "IndividualFairness": "fairness.individual",
    "InputError": "errors",
    "Mitigation": "fairness.mitigate",
    "ModelCard": "card.model_card",
    "NotApplicable": "core.applicable",
    "PerformanceEstimate": "monitoring.performance",
    "Profile": "drift.profile",
    "Proxies": "fairness.proxies",
    "Published": "runs.publish",
    "RecordedPredictions": "models.recorded",
    "Result": "core.result",
    "RunError": "errors",
    "Slices": "evaluation.slices",
    "Split": "data.split",
    "ToolkitError": "errors",
    "Training": "models.train",
    "Verdict": "policy.check",
    "audit_fairness": "fairness.audit",
    "audit_windows": "monitoring.fairness",
    "check": "policy.check",
    "check_individual": "fairness.individual",
    "check_options": "fairness.options",
    "column_explorer": "explanation.column_explorer",
    "decide": "policy.decide",
    "detect_drift": "drift.detect",
    "diff_cards": "card.diff",
    "estimate_performance": "monitoring.performance",
    "evaluate": "evaluation.evaluate",
    "evidently_page": "drift.evidently",
    "EvidentlyPage": "drift.evidently",
    "explain": "explanation.explain",
    "figure": "core.figures",
    "find_counterfactual": "explanation.counterfactual",
    "find_proxies": "fairness.proxies",
    "find_slices": "evaluation.slices",
    "if_applicable": "core.applicable",
    "load_audit": "models.load",
    "load_dataset": "data.load",
    "load_drift": "monitoring.pair",
    "load_model": "models.load",
    "load_predictions": "models.prediction_file",
    "load_profile": "drift.profile",
    "make_card": "card.model_card",
    "mitigate": "fairness.mitigate",
    "publish": "runs.publish",
    "read_card": "card.model_card",
    "split_dataset": "data.split",
    "threshold_explorer": "evaluation.explorer",
    "ThresholdExplorer": "evaluation.explorer",
    "summarize": "drift.tables",
    "train": "models.train",
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
