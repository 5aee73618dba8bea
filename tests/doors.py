"""What the tests of paradigms ask of each of them."""

from __future__ import annotations

import pytest

from cogattn import paradigms
from cogattn.errors import InputError


def refused(make, word):
    """It is refused, in one line, by a message that holds this word."""
    with pytest.raises(InputError) as error:
        make()
    assert word in str(error.value)
    assert "\n" not in str(error.value)


def comes_back(name):
    """A paradigm's options are plain values that make it again."""
    task = paradigms.get(name)(trials=7)
    assert paradigms.make(name, task.options()) == task


def adds_up(frame):
    """What arrived is accounted for."""
    assert (frame["arrived"] == frame["answered"] + frame["missed"] + frame["censored"]).all()
    assert (frame["score"] <= frame["arrived"]).all()
