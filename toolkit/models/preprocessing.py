"""Encode features for a model so that each encoded column can be traced to the column it came from.

What is kept is scikit-learn's own: a fitted model loads wherever scikit-learn is installed.
"""

import warnings
from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

from toolkit.core import beside
from toolkit.data import encoded_labels, is_text, marks_in, plain_column
from toolkit.errors import listed
from toolkit.models.findings import refusal
from toolkit.statistics import AnyArray, Codes

RARE, MOST_LEVELS = 10, 100
#: From here on encoding level by level is the faster way.
MANY_ROWS = 2000
#: Where trees come from, their settings that name columns, and the values of these that name none.
_TREES, _BY_COLUMN, _OF_NONE = beside(__file__, "trees.yaml").values()


def encoding_for(estimator: Any) -> str:
    """Choose the encoding: ordinal codes for trees, none for a dummy, one-hot and scaled for all others."""
    home = type(estimator).__module__
    return "none" if home.startswith("sklearn.dummy") else "ordinal" if home.startswith(tuple(_TREES)) else "onehot"


def make_model(estimator: Any, features: pd.DataFrame) -> Pipeline:
    """Join an unfitted estimator with the preprocessing it needs.

    Parameters
    ----------
    estimator : object
        scikit-learn compatible. A ``Pipeline`` is taken to bring its own preprocessing and is returned as it is.
    features : DataFrame of shape (n_rows, n_columns)
        The rows it will be fitted on. They decide which columns are numbers and which are text; a column without a
        single value is not used.

    Raises
    ------
    InputError
        Where settings of the estimator name columns by their place, and numbers do not stand before texts.

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
    if (encoding := encoding_for(estimator)) == "none":
        return Pipeline([("encode", "passthrough"), ("model", estimator)])
    settings = estimator.get_params(deep=False)
    set_by = {name for name in settings.keys() & _BY_COLUMN if str(settings[name]) not in _OF_NONE}
    if set_by and [*numbers, *texts] != list(features):
        raise refusal("settings by column", name=type(estimator).__name__, settings=listed(sorted(set_by)))
    plain = "passthrough" if tags.allow_nan else SimpleImputer(strategy="median")
    number, text = _onehot() if encoding == "onehot" else (plain, _ordinal())
    threshold = 0.5 if encoding == "onehot" and tags.sparse else 0
    encoder = ColumnTransformer([("number", number, numbers), ("text", text, texts)], sparse_threshold=threshold)
    return Pipeline([("encode", encoder), ("model", estimator)])


def _ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)


def _onehot() -> tuple[Pipeline, Pipeline]:
    """Return what encodes the numbers and the texts of a linear model."""
    number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    levels = OneHotEncoder(min_frequency=RARE, max_categories=MOST_LEVELS, handle_unknown="infrequent_if_exist")
    return number, make_pipeline(_ordinal(), levels)  # counting levels is many times faster on codes than on texts


def is_onehot(model: Any) -> bool:
    """Tell whether a model is one of ``make_model`` for a linear estimator: texts one-hot, numbers imputed and scaled.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> features = pd.DataFrame({"age": [20.0, None, 40.0], "town": ["Oslo", "Bergen", "Oslo"]})
    >>> [is_onehot(make_model(one, features)) for one in (LogisticRegression(), DecisionTreeClassifier())]
    [True, False]
    """
    encode = model[0] if isinstance(model, Pipeline) and len(model) == 2 else None
    parts = encode.transformers if isinstance(encode, ColumnTransformer) else ()
    return [repr(part) for _, part, _ in parts] == list(map(repr, _onehot()))


class LevelEncoder(OrdinalEncoder):  # type: ignore[misc]
    """Encodes columns of a table as ``OrdinalEncoder`` does, but asks it for each level once and not for each cell."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn the levels."""
        super().fit(_levels(X)[0], y)
        return self

    def transform(self, X: Any) -> AnyArray:  # noqa: N803
        """Return the codes, an array of shape (n_rows, n_columns)."""
        levels, places = _levels(X)
        codes = np.asarray(super().transform(levels)).T
        # A column after the other in memory: several times faster than a row after the other.
        return np.array([code[place] for code, place in zip(codes, places, strict=True)]).T


def _levels(table: Any) -> tuple[pd.DataFrame, list[Codes]]:
    """Return the levels of each column, repeated to the same length, and of each row the place of its own."""
    found = {name: pd.factorize(column, use_na_sentinel=False) for name, column in pd.DataFrame(table).items()}
    most = max((len(levels) for _, levels in found.values()), default=0)
    padded = {name: np.resize(np.asarray(levels), most) for name, (_, levels) in found.items()}
    return pd.DataFrame(padded), [places for places, _ in found.values()]


