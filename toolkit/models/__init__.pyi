"""What other folders use of this one; a name loads its module when it is used."""

from .candidates import (
    make_baseline as make_baseline,
    make_candidates as make_candidates,
    requirements_of as requirements_of,
)
from .folds import Folds as Folds
from .held_out import (
    HELD_OUT_FILE as HELD_OUT_FILE,
    HeldOutErrors as HeldOutErrors,
    about_rows as about_rows,
    count_held_out as count_held_out,
)
from .load import load_audit as load_audit, load_model as load_model
from .model import Model as Model, in_order as in_order, own_labels as own_labels
from .prediction import (
    Predictions as Predictions,
    predict as predict,
    predict_at as predict_at,
    threshold_for as threshold_for,
)
from .prediction_file import load_predictions as load_predictions
from .preprocessing import (
    by_place as by_place,
    dense as dense,
    encoding_for as encoding_for,
    is_onehot as is_onehot,
    make_model as make_model,
)
from .recorded import RecordedPredictions as RecordedPredictions
from .threshold import (
    AS_DECIDED as AS_DECIDED,
    DEFAULT as DEFAULT,
    OUTCOMES as OUTCOMES,
    THRESHOLD_FILE as THRESHOLD_FILE,
    Costs as Costs,
    Threshold as Threshold,
    ThresholdLike as ThresholdLike,
    read_threshold as read_threshold,
)
