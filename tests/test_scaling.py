"""Who does the work changes no number, and a worker's death loses none."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from cogattn import cli, paradigms, run
from cogattn.errors import InputError, RunError
from cogattn.runs import experiment
from cogattn.runs import workers as scaling
from cogattn.runs.workers import Piece, finish, workers

SMALL = {"people": 3, "trials": 4, "seed": 5}
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
clustered = pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cluster")


def whole(n=6):
    return paradigms.get("whole_report")(exposures=tuple(0.02 * (i + 1) for i in range(n)))


@pytest.fixture
def at_once(monkeypatch):
    """Processes are started without trying alone first."""
    monkeypatch.setattr(scaling, "PATIENCE", 0.0)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine; their scheduler's address."""
    import dask
    from distributed import LocalCluster

    quiet = {"distributed.scheduler.allowed-failures": 1}  # a piece may kill one worker, not two
    with (
        dask.config.set(quiet),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as made,
    ):
        yield made


def here():
    """Which process plays."""
    return pd.DataFrame({"pid": [os.getpid()]})


def slowly():
    """So does this, for a fifth of a second."""
    time.sleep(0.2)
    return here()


# --- processes of this machine ---


def test_processes_play_the_same_numbers(at_once):
    alone = run("simple_rt", people=3, seed=5).frame
    pd.testing.assert_frame_equal(run("simple_rt", people=3, seed=5, n_jobs=2).frame, alone, check_exact=True)


def test_they_are_other_processes_and_start_only_when_it_takes_long(monkeypatch):
    pieces = [Piece(str(i), here, 1) for i in range(4)]
    assert {f["pid"].item() for f in finish(pieces, n_jobs=2)} == {os.getpid()}
    monkeypatch.setattr(scaling, "PATIENCE", 0.0)
    assert os.getpid() not in {f["pid"].item() for f in finish(pieces, n_jobs=2)}


def test_compiling_is_no_work_that_starts_processes(monkeypatch):
    """All of the time since the start went into compiling: it plays on alone."""
    monkeypatch.setattr(scaling, "PATIENCE", 0.1)
    pieces = [Piece(str(i), slowly, 1) for i in range(4)]
    monkeypatch.setattr(scaling.compiled, "spent", time.monotonic)
    assert {f["pid"].item() for f in finish(pieces, n_jobs=2)} == {os.getpid()}
    monkeypatch.setattr(scaling.compiled, "spent", lambda: 0.0)
    # it would save less than a start takes
    assert {f["pid"].item() for f in finish(pieces, n_jobs=2)} == {os.getpid()}
    monkeypatch.setattr(scaling, "_START", 0.0)
    assert len({f["pid"].item() for f in finish(pieces, n_jobs=2)}) > 1


@pytest.mark.full
def test_a_users_own_network_is_found_from_any_folder(at_once, tmp_path, monkeypatch):
    for suffix in (".py", ".safetensors"):
        shutil.copy(
            Path(__file__).parents[1] / "models" / f"digit_reader{suffix}", tmp_path / f"mine{suffix}"
        )
    monkeypatch.chdir(tmp_path)
    frames = [run(whole(2), model="mine.py", n_jobs=n, people=2, trials=2).frame for n in (1, 2)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert set(frames[1]["model"]) == {"mine.py"}


@pytest.mark.full
@posix
def test_a_killed_process_is_one_line_and_what_was_finished_is_kept(at_once, tmp_path, monkeypatch):
    """The fifth cell's process is killed; --resume goes on to the numbers of an undisturbed run."""
    real, cells = scaling._numbered, []

    def deadly(i, work):
        if i == 4:
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(i, work)

    monkeypatch.setattr(scaling, "_numbered", deadly)
    with pytest.raises(RunError, match=r"a worker was killed .* --resume goes on") as error:
        run(whole(), n_jobs=2, out=tmp_path, progress=lambda n, _: cells.append(n), **SMALL)
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    folder = next((tmp_path / "whole_report").iterdir())
    kept = list((folder / "parts").glob("*.parquet"))
    assert len(kept) == len(cells) >= 1
    again = run(whole(), out=tmp_path, resume=True, **SMALL)
    pd.testing.assert_frame_equal(again.frame, run(whole(), **SMALL).frame, check_exact=True)


# --- a cluster ---


@clustered
def test_what_a_worker_says_is_the_users_one_line(cluster):
    with workers("dask", cluster.scheduler_address), pytest.raises(InputError, match="people must be"):
        finish([Piece("bad", partial(run, "whole_report", people=0), 1)])


@clustered
def test_a_worker_of_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(experiment, "version", lambda room: "of another day")
    with (
        workers("dask", cluster.scheduler_address),
        pytest.raises(RunError, match="another version of cogattn"),
    ):
        run(whole(1), **SMALL)


@pytest.mark.full
@clustered
def test_the_command_line_hires_a_cluster(cluster, tmp_path, capsys):
    words = ["run", "whole_report", "--people", "2", "--trials", "2", "--out", str(tmp_path), "--json"]
    tables = []
    for more in ([], ["--backend", "dask", "--scheduler", cluster.scheduler_address]):
        with pytest.raises(SystemExit) as stop:
            cli.main([*words, *more])
        assert stop.value.code == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]


@pytest.mark.full
@clustered
@posix
def test_a_killed_worker_of_a_cluster_loses_nothing(cluster, tmp_path):
    """Killed while it plays, in mid-run: its cell goes to the other worker."""
    victim = next(iter(cluster.workers.values())).process.pid

    def tick(done, _):
        if done == 2:
            os.kill(victim, signal.SIGKILL)

    with workers("dask", cluster.scheduler_address):
        done = run(whole(), out=tmp_path, progress=tick, **SMALL)
    pd.testing.assert_frame_equal(done.frame, run(whole(), **SMALL).frame, check_exact=True)
    assert len(list((done.folder / "parts").glob("*.parquet"))) == 12
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)


@pytest.mark.full
@clustered
@posix
def test_a_piece_that_kills_every_worker_is_an_error_and_not_a_silence(cluster):
    deadly = partial(signal.raise_signal, signal.SIGKILL)
    with (
        workers("dask", cluster.scheduler_address),
        pytest.raises(RunError, match="several workers died at the same piece"),
    ):
        finish([Piece("good", pd.DataFrame, 0), Piece("bad", deadly, 1)])


@clustered
def test_a_scheduler_without_workers_is_named(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(scaling, "_WAIT", 0.3)
    with (
        LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        workers("dask", empty.scheduler_address),
        pytest.raises(RunError, match=r"had no worker in 0.3 s: start some with `dask worker tcp://"),
    ):
        finish([Piece("x", here, 1)])


@clustered
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://1:2"])
def test_a_scheduler_out_of_reach_is_one_line(monkeypatch, address):
    monkeypatch.setattr(scaling, "_REACH", 0.5)
    with (
        pytest.raises(InputError, match="cannot reach a Dask scheduler at") as error,
        workers("dask", address),
    ):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("backend", "scheduler", "word"),
    [
        ("dask", None, "go together"),
        ("loky", "tcp://x:1", "go together"),
        ("slurm", None, "backend must be one of"),
    ],
)
def test_backend_and_scheduler_are_checked(backend, scheduler, word):
    with pytest.raises(InputError, match=word), workers(backend, scheduler):
        pass


@pytest.mark.full
def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'cogattn\[cluster\]'"), workers("dask", "tcp://x:1"):
        pass