def encoding_with(encoder: type[OrdinalEncoder], model: Any) -> Any:
    """Return a model of ``make_model``, fitted or not, with another kind of ordinal encoder; any other as it is.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> features = pd.DataFrame({"town": ["Oslo", "Bergen", "Oslo"]})
    >>> model = encoding_with(LevelEncoder, make_model(DecisionTreeClassifier(), features)).fit(features, [0, 1, 0])
    >>> encoding_with(OrdinalEncoder, model)[0].named_transformers_["text"]
    OrdinalEncoder(encoded_missing_value=-2, handle_unknown='use_encoded_value',
                   unknown_value=-1)
    """
    if not isinstance(model, OrdinalEncoder | Pipeline | ColumnTransformer):
        return model
    if type(model := copy(model)) in (OrdinalEncoder, LevelEncoder):
        model.__class__ = encoder
    for name in {"steps", "transformers", "transformers_"} & vars(model).keys():
        setattr(model, name, [(part[0], encoding_with(encoder, part[1]), *part[2:]) for part in getattr(model, name)])
    return model


def as_fitted(model: Any, features: pd.DataFrame) -> pd.DataFrame:
    """Write labels as the numbers, or numbers as the texts, that a model was fitted on, and as the categories it takes.

    Parameters
    ----------
    model : estimator
        Fitted on a table, with encoders of its own; XGBoost, LightGBM and scikit-learn's boosting have such inside.
    features : DataFrame
        As a Dataset has them.

    Returns
    -------
    DataFrame
        A column with a label that is no number stays as it is.

    Examples
    --------
    >>> from lightgbm import LGBMClassifier
    >>> rows = pd.DataFrame({"floor": pd.Categorical([3, 1] * 50)})
    >>> fitted = LGBMClassifier(verbose=-1).fit(rows, [0, 1] * 50)
    >>> as_fitted(fitted, rows.astype(str).astype("category"))["floor"].cat.categories.tolist()
    [1, 3]
    """
    takes_categories, written = {"booster_", "get_booster"} & {*dir(getattr(model, "best_estimator_", model))}, {}
    for name, labels in encoded_labels(model).items():
        if name not in features or not (there := (cells := features[name]).notna()).any():
            continue
        texts, found = [label for label in labels if isinstance(label, str)], None
        gaps = marks_in(texts) if len(texts) == len(labels) else [label for label in labels if label is None]
        if not texts and not {*map(type, labels)} <= {int, float, type(None)}:  # such as intervals, dates, yes and no
            read, own = plain_column(pd.Series(labels, name=name))[0], cells.astype(object)
            ways = [map(str, labels), labels if read is None else read.astype(object)]
            found = own.map({one: label for way in ways for one, label in zip(way, labels, strict=True)}).fillna(own)
        elif not texts or pd.api.types.is_numeric_dtype(cells.dtype):
            if (known := _as_numbers(pd.Series(labels, dtype="category"))) is None and texts:
                raise refusal("labels expected", column=name, label=texts[0])
            if known is not None and (found := _as_numbers(cells)) is not None and texts:
                # The table's own reading took them for numbers.
                found = found.map(dict(zip(known, labels, strict=True))).fillna(found.astype(str)).where(there)
        if len(gaps) == 1 and not there.all():
            found = (cells if found is None else found).astype(object).where(there, gaps[0])
        if found is not None:
            written[name] = found.astype(pd.CategoricalDtype(list(labels))) if takes_categories else found
    return pd.DataFrame({**features, **written}, copy=False) if written else features


def _as_numbers(column: pd.Series) -> pd.Series | None:
    cells = column.astype(object).replace({"False": 0, "True": 1}) if is_text(column) else column
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().equals(column.notna()) else None


def given_array(estimator: Any, features: pd.DataFrame, network: Any) -> Pipeline:
    """Put a step before a PyTorch network that turns a table into an array, in the precision of its weights.

    A network, which skorch keeps as ``module_``, takes no table and no numbers of another precision.
    """
    if other := list(features.select_dtypes(exclude="number").columns):
        raise refusal("columns for a network", columns=listed(other))
    precision = str(next(network.parameters()).dtype).removeprefix("torch.")
    return Pipeline([("array", FunctionTransformer(np.array, kw_args={"dtype": precision})), ("model", estimator)])


def dense(encoded: Any) -> Any:
    """Return encoded features as they are, or a sparse matrix as a plain array."""
    return encoded.toarray() if hasattr(encoded, "toarray") else encoded


def by_place(method: Callable[[Any], Any], matrix: Any) -> Any:
    """Call an estimator's method, without a warning where one fitted on an array takes columns by their place."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X has feature names, but", category=UserWarning)
        return method(matrix)
