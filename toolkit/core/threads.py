"""Tasks that run side by side in threads, which share out the cores of the machine."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

#: Up to so many rows, threads that share out the work on a model wait for each other longer than it takes.
MANY_ROWS = 100_000


def side_by_side(tasks: Sequence[Callable[[], Any]], rows: int = 0, most: int = 0) -> list[Any]:
    """Run tasks in threads, as many at once as there are cores, at most ``most``; return what they return, in order.

    Each computes in one thread, or in its share of the cores where it works on ``rows`` that are many: more threads
    would only wait for each other, and for long where the machine is busy.
    """
    from joblib import cpu_count, parallel_config
    from threadpoolctl import ThreadpoolController

    threads, at_once = ThreadpoolController(), max(min(cpu_count(), len(tasks), most or len(tasks)), 1)
    each = cpu_count() // at_once if rows > MANY_ROWS else 1

    def run(task: Callable[[], Any]) -> Any:
        # Both are of the thread that sets them: what a task shares out itself begins no processes.
        with threads.limit(limits=each, user_api="openmp"), parallel_config("threading"):
            return task()

    # Both are of the whole process; what one thread says of warnings for a while, another may take for what was before.
    with threads.limit(limits=each, user_api="blas"), warnings.catch_warnings(), ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(run, tasks))


def two_at_once(do: Callable[..., Any], *given: Iterable[Any]) -> list[Any]:
    """Do the same with each of some columns, in two threads: sorting needs no lock of the interpreter."""
    return side_by_side([partial(do, *one) for one in zip(*given, strict=True)], most=2)
