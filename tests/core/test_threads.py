"""Tasks side by side: in order, and each with its share of the threads."""

import pytest
import sklearn  # noqa: F401  # loads what shares out work among threads
from threadpoolctl import threadpool_info

from toolkit.core import threads


def threads_of_a_task():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"}


def test_results_come_in_the_order_of_the_tasks():
    assert threads.side_by_side([lambda number=number: number for number in range(20)]) == list(range(20))


@pytest.mark.parametrize(("rows", "each"), [(0, 1), (100_000, 1), (100_001, 4)])
def test_a_task_on_few_rows_computes_in_one_thread_however_many_cores_there_are(monkeypatch, rows, each):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert threads.side_by_side([threads_of_a_task] * 2, rows) == [{each}] * 2
