"""Tasks side by side: in order, and each with its share of the threads."""

import os
from threading import Barrier

import joblib
import pytest
import sklearn  # noqa: F401  # loads what shares out work among threads
from threadpoolctl import threadpool_info

from toolkit.core import threads


def threads_of_a_task(kind="openmp"):
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == kind}


def test_results_come_in_the_order_of_the_tasks():
    assert threads.side_by_side([lambda number=number: number for number in range(20)]) == list(range(20))


@pytest.mark.parametrize(("rows", "each"), [(0, 1), (100_000, 1), (100_001, 4)])
def test_a_task_on_few_rows_computes_in_one_thread_however_many_cores_there_are(monkeypatch, rows, each):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert threads.side_by_side([threads_of_a_task] * 2, rows) == [{each}] * 2


def test_columns_two_at_a_time_leave_the_sums_of_each_to_one_thread(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    before = threads_of_a_task("blas")
    both = Barrier(2, timeout=30)
    found = threads.two_at_once(lambda name, _: (both.wait() < 2, name, threads_of_a_task("blas")), "abcd", range(4))
    assert found == [(True, name, {1}) for name in "abcd"]
    assert threads_of_a_task("blas") == before
    assert threads.two_at_once(threads_of_a_task, []) == []


def test_what_a_task_shares_out_itself_begins_no_processes():
    def ask():
        return joblib.Parallel(2)(joblib.delayed(os.getpid)() for _ in range(4))

    assert threads.side_by_side([ask] * 2) == [[os.getpid()] * 4] * 2
