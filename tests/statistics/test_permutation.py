import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error

from toolkit.statistics import permutation
from toolkit.statistics.permutation import permuted

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "number": RNG.normal(size=50),
        "label": pd.Categorical(RNG.choice(["a", "b"], 50)),
        "gap": pd.Series(RNG.integers(0, 9, 50), dtype="Int64").where(RNG.random(50) < 0.8),
    }
)


@pytest.mark.parametrize("at_once", [1, 300, 10**9])
def test_one_column_at_a_time_is_shuffled(monkeypatch, at_once):
    monkeypatch.setattr(permutation, "_MOST_CELLS", at_once)
    order = RNG.permutation(50)
    seen = []

    def predict(rows):
        assert rows.dtypes.equals(TABLE.dtypes)
        seen.append(len(rows))
        return rows.astype(str).to_numpy()

    found = list(permuted(predict, TABLE, order))
    assert (sum(seen), len(found)) == (3 * 50, 3)
    for place, name in enumerate(TABLE):
        expected = TABLE.assign(**{name: TABLE[name].array[order]})
        assert found[place].tolist() == expected.astype(str).to_numpy().tolist()


def test_importance_is_what_scikit_learn_finds_on_average():
    x = pd.DataFrame(RNG.normal(size=(400, 3)), columns=list("abc"))
    y = 3 * x["a"] + x["b"] + RNG.normal(size=400)
    model = LinearRegression().fit(x, y)
    once = [
        [mean_squared_error(y, after) for after in permuted(model.predict, x, RNG.permutation(400))] for _ in range(60)
    ]
    worse = np.mean(once, axis=0) - mean_squared_error(y, model.predict(x))
    reference = permutation_importance(model, x, y, scoring="neg_mean_squared_error", n_repeats=60, random_state=0)
    np.testing.assert_allclose(worse, reference.importances_mean, rtol=0.03, atol=0.003)
