"""What other folders use of the statistics; what fewer need is in the modules."""

from toolkit.statistics.binning import Levels, cell_text, cut
from toolkit.statistics.intervals import AnyArray, Array, Codes, Mask, Z, change, mean_estimate, t_quantile, wilson
from toolkit.statistics.measure import Measure, difference, mean, share, smooth
from toolkit.statistics.metrics import binary_metrics
from toolkit.statistics.ranking import roc_auc
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.significance import benjamini_hochberg, holm
from toolkit.statistics.units import FEW_GROUPS, Units, kish, weights_of
