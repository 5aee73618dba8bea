"""Live films: which frames are skipped, which answers come too late, what they cost; by a clock that the test moves."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simpy

import cogattn as ca
from cogattn import cli
from cogattn.errors import InputError
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.reports import live as realtime
from cogattn.runs import experiment
from cogattn.world.stream import Stimulus, TaskStream

FILM = '''
import numpy as np
from cogattn.mind.draws import uniforms
from cogattn.world.stream import Stimulus, Task, TaskStream
from cogattn.nn.networks.registry import PICTURE, TaskDesign


class Lamps:
    """Lamps on a board: `value` of them are lit, the first half red. All knows who looks; to look takes time."""

    name, gap, shot, patches = "lamps", 2.0, 0.4, 20
    design = TaskDesign("Lamps", "lit", (4.0, 8.0, 12.0), "lamps that are lit", "share of red lamps seen")
    glances, looks, spend = 0, (), staticmethod(lambda seconds: None)
    per_glance, per_patch = 0.001, 0.004

    def stream(self, value):
        lamps = tuple(Stimulus(f"p{s}", 0.0, mask=self.shot, task="watch") for s in range(self.patches))
        return TaskStream(lamps, end=self.shot + 0.1, tasks=(Task("watch"),))

    def show(self, value, keys):
        order = uniforms(np.asarray(keys)[:, None], 2, PICTURE + np.arange(self.patches)).argsort(1)
        out = np.full(order.shape, -np.inf)
        np.put_along_axis(out, order[:, : int(value)], np.arange(int(value)) < value / 2, 1)
        return out * self.gap

    def weigh(self, display):
        return display

    def answer(self, display, gate):
        red = display > 0
        seen = red if gate is None else red & gate.keep.numpy()
        return {"score": seen.sum(1) / red.sum(1)}

    def allocate(self, display, gate):
        return np.where(display > 0, 1.0, 0.0)

    def elements(self, display, row):
        return [str(x) for x in display[row]]

    def resized(self, patches):
        self.patches = patches
        return self

    def frame(self, display, time):
        return display[0], time

    def glance(self, frame):
        self.glances += 1
        self.spend(self.per_glance)
        return frame[0]

    def look(self, frame, index):
        index = np.arange(self.patches) if index is None else index
        self.looks += (tuple(index.tolist()),)
        self.spend(self.per_patch * len(index))
        return index

    def mark(self, display, answer):
        red = display[0] > 0
        return float(red[answer].sum() / red.sum())

    def glance_macs(self):
        return 7 * self.patches

    def look_macs(self, read):
        return 1000 * read + 5


def load(device):
    return Lamps()
'''


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "lamps.py"
    file.write_text(FILM)
    return str(file)


class Clock(simpy.Environment):
    """A wall clock that stands still but for what the network spends and what the film waits for."""

    real_start, factor = 100.0, 1.0

    def __init__(self):
        super().__init__()
        self.wall = self.real_start

    def sync(self):
        self.real_start = self.wall

    def step(self):
        self.wall = max(self.wall, self.real_start + self.peek())
        super().step()

    def read(self):
        return self.wall

    def spend(self, seconds):
        self.wall += seconds


def sat(path, arm, seconds=2.0, fps=25.0, deadline=None, *, glance=0.001, patch=0.004, **more):
    """One arm before the lamps, by a clock of the test's own."""
    network, plan = realtime.prepared(path, (arm,), seconds, fps, deadline, device="cpu", **more)
    clock = Clock()
    network.spend, network.per_glance, network.per_patch = clock.spend, glance, patch
    sitting = realtime.Sitting(plan, arm, network, clock, clock.read)
    clock.spend(5.0)  # what passes before it begins does not count
    sitting.run()
    return sitting


def frames(sitting):
    return realtime.Live(sitting.plan, sitting.network.design, sittings=[sitting]).frame


# --- the wall clock ----------------------------------------------------------------------------------------


def test_one_that_takes_three_frames_for_one_takes_every_third(path):
    """100 ms for a frame of 40 ms: frames 0, 3, 6 are taken, each answered 100 ms after its onset."""
    f = frames(sat(path, "softmax", seconds=1.0, patch=0.005))
    assert len(f) == 25
    assert f.index[~f["skipped"]].tolist() == list(range(0, 25, 3))
    assert f["latency"].dropna().to_numpy() == pytest.approx(0.1)
    assert f.loc[~f["skipped"], "missed"].all()
    assert not f.loc[f["skipped"], "missed"].any()
    late = f["late"].to_numpy().reshape(-1)
    assert late[1::3] == pytest.approx(0.06)  # the second frame's turn comes 60 ms late, the third's 20 ms
    assert late[2::3] == pytest.approx(0.02)


