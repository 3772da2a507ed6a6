"""Encode features for a model so that each encoded column can be traced to the column it came from.

Everything here is scikit-learn's own: a fitted model loads wherever scikit-learn is installed.
"""

from typing import Any, Literal

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

Encoding = Literal["ordinal", "onehot", "none"]

RARE = 10
MOST_LEVELS = 100
_TREES = ("sklearn.ensemble", "sklearn.tree", "lightgbm", "xgboost", "catboost")


def encoding_for(estimator: Any) -> Encoding:
    """Choose the encoding: ordinal codes for trees, none for a dummy, one-hot and scaled for all others."""
    if type(estimator).__module__.startswith("sklearn.dummy"):
        return "none"
    return "ordinal" if type(estimator).__module__.startswith(_TREES) else "onehot"


def make_model(estimator: Any, features: pd.DataFrame) -> Pipeline:
    """Join an unfitted estimator with the preprocessing it needs.

    Parameters
    ----------
    estimator : object
        scikit-learn compatible. A ``Pipeline`` is taken to bring its own preprocessing and is returned as it is.
    features : DataFrame of shape (n_rows, n_columns)
        The rows it will be fitted on. They decide which columns are numbers and which are text; a column without a
        single value is not used.

    Returns
    -------
    Pipeline
        Steps ``encode`` and ``model``. Text columns never seen in training and missing values are accepted by both
        encodings: trees get a missing code, linear models the level of the rare ones.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> features = pd.DataFrame({"age": [20.0, None, 40.0], "town": ["Oslo", "Bergen", "Oslo"]})
    >>> model = make_model(LogisticRegression(), features).fit(features, [0, 1, 0])
    >>> model.predict(pd.DataFrame({"age": [None, 30.0], "town": ["Paris", None]})).shape
    (2,)
    """
    if isinstance(estimator, Pipeline):
        return estimator
    used = features.columns[features.notna().any()]
    numbers = [name for name in used if pd.api.types.is_numeric_dtype(features[name].dtype)]
    texts = [name for name in used if name not in set(numbers)]
    tags = get_tags(estimator).input_tags
    encoding = encoding_for(estimator)
    if encoding == "none":
        return Pipeline([("encode", "passthrough"), ("model", estimator)])
    number: Any = "passthrough" if tags.allow_nan else SimpleImputer(strategy="median")
    text: Any = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    if encoding == "onehot":
        number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        levels = OneHotEncoder(min_frequency=RARE, max_categories=MOST_LEVELS, handle_unknown="infrequent_if_exist")
        text = make_pipeline(text, levels)  # counting levels is many times faster on codes than on texts
    threshold = 0.5 if encoding == "onehot" and tags.sparse else 0
    encoder = ColumnTransformer([("number", number, numbers), ("text", text, texts)], sparse_threshold=threshold)
    return Pipeline([("encode", encoder), ("model", estimator)])
