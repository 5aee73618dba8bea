"""A table of cases is one test that hides nothing."""

from __future__ import annotations

import pytest
from walking import walked


@walked("a, b", [(1, 2), (2, 4), (3, 6)])
def test_a_table_walks_all_its_cases(a, b, tmp_path):
    assert b == 2 * a
    assert tmp_path.is_dir()  # fixtures come as they do elsewhere


def test_every_case_that_fails_is_named():
    seen = []

    def odd(n):
        seen.append(n)
        assert n % 2, f"{n} is even"
        with pytest.raises(ZeroDivisionError):
            _ = 1 / (n - 1)

    with pytest.raises(AssertionError) as lost:
        walked("n", [1, 2, 3])(odd)()
    assert seen == [1, 2, 3]
    assert "2 of 3 fail" in str(lost.value)
    assert "n=2: 2 is even" in str(lost.value)
    assert "n=3: DID NOT RAISE" in str(lost.value)
    with pytest.raises(AssertionError, match="without cases"):
        walked("n", [])(odd)
