"""How many threads a network takes: one for each cell of a run, and as many as there are for parts that do not depend
on each other. Each sum is made by one thread, so it is the same on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_free = 1  # threads of this process that a network may use beside each other


@contextmanager
def one_thread_each(networks: bool) -> Iterator[None]:
    """Cells run beside each other, so a network takes one thread: faster, and the same sums on any machine. What it
    would have had is left to `beside`."""
    global _free
    if not networks:
        yield
        return
    import torch

    before, free = torch.get_num_threads(), _free
    torch.set_num_threads(1)
    _free = max(before, free)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _free = free


def beside(work: Callable[[Any], Any], parts: Iterable[Any]) -> list[Any]:
    """What `work` makes of each part, in their order; within `one_thread_each` several parts at a time.

    >>> beside(abs, [-2, 3])
    [2, 3]
    """
    if _free == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(_free) as pool:
        return list(pool.map(work, parts))
