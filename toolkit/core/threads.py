"""Tasks that run side by side in threads, which share out the cores of the machine."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

#: Up to so many rows, threads that share out the work on a model wait for each other longer than it takes.
MANY_ROWS = 100_000


def side_by_side(tasks: Sequence[Callable[[], Any]], rows: int = 0) -> list[Any]:
    """Run tasks in threads, as many at once as there are cores, and return what they return, in order.

    Each computes in one thread, or in its share of the cores where it works on ``rows`` that are many: more threads
    would only wait for each other, and for long where the machine is busy.
    """
    from joblib import Parallel, cpu_count, delayed
    from threadpoolctl import ThreadpoolController

    threads, at_once = ThreadpoolController(), min(cpu_count(), len(tasks))
    each = cpu_count() // at_once if rows > MANY_ROWS else 1

    def run(task: Callable[[], Any]) -> Any:
        with threads.limit(limits=each, user_api="openmp"):  # a limit of the thread that sets it
            return task()

    with threads.limit(limits=each, user_api="blas"):  # one of the whole process
        return list(Parallel(n_jobs=at_once, prefer="threads")(delayed(run)(task) for task in tasks))


def two_at_once(do: Callable[..., Any], *given: Iterable[Any]) -> list[Any]:
    """Do the same with each of some columns, in two threads: sorting needs no lock of the interpreter."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(do, *given))