def test_a_little_too_slow_is_too_slow_for_every_other_frame(path):
    f = frames(sat(path, "softmax", seconds=1.0, patch=0.0021))  # 42 ms
    assert f.index[~f["skipped"]].tolist() == list(range(0, 25, 2))


def test_what_else_makes_the_film_late_counts_too(path):
    """A camera of 22 ms and a network of 10: late at first. Latency is from the onset, not from when work began."""
    network, plan = realtime.prepared(path, ("softmax",), 0.4, 25.0, 0.02, device="cpu")
    clock = Clock()
    network.spend, network.per_patch, film = clock.spend, 0.01 / 20, network.frame
    network.frame = lambda *x: clock.spend(0.022) or film(*x)
    sitting = realtime.Sitting(plan, "softmax", network, clock, clock.read)
    sitting.run()
    f = frames(sitting)
    assert not f["skipped"].any()
    assert f["late"].to_numpy() == pytest.approx([0.022, 0.014, 0.006] + [0] * 7, abs=1e-9)
    assert f["latency"].to_numpy() == pytest.approx([0.032, 0.024, 0.016] + [0.01] * 7)
    assert f["work"].to_numpy() == pytest.approx(0.01)
    assert f["missed"].tolist() == [True, True] + [False] * 8


def test_one_that_is_fast_takes_them_all(path):
    f = frames(sat(path, "softmax", seconds=1.0, patch=0.001))
    assert not f["skipped"].any()
    assert not f["missed"].any()
    assert f["latency"].to_numpy() == pytest.approx(0.02)
    assert f["late"].to_numpy() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("patch", "missed"), [(0.0019, 0), (0.0021, 25)])
def test_the_deadline_is_a_moment_of_its_own(path, patch, missed):
    """38 or 42 ms of work at a deadline of 40: too late, though with 10 frames a second none is skipped."""
    f = frames(sat(path, "softmax", seconds=2.5, fps=10, deadline=0.04, patch=patch))
    assert len(f) == 25
    assert (int(f["missed"].sum()), int(f["skipped"].sum())) == (missed, 0)


def test_an_answer_at_the_very_onset_of_a_frame_frees_the_network_for_it(path):
    f = frames(sat(path, "softmax", seconds=1.0, fps=16, patch=0.0625 / 16, patches=16))  # exact in binary
    assert not f["skipped"].any()
    assert not f["missed"].any()


@pytest.mark.parametrize("arm", realtime.ARMS)
def test_every_frame_is_accounted_for(path, arm):
    sitting = sat(path, arm, patch=0.006)
    f = frames(sitting)
    network = sitting.network
    assert len(f) == 50
    assert f["frame"].tolist() == list(range(50))
    assert len(network.looks) == int((~f["skipped"]).sum())
    assert sum(map(len, network.looks)) == f["read"].sum()
    assert f["macs"].sum() == network.glances * 140 + 1000 * f["read"].sum() + 5 * len(network.looks)
    unasked = int((f["skipped"] & (f["step"] == 0)).sum()) if arm in ("human", "random", "top") else 0
    assert network.glances == (
        0 if arm == "softmax" else len(network.looks) + unasked
    )  # at a cut the mind looks
    assert f.loc[f["skipped"], ["latency", "score"]].isna().all(axis=None)
    assert (f.loc[~f["skipped"], "latency"] >= f.loc[~f["skipped"], "work"] - 1e-12).all()


# --- who chooses ---------------------------------------------------------------------------------------------


