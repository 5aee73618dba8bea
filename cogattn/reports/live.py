"""A film at the pace of the wall clock: which patches of which frames are looked at, so that a deadline holds.

A mind lives in SimPy's real-time environment and watches the film. At a cut a glance at the whole frame (cheap) says
what is there and how much it asks for attention; that is the mind's race, and what it holds when a frame comes is what
the network looks at (costly). The arms differ by who chooses, and from how much:

    human     what the mind holds                       random  as many as the mind holds, of what is there, by lot
    softmax   every patch: no gate, and no glance       top     as many as the mind holds: the largest logits
    found     whatever is there

While the network works no frame is taken: one that comes then is skipped. An answer's latency is from the frame's
onset, by the wall clock; one that comes after the deadline is too late, and counts as little as none. What the mind
holds at each frame is the same on every machine (nominal time, `mind.world`); which are skipped, and when, is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import simpy
from simpy.rt import RealtimeEnvironment

from cogattn import files, notebook
from cogattn._renamed import old_fields, old_names
from cogattn.errors import InputError, choice, doors, number, shown, whole
from cogattn.laws import race
from cogattn.mind.draws import LAYOUT, seed_of, trial_keys, uniforms
from cogattn.mind.world import Mind
from cogattn.nn.networks.registry import Keys, Specialist, TaskDesign, find_specialist, fingerprint
from cogattn.nn.networks.threads import one_thread_each
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.runs import trials as results
from cogattn.runs.experiment import run_folder
from cogattn.view import plot
from cogattn.view.plot import Pen
from cogattn.view.result import Files, Result
from cogattn.world.stream import MOST_ELEMENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ARMS = ("human", "softmax", "random", "top", "found")
_BY_MIND = ("human", "random", "top")  # how many are looked at is the mind's
_WARM = range(9)  # so many patches at a time are looked at before it counts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Watcher(Specialist, Protocol):
    """A specialist that also takes its task as a film, frame by frame. S patches; plain arrays in and out."""

    patches: int  #: of a frame
    shot: float  #: from one cut to the next, s

    def resized(self, patches: int) -> Watcher:
        """The same network before frames of so many patches."""

    def frame(self, display: Any, time: float) -> Any:
        """What reaches the eye `time` s after the cut; `display` is `show` of one key."""

    def glance(self, frame: Any) -> Floats:
        """Attention logit per patch (S,), cheaply; -inf where nothing is."""

    def look(self, frame: Any, index: Ints | None) -> Any:
        """The answer from a close look at these patches alone (None: all)."""

    def mark(self, display: Any, answer: Any) -> float:
        """The answer's score, as the task measures it."""

    def glance_macs(self) -> int:
        """Multiply-accumulates of a glance."""

    def look_macs(self, read: int) -> int:
        """Multiply-accumulates of a close look at so many patches, and of the answer."""


@dataclass(frozen=True)
class LivePlan:
    """Everything that decides a live run but the machine."""

    model: str
    arms: tuple[str, ...]
    seconds: float
    fps: float
    deadline: float
    value: float  #: of what the network's task varies
    patches: int
    seed: int
    observer: Observer

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return max(1, round(self.seconds * self.fps))

    def config(self) -> dict[str, Any]:
        """As plain values, for config.toml."""
        own = {k: v for k, v in vars(self).items() if k not in ("arms", "observer")}
        arms = {"arms": list(self.arms), "model_sha256": fingerprint(self.model)}
        return own | arms | {"observer": self.observer.to_dict()}


