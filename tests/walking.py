"""Tables of cases that are one test: it walks them all, and names every one that failed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def walked(
    names: str | tuple[str, ...], cases: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """In the place of `pytest.mark.parametrize`, where the cases are many and each takes no time: refusals, names.

    @walked("value", [None, -1])
    def test_no_such_capacity(value): ...
    """
    names = tuple(n.strip() for n in names.split(",")) if isinstance(names, str) else tuple(names)
    cases = list(cases)
    assert cases, f"a table of {names} without cases would pass for ever"

    def over(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def walk(**fixtures: Any) -> None:
            lost = []
            for case in cases:
                given = dict(zip(names, case if len(names) > 1 else (case,), strict=True))
                try:
                    test(**given, **fixtures)
                except (Exception, pytest.fail.Exception) as error:  # an error is a failure as well
                    text = str(error) or type(error).__name__
                    lost.append(f"{', '.join(f'{k}={v!r}' for k, v in given.items())}: {text}")
            assert not lost, f"{len(lost)} of {len(cases)} fail:\n" + "\n".join(lost[:20])

        kept = [p for name, p in inspect.signature(test).parameters.items() if name not in names]
        walk.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        return walk

    return over