def test_what_the_mind_holds_is_what_the_compiled_mind_holds(path):
    """Shot by shot, frame by frame: the elements in its store at each frame's onset."""
    observer = Observer(capacity=30.0, slots=3.4, threshold=0.02, alpha=0.3)
    sitting = sat(path, "human", observer=observer, seed=5)
    looks = sitting.network.looks
    assert not frames(sitting)["skipped"].any()
    for shot in range(5):
        display = sitting.network.show(8.0, sitting._keys("film", shot))
        lit = np.flatnonzero(np.isfinite(display[0]))
        w = race.weights_from_logits(display[0, lit], race.gain_for(observer.alpha, 2.0))
        board = TaskStream(tuple(Stimulus(str(x), mask=0.4) for x in lit), end=0.5)
        out = cohort.play(board, [observer], person=0, trial=[shot], seed=5, weights=w[None], details=True)
        for step in range(10):
            held = lit[out.element_times.encoded[0] < step / 25]
            assert set(looks[10 * shot + step]) == set(held.tolist())
    assert {len(x) for x in looks} == {0, 1, 2, 3, 4}


def test_equal_cost_is_equal_cost(path):
    """Random and top look at as many patches, frame by frame, as the mind holds; all of them lit."""
    human, random, top = (
        sat(path, arm, seconds=8.0, observer=Observer(alpha=0.5)) for arm in ("human", "random", "top")
    )
    for other in (random, top):
        assert frames(other)["read"].tolist() == frames(human)["read"].tolist()
        assert frames(other)["macs"].tolist() == frames(human)["macs"].tolist()
        pd.testing.assert_frame_equal(other.mind.events, human.mind.events, check_exact=True)
    score = [frames(s)["score"].mean() for s in (random, human, top)]
    assert score[0] < score[1] < score[2]


def test_random_draws_each_lit_lamp_equally_often(path):
    sitting = sat(path, "random", seconds=120.0)
    f = frames(sitting)
    full = f[f["step"] == 9]
    red = (
        full["score"].to_numpy() * 4 / full["read"].to_numpy()
    )  # of those drawn, how many are red: half of the lit
    assert red.mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(3 * len(red)))


def test_found_looks_at_what_is_lit_and_softmax_at_everything(path):
    found, soft = sat(path, "found", patch=0.001), sat(path, "softmax", patch=0.001)
    assert {len(x) for x in found.network.looks} == {8}
    assert {len(x) for x in soft.network.looks} == {20}
    assert (frames(found)["score"] == 1).all()
    assert soft.network.glances == 0
    assert found.mind.events.empty


def test_a_late_network_moves_no_event_of_the_mind(path):
    """What would be answered hangs on no clock: only which frames are skipped does."""
    quick, slow = sat(path, "human", patch=0.001), sat(path, "human", patch=0.05)
    assert not frames(quick)["skipped"].any()
    assert frames(slow)["skipped"].any()
    pd.testing.assert_frame_equal(quick.mind.events, slow.mind.events, check_exact=True)
    assert frames(quick)["held"].tolist() == frames(slow)["held"].tolist()
    taken = ~frames(slow)["skipped"]
    assert frames(quick)["score"][taken].tolist() == frames(slow)["score"][taken].tolist()


def test_another_seed_is_another_film(path):
    a, b = sat(path, "top", seed=1), sat(path, "top", seed=2)
    assert a.network.looks != b.network.looks
    assert a.network.looks == sat(path, "top", seed=1).network.looks


# --- the table -----------------------------------------------------------------------------------------------


def test_the_summary_is_that_of_its_frames(path):
    sitting = sat(path, "human", patch=0.02, deadline=0.05)
    done = realtime.Live(sitting.plan, sitting.network.design, sittings=[sitting])
    f, (row,) = done.frame, done.table().to_dict("records")
    good = f[~f["skipped"] & ~f["missed"]]
    assert (row["frames"], row["skipped"], row["missed"]) == (50, f["skipped"].sum(), f["missed"].sum())
    assert row["skipped"] > 0 < row["missed"]
    assert row["in_time"] == pytest.approx(good["score"].sum() / 50)
    assert row["score"] == pytest.approx(f["score"].dropna().mean())
    assert row["p90_ms"] == pytest.approx(1000 * np.quantile(f["latency"].dropna(), 0.9))
    assert row["gmacs"] == pytest.approx(f["macs"][~f["skipped"]].mean() / 1e9)
    assert row["in_time"] < row["score"]
    assert str(row["skipped"]) in done.findings()[0]


def test_in_time_is_what_simulated_time_says(path):
    """Where no frame is skipped, the live score of a shot's last frame is that of the same task in simulated time."""
    live = frames(sat(path, "human", seconds=160.0))
    last = live.query("step == 9")["score"]
    mind = Observer()
    alone = experiment.run("own_task", "human", path, people=1, trials=400, observer=mind, seed=1).frame
    alone = alone[alone["lit"] == 8]["score"]
    spread = math.hypot(last.std() / math.sqrt(len(last)), alone.std() / math.sqrt(len(alone)))
    assert last.mean() == pytest.approx(alone.mean(), abs=4 * spread + 0.02)


