"""Labels that arrived later: matched to their rows by order or by an identifier."""

import numpy as np
import pandas as pd
import pytest

from toolkit.data.read import RawTable
from toolkit.errors import InputError
from toolkit.monitoring.pair import join_labels


def table(name="now", **columns):
    return RawTable(pd.DataFrame(columns), name, "")


ROWS = table(id=[7, 8, 9], a=[1.5, 2.5, 3.5])


def test_labels_in_the_same_order():
    joined = join_labels(ROWS, table("later", paid=["y", "n", "y"]), target="paid")
    assert joined.frame["paid"].tolist() == ["y", "n", "y"]
    assert list(ROWS.frame) == ["id", "a"]


def test_the_only_column_is_the_target_whatever_it_is_called():
    assert join_labels(ROWS, table("later", outcome=[1, 0, 1]), target="paid").frame["paid"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("ids", [[9, 7], [9.0, 7.0], ["9", "7"], pd.array([9, 7], dtype="Int64")])
def test_labels_find_their_rows_by_an_identifier_of_any_type(ids):
    joined = join_labels(ROWS, table("later", id=ids, paid=["y", "n"], by_whom=["k", "l"]), target="paid", by="id")
    assert joined.frame["paid"].fillna("unknown").tolist() == ["n", "unknown", "y"]


def test_an_empty_column_of_the_table_is_filled():
    rows = table(a=[1, 2], paid=[np.nan, np.nan])
    assert join_labels(rows, table("later", paid=[1, 0]), target="paid").frame["paid"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ({"paid": [1, 0]}, {}, r"later has 2 rows and now has 3 rows.*their order.* a column that both have\."),
        ({"id": [7], "paid": [1]}, {}, "such as 'id'"),
        ({"id": [7, 7], "paid": [1, 0]}, {"by": "id"}, "'id' must tell the rows of later apart, but it repeats '7'"),
        ({"id": [7, 5, 4], "paid": [1, 0, 1]}, {"by": "id"}, "2 of the 3 rows of later match no row of now.*'5', '4'"),
        ({"id": [7, None], "paid": [1, 0]}, {"by": "id"}, "'id' is missing in 1 of the 2 rows of later"),
        ({"key": [7], "paid": [1]}, {"by": "id"}, "later has no column 'id' to match labels by"),
        ({"ids": [7], "payed": [1]}, {"by": "ids"}, "now has no column 'ids' to match labels by. Did you mean 'id'"),
        ({"p": [1, 0, 1], "payed": [1, 0, 1]}, {}, "later has no column 'paid' of labels. Did you mean 'payed'"),
        ({"p": [1, 0, 1], "q": [1, 0, 1]}, {"target": None}, "Which column of later holds the labels"),
        ({"a": [1, 0, 1]}, {"target": "a"}, "now has labels of its own in 'a'"),
    ],
)
def test_what_does_not_match_is_refused(labels, options, message):
    with pytest.raises(InputError, match=message):
        join_labels(ROWS, table("later", **labels), **{"target": "paid", **options})


def test_rows_that_an_identifier_does_not_tell_apart_are_refused():
    with pytest.raises(InputError, match="must tell the rows of now apart"):
        join_labels(table(id=["x", "x"]), table("later", id=["x"], paid=[1]), target="paid", by="id")