def live(
    model: str = "live_watcher",
    arms: str | Sequence[str] = ARMS,
    seconds: float = 10.0,
    fps: float = 25.0,
    deadline: float | None = None,
    *,
    value: float | None = None,
    patches: int | None = None,
    seed: int = 0,
    device: str = "auto",
    observer: Observer | None = None,
    out: str | Path | None = None,
    progress: Progress | bool | None = None,
) -> Live:
    """Show a network a film at `fps` frames/s, once per arm; each takes `seconds` by the wall clock.

    `deadline`: an answer's latest time after its frame's onset, s (default: when the next frame comes). `value`: of
    what the network's task varies (default: the middle one); `patches`: of a frame, the load. One core computes.
    Ctrl-C ends it: what was shown until then is the result, and `stopped` says so.

    >>> seen = live(arms=("softmax",), seconds=0.2, fps=10.0)
    >>> seen.table()["arm"].tolist()
    ['softmax']
    """
    more: Any = {"value": value, "patches": patches, "seed": seed, "device": device, "observer": observer}
    network, plan = prepared(model, arms, seconds, fps, deadline, **more)
    folder = None if out is None else run_folder(Path(out), "live", plan.config(), resume=False)
    history = results.provenance(seed, str(getattr(network, "device", "cpu")), 1)
    done = Live(plan, network.design, provenance=history, folder=folder)
    try:
        with one_thread_each(True):
            done.play(network, notebook.ticker(progress, "live"))
    except KeyboardInterrupt:
        done.stopped = True
    if folder is not None:
        done.save(folder)
    return done