# --- a real clock, a real folder -------------------------------------------------------------------------------


def test_by_the_real_clock(path, tmp_path):
    """Loose on purpose: a busy machine may be late, but never early, and no frame is lost."""
    ticks = []
    start = time.monotonic()
    done = ca.live(
        path, ("human", "softmax"), 0.5, 20, device="cpu", out=tmp_path, progress=lambda *n: ticks.append(n)
    )
    assert time.monotonic() - start >= 2 * 0.45  # the last frame's onset, twice
    f = done.frame
    assert (len(f), ticks[-1], done.stopped) == (20, (20, 20), False)
    assert (f["latency"].dropna() > 0).all()
    assert (f["late"] >= 0).all()
    assert f["latency"].notna().sum() + f["skipped"].sum() == 20
    assert done.machine["all"] > 0
    files = {str(p.relative_to(done.folder)) for p in done.folder.rglob("*.*")}
    assert {
        "config.toml",
        "frames.csv.gz",
        "summary.csv",
        "findings.txt",
        "done.json",
        "figures/live.png",
    } <= files
    assert json.loads((done.folder / "provenance.json").read_text())["status"] == "done"
    pd.testing.assert_frame_equal(pd.read_csv(done.folder / "summary.csv"), done.table(), check_dtype=False)


@pytest.mark.full
def test_ctrl_c_leaves_what_was_shown(path, tmp_path, monkeypatch, capsys):
    """In the second arm, at its seventh frame."""
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def pressed(what):
        def tick(done, total):
            if done == 17:
                raise KeyboardInterrupt

        yield tick

    monkeypatch.setattr("cogattn.cli.experiments.progress", pressed)
    with pytest.raises(SystemExit) as stop:
        cli.main(["live", "--model", path, "--arms", "human,top", "--seconds", "0.2", "--fps", "50"])
    _, err = capsys.readouterr()
    assert stop.value.code == 130
    assert "the frames that were shown are kept" in err
    folder = next(Path("results/live").iterdir())
    assert len(pd.read_csv(folder / "frames.csv.gz")) == 17
    assert pd.read_csv(folder / "summary.csv")["frames"].tolist() == [10, 7]
    assert json.loads((folder / "provenance.json").read_text())["status"] == "stopped"
    assert not (folder / "done.json").exists()


@pytest.mark.full
def test_the_command_prints_a_table_or_json(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tokens = [
        "live",
        "--model",
        path,
        "--arms",
        "found",
        "--seconds",
        "0.1",
        "--value",
        "4",
        "--patches",
        "9",
    ]
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as stop:
            cli.main([*tokens, *more])
        assert stop.value.code == 0
    out, _ = capsys.readouterr()
    assert "for all 9" in out
    (row,) = json.loads(out[out.rindex("[") :])
    assert (row["arm"], row["frames"]) == ("found", 2)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"arms": ("human", "human")}, "each once"),
        ({"arms": ()}, "at least one arm"),
        ({"arms": "slots"}, "arm must be one of human, softmax"),
        ({"seconds": 0}, "seconds must be > 0"),
        ({"fps": -1}, "fps must be > 0"),
        ({"deadline": 0}, "deadline must be > 0"),
        ({"patches": 257}, "patches must be a whole number from 1 to 256"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"value": "many"}, "value must be a number"),
        ({"observer": 3}, "observer must be an Observer"),
        ({"model": "digit_reader"}, "reads displays"),
        ({"model": "nobody"}, "model must be one of"),
    ],
)
def test_a_mistake_is_one_line(path, more, word, tmp_path):
    with pytest.raises(InputError, match=word) as error:
        ca.live(**{"model": path, "device": "cpu", "out": tmp_path / "out"} | more)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_specialist_that_cannot_watch_is_turned_away(path, tmp_path):
    file = tmp_path / "blind.py"
    file.write_text(FILM.replace("def glance(", "def glimpse(").replace("shot, patches = ", "shot, patch = "))
    with pytest.raises(
        InputError, match="lamps cannot watch a film, it lacks patches, glance: take live_watcher"
    ):
        ca.live(str(file), device="cpu")
