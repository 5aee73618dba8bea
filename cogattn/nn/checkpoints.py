"""Gradient checkpoints under a limit: what is computed again looks through the gate that it was computed under first.

A checkpoint runs a part of a network again in `backward()`, perhaps after the block of the limit, or in the block of
another one. Within `carried(again)` each function handed to `torch.utils.checkpoint` (transformers' gradient
checkpointing is that) takes its limit along: its recomputation enters `again()` first.

>>> from contextlib import nullcontext
>>> with carried(nullcontext):
...     in_recomputation()
False
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch.utils import checkpoint

from cogattn.errors import InputError

_here = threading.local()  # on a GPU a backward pass has a thread of its own


@contextmanager
def carried(again: Callable[[], AbstractContextManager[Any]]) -> Iterator[None]:
    """Within the block, functions under a checkpoint are computed again within `again()`, whenever that is."""
    torch_: Any = (
        checkpoint  # its two ways, looked up by name at each call of torch.utils.checkpoint.checkpoint
    )
    reentrant, other = torch_.CheckpointFunction, torch_._checkpoint_without_reentrant_generator

    class Reentrant:
        @staticmethod
        def apply(function: Callable[..., Any], *args: Any) -> Any:
            return reentrant.apply(_taking_along(function, again), *args)

    def generator(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return other(_taking_along(function, again), *args, **kwargs)

    try:
        torch_.CheckpointFunction, torch_._checkpoint_without_reentrant_generator = Reentrant, generator
        yield
    finally:
        torch_.CheckpointFunction, torch_._checkpoint_without_reentrant_generator = reentrant, other


def in_recomputation() -> bool:
    """Is this a call that took its limit along?"""
    return getattr(_here, "depth", 0) > 0


def refuse_strangers() -> None:
    """A limited layer is run by `backward()` of a pass that was made outside of the block: say so."""
    if torch.compiler.is_compiling() or in_recomputation():
        return
    if torch._C._current_graph_task_id() != -1:
        raise InputError(
            "backward() of a pass that was made outside of this limit computes a limited layer again: "
            "call backward() outside of the block"
        )


def _taking_along(
    function: Callable[..., Any], again: Callable[[], AbstractContextManager[Any]]
) -> Callable[..., Any]:
    def limited(*args: Any, **kwargs: Any) -> Any:
        if torch._C._current_graph_task_id() == -1:  # the first time: the block is there
            return function(*args, **kwargs)
        before = getattr(_here, "depth", 0)
        _here.depth = before + 1
        try:
            with again():
                return function(*args, **kwargs)
        finally:
            _here.depth = before

    return limited
