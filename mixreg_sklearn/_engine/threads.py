"""A function of many items, in threads, with results in order."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context


def in_order(function, items, n_jobs):
    """Yield ``function(item)`` for every item of a list, in their order.

    With several threads, few results wait to be taken, however many items there are.
    """
    if n_jobs == 1 or len(items) == 1:
        yield from map(function, items)
        return
    # numpy's error state belongs to the context of a thread.
    context = copy_context()
    with ThreadPoolExecutor(n_jobs) as pool:
        waiting = []
        for item in items:
            waiting.append(pool.submit(context.copy().run, function, item))
            if len(waiting) > 4 * n_jobs:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
