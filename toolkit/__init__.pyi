"""The public names, once: type checkers read them here, and the package loads them from here when used."""

from .card.diff import CardDiff as CardDiff, diff_cards as diff_cards
from .card.model_card import ModelCard as ModelCard, make_card as make_card, read_card as read_card
from .comparison.ab_test import ABTest as ABTest, ab_test as ab_test
from .comparison.compare import Comparison as Comparison, compare as compare
from .comparison.contrasts import plan_ab_test as plan_ab_test
from .comparison.sides import load_comparison as load_comparison
from .core.estimate import Estimate as Estimate
from .core.figures import Figure as Figure, Figures as Figures, figure as figure, figures as figures
from .core.result import (
    Finding as Finding,
    NotApplicable as NotApplicable,
    Result as Result,
    if_applicable as if_applicable,
)
from .data.dataset import Dataset as Dataset
from .data.load import load_dataset as load_dataset
from .data.schema import Schema as Schema
from .data.split import Split as Split, split_dataset as split_dataset
from .drift.detect import Drift as Drift, detect_drift as detect_drift
from .drift.evidently import EvidentlyPage as EvidentlyPage, evidently_page as evidently_page
from .drift.profile import Profile as Profile, load_profile as load_profile, summarize as summarize
from .errors import InputError as InputError, RunError as RunError, ToolkitError as ToolkitError
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.evaluation import Evaluation as Evaluation
from .evaluation.explorer import ThresholdExplorer as ThresholdExplorer, threshold_explorer as threshold_explorer
from .evaluation.slices import Slices as Slices, find_slices as find_slices
from .explanation.counterfactual import Counterfactual as Counterfactual, find_counterfactual as find_counterfactual
from .explanation.explain import explain as explain
from .explanation.explanation import Explanation as Explanation
from .explanation.explorers import (
    ColumnExplorer as ColumnExplorer,
    WhatIf as WhatIf,
    column_explorer as column_explorer,
    what_if as what_if,
)
from .fairness.audit import FairnessAudit as FairnessAudit, audit_fairness as audit_fairness
from .fairness.individual import IndividualFairness as IndividualFairness, check_individual as check_individual
from .fairness.mitigate import Mitigation as Mitigation, mitigate as mitigate, read_constraint as read_constraint
from .fairness.proxies import Proxies as Proxies, find_proxies as find_proxies
from .models.load import load_audit as load_audit, load_model as load_model
from .models.model import Model as Model
from .models.prediction_file import load_predictions as load_predictions
from .models.recorded import RecordedPredictions as RecordedPredictions
from .models.threshold import Threshold as Threshold, read_threshold as read_threshold
from .models.train import Training as Training, train as train
from .monitoring.fairness import audit_windows as audit_windows
from .monitoring.pair import load_drift as load_drift
from .monitoring.performance import (
    PerformanceEstimate as PerformanceEstimate,
    estimate_performance as estimate_performance,
)
from .monitoring.retrain import (
    Reason as Reason,
    load_retraining as load_retraining,
    split_retraining as split_retraining,
)
from .policy.check import Decision as Decision, Verdict as Verdict, check as check, decide as decide
from .runs.publish import Published as Published, publish as publish
from .runs.runner import run as run, write_report as write_report
from .runs.sweep import Sweep as Sweep, sweep as sweep

__version__: str
