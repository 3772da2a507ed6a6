"""What other folders use of this one; a name loads its module when it is used."""

from .binning import (
    Bins as Bins,
    Levels as Levels,
    cell_starts as cell_starts,
    cell_text as cell_text,
    cut as cut,
    find_edges as find_edges,
    moments as moments,
)
from .calibration import (
    LUCKY as LUCKY,
    calibration_bins as calibration_bins,
    calibration_of as calibration_of,
    fit_firth as fit_firth,
)
from .design_effects import design_effect as design_effect, dispersion as dispersion, likeness as likeness
from .intervals import (
    RULE_OF_THREE as RULE_OF_THREE,
    AnyArray as AnyArray,
    Array as Array,
    Codes as Codes,
    Interval as Interval,
    Mask as Mask,
    Z as Z,
    change as change,
    mover_difference as mover_difference,
    mover_mean as mover_mean,
    share_estimate as share_estimate,
    t_quantile as t_quantile,
    wilson as wilson,
    wilson_size as wilson_size,
)
from .measure import (
    ONE_UNIT as ONE_UNIT,
    Measure as Measure,
    difference as difference,
    mean as mean,
    mean_of as mean_of,
    share as share,
    smooth as smooth,
    unbounded as unbounded,
)
from .metrics import (
    EPSILON as EPSILON,
    LEAST_OF_CLASS as LEAST_OF_CLASS,
    SCORE_METRICS as SCORE_METRICS,
    area_of as area_of,
    binary_metrics as binary_metrics,
)
from .permutation import permuted as permuted
from .ranking import quartiles as quartiles, ranked as ranked, roc_auc as roc_auc, value_counts as value_counts
from .regression import HEAVY as HEAVY, reach_of as reach_of, regression_metrics as regression_metrics
from .replicates import (
    FILE as FILE,
    PAIRED as PAIRED,
    Replicated as Replicated,
    is_of as is_of,
    paired_difference as paired_difference,
    read_replicates as read_replicates,
    replicate as replicate,
    write_replicates as write_replicates,
)
from .significance import ALPHA as ALPHA, benjamini_hochberg as benjamini_hochberg, holm as holm
from .units import (
    FEW_GROUPS as FEW_GROUPS,
    LEAST_TIMES as LEAST_TIMES,
    Units as Units,
    check_weights as check_weights,
    freed as freed,
    freedom_of as freedom_of,
    kish as kish,
    summed as summed,
    weights_of as weights_of,
)