def prepared(
    model: str,
    arms: str | Sequence[str],
    seconds: float,
    fps: float,
    deadline: float | None = None,
    *,
    value: float | None = None,
    patches: int | None = None,
    seed: int = 0,
    device: str = "auto",
    observer: Observer | None = None,
) -> tuple[Watcher, LivePlan]:
    """The network and the plan of `live`, every argument checked."""
    network = _watcher(model, device)
    arms = (arms,) if isinstance(arms, str) else tuple(arms)
    for arm in arms:
        choice("arm", arm, ARMS)
    if not arms or len(set(arms)) < len(arms):
        raise InputError(f"arms must name at least one arm, and each once, got {arms}")
    seconds = number("seconds", seconds, above=0, most=86400, unit="s")
    fps = number("fps", fps, above=0, most=1000)
    deadline = 1 / fps if deadline is None else number("deadline", deadline, above=0, most=3600, unit="s")
    values = network.design.values
    value = values[len(values) // 2] if value is None else number("value", value)
    patches = network.patches if patches is None else whole("patches", patches, least=1, most=MOST_ELEMENTS)
    seed = whole("seed", seed, most=2**63 - 1)
    if observer is not None and not isinstance(observer, Observer):
        raise InputError(f"observer must be Observer(...), got {shown(observer)}")
    network = network.resized(patches)
    network.show(value, trial_keys(seed, 0, [0]))  # refuses now what it cannot show
    mind = observer or Observer()
    return network, LivePlan(model, arms, seconds, fps, deadline, value, patches, seed, mind)


def _watcher(model: str, device: str) -> Watcher:
    """The specialist of that name, if it can watch a film."""
    network: Any = find_specialist(model, device)
    words = ("patches", "shot", "resized", "frame", "glance", "look", "mark", "glance_macs", "look_macs")
    missing = [word for word in words if not hasattr(network, word)]
    if missing:
        raise InputError(
            f"{network.name} cannot watch a film, it lacks {', '.join(missing)}: take live_watcher"
        )
    watcher: Watcher = network
    return watcher


class Sitting:
    """One arm before the film. `now` is the wall clock that `env` waits for."""

    def __init__(
        self,
        plan: LivePlan,
        arm: str,
        network: Watcher,
        env: RealtimeEnvironment,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.plan, self.arm, self.network, self.env, self.now = plan, arm, network, env, now
        self.task = network.stream(plan.value).tasks[0]
        self.mind = Mind(env, plan.observer, seed=plan.seed, tasks=(self.task,))
        self.rows: list[dict[str, Any]] = []
        self.free = -math.inf  # when the network was done with the frame before, by the wall clock
        self.lot: Floats = np.zeros(0)  # of each patch, in this shot: the largest are drawn
        self.steps = max(1, round(network.shot * plan.fps))  # frames of a shot

    def run(self, tick: Callable[[int], Any] | None = None) -> None:
        """The whole film, as long as it lasts."""
        self.env.sync()
        if self.arm in _BY_MIND:
            self.mind.work(self.task.load, self.task.memory_load)
        self.env.run(until=self.env.process(self._film(tick)))

    def _film(self, tick: Callable[[int], Any] | None) -> Generator[Any, Any, None]:
        fps = self.plan.fps
        for n in range(self.plan.frames):
            shot, step = divmod(n, self.steps)
            if step == 0:
                display = self.network.show(self.plan.value, self._keys("film", shot))
            frame = self.network.frame(display, step / fps)  # ready before its time: the camera's work
            yield self.env.timeout(max(0.0, n / fps - self.env.now))
            start = self.now()
            logit = self._cut(shot, frame) if step == 0 else None
            row = {"arm": self.arm, "frame": n, "shot": shot, "step": step, "onset": n / fps}
            self.rows.append(row | self._take(n / fps, start, display, frame, logit))
            if tick is not None:
                tick(len(self.rows))

    def _keys(self, what: str, shot: int) -> Keys:
        """The address of a shot's chances, of this kind."""
        return trial_keys(seed_of(self.plan.seed, "live", what), 0, [shot])

    def _cut(self, shot: int, frame: Any) -> Floats | None:
        """All is new. A mind gets at a glance what is there and what it weighs, even while the network works."""
        if self.arm not in _BY_MIND:
            return None
        self.lot = uniforms(self._keys("random", shot), LAYOUT, np.arange(self.plan.patches))
        self.mind.fresh(shot)
        logit = self.network.glance(frame)
        gain = race.gain_for(self.plan.observer.alpha, self.network.gap)
        weights = race.weights_from_logits(logit, gain)
        for x in _there(logit):
            self.mind.show(str(x), float(weights[x]))
        return logit

    def _take(
        self, at: float, start: float, display: Any, frame: Any, logit: Floats | None
    ) -> dict[str, Any]:
        """One frame, its turn came at `start`: skipped, or looked at and answered. `logit`: if it was glanced at."""
        onset = self.env.real_start + self.env.factor * at
        held = np.array([int(x) for x in self.mind.stored], np.int64)
        row = {"late": start - onset, "held": len(held), "alertness": self.mind.alertness}
        skipped, glanced = onset < self.free, logit is not None
        if not skipped and not glanced and self.arm != "softmax":
            logit, glanced = self.network.glance(frame), True
        macs = self.network.glance_macs() if glanced else 0
        if skipped:
            return row | {"skipped": True, "missed": False, "read": 0, "macs": macs}
        index = None if logit is None else self.chosen(logit, held)
        answer = self.network.look(frame, index)
        self.free = self.now()
        read = self.plan.patches if index is None else len(index)
        return row | {
            "skipped": False,
            "missed": self.free - onset > self.plan.deadline,
            "latency": self.free - onset,
            "work": self.free - start,
            "read": read,
            "macs": macs + self.network.look_macs(read),
            "score": self.network.mark(display, answer),
        }

    def chosen(self, logit: Floats, held: Ints) -> Ints:
        """The patches that this arm looks at, after a glance."""
        there = _there(logit)
        order = {"random": -self.lot, "top": -logit}.get(self.arm)
        if order is not None:
            return there[np.argsort(order[there], kind="stable")[: len(held)]]
        return there if self.arm == "found" else held

    def warm_up(self) -> dict[str, float]:
        """What the machine can do: s for a glance, and for a close look at one patch and at all of them.

        What is slow only once (a kernel that is chosen, a function that is compiled) is then over.
        """
        network, plan = self.network, self.plan
        _rehearse(plan.observer)
        frame = network.frame(network.show(plan.value, self._keys("film", 0)), 0.0)
        found = len(_there(network.glance(frame)))
        for n in {*_WARM, found} & set(range(plan.patches)):
            network.look(frame, np.arange(n))
        return {
            "glance": self._median(lambda: network.glance(frame)),
            "one": self._median(lambda: network.look(frame, np.arange(1))),
            "all": self._median(lambda: network.look(frame, None)),
        }

    def _median(self, act: Callable[[], object]) -> float:
        """Wall-clock time of an act, s."""
        times = []
        for _ in range(5):
            start = self.now()
            act()
            times.append(self.now() - start)
        return float(np.median(times))


COLUMNS = (
    "arm", "frame", "shot", "step", "onset", "late", "skipped", "missed", "latency", "work", "held", "read", "macs",
    "score", "alertness",
)  # fmt: skip


def _rehearse(observer: Observer) -> None:
    """A mind goes through all that one will have to go through."""
    mind = Mind(simpy.Environment(), observer)
    mind.work(1.0)
    mind.fresh(1)
    mind.show("anything")
    mind.env.run(until=mind.alertness)


def _there(logit: Floats) -> Ints:
    """The patches that hold anything."""
    return np.flatnonzero(np.isfinite(logit))


@old_fields(screening="plan")
@dataclass
class Live(Result):
    """What came of it: `frame` has a row per frame and arm."""

    plan: LivePlan
    design: TaskDesign
    provenance: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    sittings: list[Sitting] = field(default_factory=list)
    machine: dict[str, float] = field(default_factory=dict)  #: what it can do, s: `Sitting.warm_up`
    stopped: bool = False  #: by hand, before the end

    def play(self, network: Watcher, progress: Progress | None = None) -> None:
        """Every arm sees the film, one after the other."""
        total = len(self.plan.arms) * self.plan.frames
        for arm in self.plan.arms:
            before = len(self.frame)

            def tick(n: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + n, total)

            sitting = Sitting(self.plan, arm, network, RealtimeEnvironment(strict=False))
            self.machine = sitting.warm_up()
            self.sittings.append(sitting)
            sitting.run(tick)

    @property
    def frame(self) -> pd.DataFrame:
        """Times in s. `late`: the wall clock behind the film when the frame's turn came; `held`: by the mind; `read`:
        patches looked at closely; `score`: of an answer, whenever it came."""
        rows = [row for sitting in self.sittings for row in sitting.rows]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"skipped": bool, "missed": bool})

    @property
    def events(self) -> pd.DataFrame:
        """What the mind went through: the same in every arm in which it says how much is looked at."""
        return next((s for s in self.sittings if s.arm in _BY_MIND), self.sittings[0]).mind.events

    def table(self) -> pd.DataFrame:
        """A row per arm. `in_time`: the score over all frames, 0 for one skipped or answered too late; `score`: of the
        answers there are; per answer `patches` looked at, `gmacs` (1e9 multiply-accumulates), `work_ms`."""
        rows = []
        for arm, own in self.frame.groupby("arm", sort=False):
            done = own[~own["skipped"]]
            good = done["score"].where(~done["missed"], 0.0)
            p50, p90, p99 = 1000 * done["latency"].quantile([0.5, 0.9, 0.99])
            rows.append(
                {
                    "arm": arm,
                    "frames": len(own),
                    "skipped": int(own["skipped"].sum()),
                    "missed": int(done["missed"].sum()),
                    "p50_ms": p50,
                    "p90_ms": p90,
                    "p99_ms": p99,
                    "in_time": good.sum() / len(own),
                    "score": done["score"].mean(),
                    "patches": done["read"].mean(),
                    "gmacs": done["macs"].mean() / 1e9,
                    "work_ms": 1000 * done["work"].mean(),
                }
            )
        return pd.DataFrame(rows)

    def findings(self) -> list[str]:
        """What was found, a sentence per arm; and what the machine can do."""
        said = [
            f"{r.arm}: {r.in_time:.2f} {self.design.measure} in time; of {r.frames} frames {r.skipped} skipped, "
            f"{r.missed} answered too late; {r.gmacs:.3g} G multiply-accumulates an answer."
            for r in self.table().itertuples()
        ]
        glance, one, every = (1000 * self.machine.get(word, math.nan) for word in ("glance", "one", "all"))
        load, deadline = self.plan.patches, 1000 * self.plan.deadline
        return [
            *said,
            f"One core of this machine takes {glance:.1f} ms for a glance, {one:.1f} ms for one patch and "
            f"{every:.1f} ms for all {load}; the deadline is {deadline:.0f} ms.",
        ]

    def plot(self) -> Figure:
        """When the answers came, and what they were worth for what they cost."""
        known = plot.pens([s.arm for s in self.sittings])
        with plot.style() as plt:
            figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.6), width_ratios=[3, 2])
            self._latencies(left, known)
            self._worth(right, known)
            for axis in (left.yaxis, right.xaxis):
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter("")
            figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
            worth = ", ".join(f"{r.arm} {r.in_time:.2f}" for r in self.table().itertuples())
            figure.suptitle(f"{self.design.title}, right in time: {worth}", x=0.01, ha="left", weight="bold")
            return figure

    def _latencies(self, ax: Axes, known: dict[str, Pen]) -> None:
        """From each frame's onset to its answer."""
        for arm, own in self.frame.groupby("arm", sort=False):
            done, pen = own[~own["skipped"]], known[str(arm)]
            label = f"{arm}: {int(own['skipped'].sum())} of {len(own)} skipped"
            ax.plot(done["onset"], 1000 * done["latency"], ".", color=pen.color, markersize=2, alpha=0.25)
            middle = 1000 * done["latency"].groupby(done["onset"] // 1).median()  # of each second
            ax.plot(middle.index + 0.5, middle, pen.mark, linestyle=pen.dash, color=pen.color, label=label)
        limit = 1000 * self.plan.deadline
        ax.axhline(limit, color=plot.PEOPLE, linewidth=0.9, linestyle="--")
        ax.annotate(f"deadline, {limit:.0f} ms", (0, limit), (2, 3), textcoords="offset points")
        ax.set(xlabel="time in the film [s]", ylabel="from the frame to its answer [ms]", yscale="log")
        ax.set_title("When the answer came (line: the median of each second)")

    def _worth(self, ax: Axes, known: dict[str, Pen]) -> None:
        """What answers are worth for what they cost: those in time (filled), and whenever they came (hollow)."""
        for r in self.table().itertuples():
            pen = known[str(r.arm)]
            ax.plot([r.gmacs] * 2, [r.in_time, r.score], color=pen.color, linewidth=0.8)
            ax.plot(r.gmacs, r.score, pen.mark, color=pen.color, markerfacecolor="white", markersize=8)
            ax.plot(r.gmacs, r.in_time, pen.mark, color=pen.color, markersize=8)
        ax.set(xlabel="multiply-accumulates per answer [1e9]", ylabel=self.design.measure, xscale="log")
        ax.set_ylim(-0.03, 1.05)
        ax.set_title("Filled: in time; hollow: whenever it came")

    def heading(self) -> str:
        """What was watched."""
        s = self.plan
        return f"{self.design.title}: {s.frames} frames at {s.fps:g} per second, deadline {1000 * s.deadline:.0f} ms"

    def files(self) -> Files:
        """The frames and what came of them."""
        return {"frames.csv.gz": self.frame, "summary.csv": self.table()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """When the answers came, and what they were worth."""
        yield "figures/live", self.plot()

    def done(self) -> dict[str, Any]:
        """How many frames were shown."""
        return {"frames": len(self.frame)}

    def save(self, folder: str | Path, figures: bool = True) -> Path:
        """The run folder; done.json only of a film that was shown to its end."""
        folder = Path(folder)
        files.write_text(folder / "config.toml", results.toml(self.plan.config()))
        status = {"status": "stopped" if self.stopped else "done", "machine": self.machine}
        files.write_json(folder / "provenance.json", self.provenance | status)
        if len(self.frame):
            super().save(folder, figures)
        if self.stopped:
            (folder / "done.json").unlink(missing_ok=True)
        return folder


old_names(__name__, Screening="LivePlan")

doors(__name__, "live", first=True)
