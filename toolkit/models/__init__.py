"""What other folders use of models; what fewer need is in the modules."""

from toolkit.models.held_out import about_rows
from toolkit.models.load import load_model
from toolkit.models.model import Model, in_order
from toolkit.models.prediction import Predictions, measure_speed, predict, predict_at, threshold_for
from toolkit.models.preprocessing import make_model
from toolkit.models.threshold import AS_DECIDED, Costs, Threshold, ThresholdLike
