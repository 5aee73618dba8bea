"""Compiled code: another folder for another law, and one compilation for all who want it at once."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from threading import Barrier, Thread
from typing import ClassVar

import pytest
from filelock import FileLock
from numba.core import event

from cogattn import compiled


@pytest.mark.parametrize("changed", ["laws/stages.py", "mind/race.py", "world/kinds.py", "parameters.py"])
def test_a_compiled_loop_does_not_outlive_a_change_of_the_mind(tmp_path, monkeypatch, changed):
    """A changed law is another folder of compiled code, whoever says where such folders are."""
    package = tmp_path / "cogattn"
    for name in ("laws/stages.py", "mind/race.py", "world/kinds.py", "parameters.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("a = 1")
    monkeypatch.setattr(compiled, "_PACKAGE", package)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def place():
        compiled.version.cache_clear(), compiled.folder.cache_clear()
        return compiled.folder()

    try:
        before = place()
        assert place() == before
        assert before.parent == tmp_path / "cache"
        (package / changed).write_text("a = 2")
        assert place() != before
        assert before.is_dir(), "nothing is deleted"
    finally:
        monkeypatch.undo()
        compiled.version.cache_clear(), compiled.folder.cache_clear()


def test_a_changed_likelihood_leaves_the_minds_code_alone(tmp_path, monkeypatch):
    """A fit holds copies of laws, a run of people holds none of a fit: nothing that plays is compiled anew for it."""
    package = tmp_path / "cogattn"
    for name in ("laws/stages.py", "tune/densities.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("a = 1")
    monkeypatch.setattr(compiled, "_PACKAGE", package)

    def versions():
        compiled.version.cache_clear()
        return compiled.version(), compiled.version("tune")

    try:
        before = versions()
        (package / "tune/densities.py").write_text("a = 2")
        after = versions()
        assert after[0] == before[0]
        assert after[1] != before[1]
        (package / "laws/stages.py").write_text("a = 2")
        last = versions()
        assert last[0] != after[0]
        assert last[1] != after[1]
    finally:
        monkeypatch.undo()
        compiled.version.cache_clear()


@pytest.fixture
def nothing_kept(tmp_path, monkeypatch):
    """Compiled code is looked for in a folder where there is none: what is tried here is compiled in each run."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled.version.cache_clear(), compiled.folder.cache_clear()
    yield
    monkeypatch.undo()
    compiled.version.cache_clear(), compiled.folder.cache_clear()


def test_what_is_called_with_one_number_and_another_is_compiled_once(nothing_kept):
    """numba takes a number that is written in the code for a type of its own."""

    @compiled.compiled(inner=True)
    def plus(x, n):
        return x + n

    @compiled.compiled
    def plus_three(x):
        return plus(plus(x, 1), 2)

    assert plus_three(4) == 7
    assert len(plus.signatures) == 1


def test_nothing_is_swept_while_it_compiles(nothing_kept):
    class Looks(event.Listener):
        swept: ClassVar[list[bool]] = []

        def on_start(self, what):
            self.swept.append(gc.isenabled())

        def on_end(self, what):
            pass

    looks = Looks()
    with event.install_listener("numba:compile", looks):
        assert compiled.compiled(lambda x: x + 3)(1) == 4
        gc.disable()
        try:
            assert compiled.compiled(lambda x: x + 4)(1) == 5
            assert not gc.isenabled()
        finally:
            gc.enable()
    assert looks.swept == [False, False]


ONCE = """
import time
from filelock import FileLock
from numba.core import event
from cogattn import compiled
from cogattn.laws.alertness import later

class Slow(event.Listener):
    made = 0
    def on_start(self, what):
        time.sleep(1.0)
    def on_end(self, what):
        self.made += 1

slow = Slow()
event.register("numba:compile", slow)
before = compiled.spent()
later(0.3, 3.0, 0.5)
print(slow.made, compiled.spent() - before > 1.0)
"""


@pytest.mark.full
def test_of_two_processes_one_compiles_and_the_other_waits(tmp_path):
    """`laws.alertness.later`, which calls another law: a lock is taken within a lock."""
    words = [sys.executable, "-c", ONCE]
    room = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=room) for _ in range(2)]
    told = sorted(process.communicate(timeout=120)[0].split() for process in both)
    assert told[0] == ["0", "False"]
    assert int(told[1][0]) > 1
    assert told[1][1] == "True"


def test_without_a_lock_it_compiles_all_the_same(tmp_path, monkeypatch):
    class Locked:
        def __init__(self, room, process):
            pass

        def acquire(self):
            raise OSError("no locks on this disk")

    monkeypatch.setattr(compiled, "_lock", Locked)
    asked = compiled.compiled(lambda x: x + 1)
    assert asked(1) == 2
    assert asked(1.5) == 2.5


def test_threads_that_want_the_same_leave_no_lock_behind(monkeypatch, tmp_path):
    """One thread gives back what another took: else whoever compiles next waits in vain, five minutes each time."""
    monkeypatch.setattr(compiled, "folder", lambda _: tmp_path)
    monkeypatch.setattr(compiled, "_PATIENCE", 0.2)
    compiled._lock.cache_clear()
    asked = [compiled.compiled(lambda x, i=i: x + i) for i in range(12)]
    barrier, found = Barrier(6), []

    def ask():
        for one in asked:
            barrier.wait()
            found.append(one(1))

    threads = [Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(6 * [1 + i for i in range(12)])
    with FileLock(tmp_path / "lock", timeout=0.0):  # it can be taken
        pass
    compiled._lock.cache_clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_process_that_was_forked_compiles_too(monkeypatch, tmp_path):
    """A lock that its parent has made cannot be taken in a child."""
    monkeypatch.setattr(compiled, "folder", lambda _: tmp_path)
    compiled._lock.cache_clear()
    asked = compiled.compiled(lambda x: x + 1)
    assert asked(1) == 2
    child = os.fork()
    if not child:
        code = 1
        try:
            code = int(asked(1.5) != 2.5)  # of another kind: compiled anew
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    compiled._lock.cache_clear()
