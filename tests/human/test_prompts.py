"""`cogattn import` on a terminal, as a person meets it: a proposal, a question, answers, an end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.full

pty = pytest.importorskip("pty", reason="a terminal to talk to")
_ASKS = "Is that right? "
_PATIENCE = 120.0  # s until a prompt must be there


class Talk:
    """The command on a terminal of its own."""

    def __init__(self, folder, *words):
        self.ours, theirs = pty.openpty()
        code = "from cogattn.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "import", *words], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "100"}, close_fds=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, word=None):
        """What is said until it asks (or, without a word, until it ends)."""
        said, end = "", time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if not select.select([self.ours], [], [], 0.5)[0]:
                continue
            try:
                more = os.read(self.ours, 65536)
            except OSError:  # the other end is closed
                more = b""
            if not more:
                break
            said += more.decode("utf-8", "replace")
            if word is not None and said.endswith(word):
                break
        return said.replace("\r\n", "\n")

    def say(self, answer):
        os.write(self.ours, answer.encode())
        return self.until(_ASKS)

    def ended(self, answer):
        """The last words, and how it ended."""
        os.write(self.ours, answer.encode())
        return self.until(), self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)


@pytest.fixture
def talk(tmp_path):
    rng = np.random.default_rng(3)
    n = 80
    frame = pd.DataFrame({"subject": np.repeat(["a", "b"], n // 2), "kind": np.tile([7, 9], n // 2),
                          "ok": (rng.random(n) < 0.9).astype(int), "first_rt": 0.4 + rng.gamma(2, 0.05, n),
                          "rt": 0.9 + rng.gamma(2, 0.05, n)})  # fmt: skip
    frame.to_csv(tmp_path / "mine.csv", index=False)
    open_ones = []

    def start(*words):
        open_ones.append(Talk(tmp_path, "mine.csv", *words))
        return open_ones[-1]

    yield start
    for one in open_ones:
        one.close()


def test_answers_are_taken_one_after_the_other_and_kept(talk, tmp_path):
    """A wrong word is said in a line and asked again; columns, words and the task are told; yes ends it."""
    one = talk("--to", "trials.csv", "--save", "mine.toml")
    first = one.until(_ASKS)
    assert "Enter: yes. Else answers" in first
    assert "cogattn: column of mine.csv must be" in one.say("rt=nothing_like_it\n")
    said = one.say(
        "for=simon congruence=kind rt=first_rt correct=ok word:congruence:7=congruent,9=incongruent\n"
    )
    assert "It looks like simon: sure." in said
    assert "By condition:" in said
    last, code = one.ended("\n")
    assert code == 0
    assert "Recipe: mine.toml" in last
    frame = pd.read_csv(tmp_path / "trials.csv")
    assert sorted(frame["congruence"].unique()) == [-1, 1]
    assert frame["rt_s"].min() < 0.9  # the other time, as it was said
    assert 'rt = "first_rt"' in (tmp_path / "mine.toml").read_text()


def test_no_leaves_it_and_an_end_of_input_takes_it(talk, tmp_path):
    one = talk("--for", "simon", "--column", "congruence=kind", "--word", "congruence:7=congruent,9=incongruent",
               "--column", "correct=ok", "--to", "trials.csv")  # fmt: skip
    one.until(_ASKS)
    last, code = one.ended("no\n")
    assert code != 0
    assert "nothing was read: the proposal was not taken" in last
    assert "Traceback" not in last
    assert not (tmp_path / "trials.csv").exists()
