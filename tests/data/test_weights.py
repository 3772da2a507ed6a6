"""The weight of each row: read, checked, kept, and followed by a later table."""

import numpy as np
import pandas as pd
import pytest

from toolkit.data.load import load_dataset
from toolkit.data.schema import Schema
from toolkit.data.split import split_dataset
from toolkit.errors import InputError


@pytest.fixture
def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.normal(40, 9, 200), "w": rng.exponential(size=200)})
    return table.assign(sex=np.tile(["f", "m"], 100), ill=np.where(rng.random(200) < 0.4, "yes", "no"))


def weighted(table: pd.DataFrame):
    return load_dataset(table, target="ill", positive="yes", sensitive="sex", weight="w")


def test_weights_are_no_feature_and_stay_with_their_rows(people):
    data = weighted(people)
    assert list(data.features) == ["age", "sex"]
    assert data.weight.tolist() == people["w"].tolist()
    test = split_dataset(data, seed=1).test
    assert test.weight.tolist() == people.loc[test.target.index, "w"].tolist()
    assert data.roles.weight == "w"
    assert data.schema.columns["w"].role == "weight"


def test_a_later_table_is_weighted_by_the_same_column(people):
    schema = Schema.read(weighted(people).schema.plain())
    later = load_dataset(people.head(30), like=schema)
    assert later.weight.tolist() == people["w"].head(30).tolist()
    assert list(later.features) == ["age", "sex"]
    without = load_dataset(people.drop(columns="w").head(30), like=schema)
    assert without.weight is None
    assert "DATA-WEIGHT-ABSENT" in {finding.code for finding in without.findings()}


def test_weights_may_be_written_as_texts(people):
    data = weighted(people.assign(w=[f"{value:.3f}".replace(".", ",") for value in people["w"]]))
    rounded = people["w"].round(3)
    np.testing.assert_allclose(data.weight, rounded[rounded > 0])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({3: -1.0}, r"Weights 'w' must be numbers of 0 or more; 1 of 200 rows have none such, the first '-1.0'"),
        ({3: np.nan, 9: np.nan}, r"2 of 200 rows have none such, the first 'nan'"),
        ({3: np.inf}, r"1 of 200 rows"),
        ({3: "many"}, r"200 of 200 rows|1 of 200 rows"),
        (dict.fromkeys(range(200), 0.0), r"Weights 'w' are 0 in all 200 rows"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(people, cells, said):
    table = people.astype({"w": object})
    table.loc[list(cells), "w"] = list(cells.values())
    with pytest.raises(InputError, match=said):
        weighted(table)


@pytest.mark.parametrize("write", [list, lambda days: days.strftime("%Y-%m-%d"), lambda days: days - days[0]])
def test_dates_are_no_weights(people, write):
    days = pd.date_range("2020-01-01", periods=len(people))
    with pytest.raises(InputError, match="must be numbers of 0 or more"):
        weighted(people.assign(w=write(days)))


@pytest.mark.parametrize("role", ["target", "sensitive", "group", "time"])
def test_the_column_of_weights_has_no_other_role(people, role):
    with pytest.raises(InputError, match="'w'"):
        load_dataset(people, **{"target": "ill", role: "w"}, weight="w")


def test_what_uneven_weights_cost_is_said(people):
    data = weighted(people)
    effect = 1 + np.var(people["w"]) / np.mean(people["w"]) ** 2
    assert data.scalars()["data.design_effect"].value == pytest.approx(effect, rel=1e-12)
    (said,) = [finding.message for finding in data.findings() if finding.code == "DATA-WEIGHTED"]
    assert f"are worth {200 / effect:,.0f} rows of equal weight" in said


def test_a_step_that_counts_rows_says_so(people):
    assert weighted(people).unweighted("Drift")[0].code == "WEIGHTS-NOT-USED"
    assert load_dataset(people, target="ill").unweighted("Drift") == []


def test_rows_of_weight_0_are_left_out_and_counted(people):
    idle = people["sex"].eq("m") & (people.index % 3 == 0)
    data = weighted(people.assign(w=people["w"].mask(idle, 0.0)))
    alone = weighted(people[~idle])
    assert data.rows == alone.rows == 200 - idle.sum()
    assert data.target.tolist() == alone.target.tolist()
    assert data.weight.tolist() == alone.weight.tolist()
    said = {finding.code: finding.message for finding in data.findings()}
    assert f"{idle.sum()} of 200 rows" in said["DATA-WEIGHT-ZERO"]


def test_a_share_that_is_weighted_is_said_to_be(people):
    said = repr(weighted(people))
    share = people["w"][people["ill"] == "yes"].sum() / people["w"].sum()
    assert f"rows weighted by 'w'; the target ill is yes in {share:.1%} of rows" in said
    assert "weighted" not in repr(load_dataset(people, target="ill"))


def test_a_group_without_any_weight_stops_no_step(people):
    data = weighted(people.assign(w=people["w"].mask(people["sex"] == "m", 0.0)))
    assert data.sensitive["sex"].unique().tolist() == ["f"]
    with pytest.raises(InputError, match=r"1 row with a target.*too few"):
        weighted(people.assign(w=[1.0, *[0.0] * 199]))
