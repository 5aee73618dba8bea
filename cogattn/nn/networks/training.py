"""Training a network: one loop for every model here, with a bar, a curve, an early stop, and resumption after a kill.

A lesson is a pure function of the step, and a checkpoint holds the weights, Adam's moments and torch's random state; so
a training that was killed and resumed ends with the same weights as one that was not, bit for bit.

>>> net = torch.nn.Linear(1, 1)
>>> curve = train(net, lambda net, step: (net(torch.ones(8, 1)) - 3).square().mean(), Course(steps=300, rate=0.1))
>>> round(net(torch.ones(1, 1)).item(), 1), len(curve.frame)
(3.0, 300)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from cogattn import files
from cogattn.errors import CogattnError, InputError, number, shown, whole
from cogattn.nn.networks.registry import load_weights, read_tensors, save
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Lesson = Callable[[Any, int], torch.Tensor]  #: (network, step) -> the loss of that step's lesson
HeldOut = Callable[[Any], float]  #: network -> its loss on what it never trains on: lower is better


#: Whom lessons show, whom looks during training, whom the measuring.
GROUPS = ("taught", "looked at", "tested")


def group_of(name: str) -> str:
    """One and the same group for this person (speaker, reader) for ever: seven tenths, a tenth, two tenths of all."""
    tenth = zlib.crc32(name.encode()) % 10
    return GROUPS[2] if tenth < 2 else GROUPS[1] if tenth == 2 else GROUPS[0]


@dataclass(frozen=True)
class Course:
    """How a network is trained: AdamW, its rate rising over `warmup` steps, then falling to 0 along a cosine.

    Every `every` steps it is held out: looked at on what it never trains on. After `patience` looks without a new best
    it stops (0 = never); either way, where there are looks, it leaves with the weights of its best one.
    """

    steps: int
    rate: float = 2e-3
    decay: float = 0.0
    warmup: int = 0
    clip: float = math.inf  #: largest norm of the gradient
    every: int = 100
    patience: int = 0

    def __post_init__(self) -> None:
        whole("steps", self.steps, least=1, most=10**9)
        whole("warmup", self.warmup, least=0, most=self.steps)
        whole("every", self.every, least=1)
        whole("patience", self.patience, least=0)
        number("rate", self.rate, above=0)
        number("decay", self.decay, least=0)
        number("clip", self.clip, above=0, infinite=True)

    def cut(self, steps: int) -> Course:
        """The same course in so many steps; the rate still rises in all of them at most."""
        return replace(self, steps=steps, warmup=min(self.warmup, steps))

    def falling(self, adam: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        """What sets the rate before each step."""
        of = torch.optim.lr_scheduler
        cosine = of.CosineAnnealingLR(adam, max(1, self.steps - self.warmup))
        if not self.warmup:
            return cosine
        rise = of.LinearLR(adam, 1 / self.warmup, total_iters=self.warmup)
        return of.SequentialLR(adam, [rise, cosine], [self.warmup])


@dataclass
class Curve(Result):
    """The loss at each step, and the held-out loss where it was looked at (else missing)."""

    loss: list[float] = field(default_factory=list)
    held_out: dict[int, float] = field(default_factory=dict)  #: after so many steps
    best: int = 0  #: after so many steps it was best
    title: str = "Training"

    @property
    def frame(self) -> pd.DataFrame:
        """The same as `table()`."""
        return self.table()

    def table(self) -> pd.DataFrame:
        """Columns step, loss, held_out."""
        steps = np.arange(1, len(self.loss) + 1)
        looks = [self.held_out.get(int(s), math.nan) for s in steps]
        return pd.DataFrame({"step": steps, "loss": self.loss, "held_out": looks})

    def plot(self) -> Figure:
        """Loss over steps, smoothed over a fiftieth of them; the held-out looks as dots."""
        with plot.style() as plt:
            figure, ax = plt.subplots(figsize=(5.6, 3.6))
            table = self.table()
            smooth = table["loss"].rolling(max(1, len(table) // 50), min_periods=1).mean()
            ax.plot(table["step"], table["loss"], color="#C8C8C8", linewidth=0.5)
            ax.plot(table["step"], smooth, color=plot.PEOPLE, label="training")
            looks = table.dropna()
            if len(looks):
                ax.plot(
                    looks["step"], looks["held_out"], "o", color="#D55E00", markersize=3.5, label="held out"
                )
                ax.axvline(self.best, color="#999999", linewidth=0.8, linestyle=":")
            ax.set(xlabel="step", ylabel="loss", title=self.title, ylim=(0, None))
            ax.legend(loc="best")
            return figure

    def heading(self) -> str:
        """What was trained."""
        return self.title

    def findings(self) -> list[str]:
        """How far the loss fell, and where it was best."""
        if not self.loss:
            return ["0 steps of training."]
        out = [f"{len(self.loss)} steps: the loss fell from {self.loss[0]:.3g} to {self.loss[-1]:.3g}."]
        if self.best in self.held_out:
            out.append(f"Held out it was best after {self.best} steps: {self.held_out[self.best]:.3g}.")
        return out

    def files(self) -> Files:
        """The losses."""
        return {"curve.csv": self.table()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The losses over the steps."""
        yield "figures/curve", self.plot()


def train(
    network: nn.Module,
    lesson: Lesson,
    course: Course,
    held_out: HeldOut | None = None,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: bool = False,
    what: str = "training",
) -> Curve:
    """Train it in place. `checkpoint`: a file that keeps the state every `every` steps until the end.

    `resume=True` goes on from there; it must be of the same network and course.
    """
    from tqdm import tqdm

    run = _Run(network, course, checkpoint)
    if resume:
        run.restore()
    network.train()
    with tqdm(total=course.steps, initial=run.step, desc=what, disable=None if progress else True) as bar:
        while run.step < course.steps and not run.stale():
            run.learn(lesson)
            bar.update()
            if run.step % course.every == 0 or run.step == course.steps:
                if held_out is not None:
                    run.look(held_out)
                bar.set_postfix_str(run.words())
                run.keep()
    run.finish()
    return run.curve


class _Run:
    """A training under way: all that a checkpoint has to hold."""

    def __init__(self, network: nn.Module, course: Course, checkpoint: Path | None) -> None:
        self.network, self.course, self.checkpoint = network, course, checkpoint
        weights = [p for p in network.parameters() if p.requires_grad]
        self.adam = torch.optim.AdamW(weights, course.rate, weight_decay=course.decay)
        self.fall = course.falling(self.adam)
        self.curve, self.step = Curve(), 0
        self.best: dict[str, torch.Tensor] | None = None

    def learn(self, lesson: Lesson) -> None:
        """One step."""
        loss = lesson(self.network, self.step)
        self.adam.zero_grad()
        torch.autograd.backward(loss)
        if self.course.clip < math.inf:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.course.clip)
        self.adam.step()
        self.fall.step()
        self.step += 1
        self.curve.loss.append(loss.item())
        if not math.isfinite(self.curve.loss[-1]):
            raise InputError(f"the loss must stay finite, got {self.curve.loss[-1]} at step {self.step}: "
                             f"take a rate below {self.course.rate:g}")  # fmt: skip

    def look(self, held_out: HeldOut) -> None:
        """What it makes of what it never trains on."""
        self.network.eval()
        with torch.no_grad():
            value = float(held_out(self.network))
        self.network.train()
        if value < self.curve.held_out.get(self.curve.best, math.inf):
            self.curve.best = self.step
            self.best = {k: x.detach().clone() for k, x in self.network.state_dict().items()}
        self.curve.held_out[self.step] = value

    def stale(self) -> bool:
        """Has it not got better for `patience` looks?"""
        since = sum(at > self.curve.best for at in self.curve.held_out)
        return 0 < self.course.patience <= since

    def words(self) -> str:
        """For the bar."""
        held = self.curve.held_out.get(self.step)
        return f"loss={self.curve.loss[-1]:.3f}" + ("" if held is None else f" held out={held:.3f}")

    def finish(self) -> None:
        """The weights of the best look; the checkpoint is of no more use."""
        if self.best is not None:
            self.network.load_state_dict(self.best)
        self.network.eval()
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)

    # -- the checkpoint ----------------------------------------------------------------------------------------

    def _name(self) -> str:
        """What must be the same for a checkpoint to fit: the course, and the shapes of the network."""
        shapes = {k: list(x.shape) for k, x in self.network.state_dict().items()}
        text = json.dumps([asdict(self.course), shapes], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def keep(self) -> None:
        """Write the checkpoint, whole or not at all."""
        if self.checkpoint is None:
            return
        holder = nn.Module()
        for name, x in self._tensors().items():
            holder.register_buffer(name, x)
        notes = {
            "course": self._name(),
            "step": self.step,
            "best": self.curve.best,
            "fall": self.fall.state_dict(),
        }
        save(holder, {k: json.dumps(v) for k, v in notes.items()}, self.checkpoint)

    def _tensors(self) -> dict[str, torch.Tensor]:
        """Everything as tensors of one level: names must not have a dot."""
        out = {f"net {k}": x for k, x in self.network.state_dict().items()}
        out |= {f"best {k}": x for k, x in (self.best or {}).items()}
        for i, state in self.adam.state_dict()["state"].items():
            out |= {f"adam {i} {k}": torch.as_tensor(x) for k, x in state.items()}
        out["random"] = torch.get_rng_state()
        out["loss"] = torch.tensor(self.curve.loss, dtype=torch.float64)
        looks = list(self.curve.held_out.items())
        out["looks"] = torch.tensor(looks, dtype=torch.float64).reshape(-1, 2)
        return {k.replace(".", "/"): x.detach().clone() for k, x in out.items()}

    def restore(self) -> None:
        """Go on where the checkpoint stands."""
        path = self.checkpoint
        if path is None or not path.is_file():
            raise InputError(f"no unfinished training at {path}; leave --resume out to start one")
        try:
            tensors, texts = read_tensors(path)
            notes = {k: files.json_value(v, k) for k, v in texts.items()}
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} is not a readable checkpoint; leave --resume out to start anew"
            ) from error
        if notes.get("course") != self._name():
            raise InputError(f"{path} is of another network or course; leave --resume out to start anew")
        self._put_back({key.replace("/", "."): x for key, x in tensors.items()}, notes)

    def _put_back(self, kept: dict[str, torch.Tensor], notes: dict[str, Any]) -> None:
        def part(word: str) -> dict[str, torch.Tensor]:
            return {k.removeprefix(word + " "): x for k, x in kept.items() if k.startswith(word + " ")}

        self.network.load_state_dict(part("net"))
        self.best = part("best") or None
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, x in part("adam").items():
            i, key = name.split(" ")
            state.setdefault(int(i), {})[key] = x
        self.adam.load_state_dict({"state": state, "param_groups": self.adam.state_dict()["param_groups"]})
        self.step = int(notes["step"])
        self.fall.load_state_dict(notes["fall"])
        for group, rate in zip(self.adam.param_groups, self.fall.get_last_lr(), strict=True):
            group["lr"] = rate
        torch.set_rng_state(kept["random"])
        looks = {int(s): float(v) for s, v in kept["looks"].tolist()}
        self.curve = Curve(kept["loss"].tolist(), looks, int(notes["best"]))


# ------------------------------------------------------------------------------------- a model's file as a command


@dataclass(frozen=True)
class Workshop:
    """How a model's file makes and checks its weights: `python models/NAME.py [--check | --resume]`."""

    file: Path  #: models/NAME.py; the weights lie beside it
    network: Callable[[], nn.Module]  #: a new network, its first weights from a seed
    lesson: Lesson
    course: Course
    measure: Callable[[Any], dict[str, float]]  #: what it can do, on what it never trained on
    report: Callable[[dict[str, float]], None]  #: prints that as a table
    held_out: HeldOut | None = None
    #: What else the weights' file shall say; `command`: what made it, if it is not the file alone.
    notes: Mapping[str, str] = field(default_factory=dict)
    #: What lies beside the weights, by its ending: `{".texts.json": ...}`. Written before them.
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """NAME."""
        return self.file.stem

    @property
    def make(self) -> str:
        """The command that makes the weights."""
        return self.notes.get("command", f"python models/{self.name}.py")

    @property
    def weights(self) -> Path:
        """models/NAME.safetensors."""
        return self.file.with_suffix(".safetensors")

    def own_file(self, to: str | None) -> Path:
        """What a copy of the model's file is called beside weights of one's own; never the file itself."""
        path = Path(to or "")
        if path.suffix != ".safetensors" or path.resolve() == self.weights.resolve():
            raise InputError(
                f"--to must name a .safetensors file other than {self.weights.name}, got {shown(to)}"
            )
        return path.with_suffix(".py")

    def teach(
        self, steps: int | None = None, resume: bool = False, progress: bool = False
    ) -> tuple[Any, Curve]:
        """A network trained from the first step; fewer steps for a trial."""
        network = self.network()
        course = self.course if steps is None else self.course.cut(steps)
        checkpoint = self.weights.with_suffix(".checkpoint") if steps is None else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # what is dropped out
            curve = train(
                network,
                self.lesson,
                course,
                self.held_out,
                checkpoint=checkpoint,
                resume=resume,
                progress=progress,
                what=self.name,
            )
        return network, curve

    def write(self, resume: bool, out: Path) -> int:
        """Train, measure, write the weights, draw the curve."""
        network, curve = self.teach(resume=resume, progress=True)
        numbers = self.measure(network)
        self.report(numbers)
        notes = {"command": self.make, "steps": str(len(curve.loss)), "torch": torch.__version__}
        notes |= {key: f"{x:.6g}" for key, x in numbers.items()}
        for ending, text in self.beside.items():
            files.write_text(self.weights.with_suffix(ending), text)
        save(network, notes | dict(self.notes), self.weights)
        curve.title = f"Training of {self.name}"
        curve.save(out / "models" / self.name)
        print(f"wrote {self.weights}\nCurve: {out / 'models' / self.name / 'figures' / 'curve.png'}")
        return 0

    def check(self) -> int:
        """Measure the weights again and hold them against the notes in their file."""
        network = self.network()
        notes = load_weights(network, self.weights, self.make)
        network.eval()
        numbers = self.measure(network)
        self.report(numbers)
        off = [
            key
            for key, x in numbers.items()
            if not math.isclose(x, float(notes.get(key, "nan")), rel_tol=1e-3, abs_tol=1e-3)
        ]
        print(f"differs from its notes: {', '.join(off)}" if off else "as its notes say")
        return 1 if off else 0

    def main(
        self,
        arguments: Callable[[argparse.ArgumentParser], None] | None = None,
        chosen: Callable[[Workshop, argparse.Namespace], Workshop] | None = None,
    ) -> int:
        """The file as a command. `arguments` adds the model's own; `chosen` makes the workshop that they ask for."""
        # One thread: the order of every sum, and with it each weight, is then the same on any number of cores.
        torch.set_num_threads(1)
        parser = argparse.ArgumentParser(description=f"Train {self.name}, or check its weights.")
        parser.add_argument("--check", action="store_true", help="load the weights and measure them again")
        parser.add_argument("--resume", action="store_true", help="go on with the training that was stopped")
        parser.add_argument("--out", default="results", help="folder for the training curve")
        if arguments is not None:
            arguments(parser)
        asked = parser.parse_args()
        shop = self
        try:
            shop = self if chosen is None else chosen(self, asked)
            return shop.check() if asked.check else shop.write(asked.resume, Path(asked.out))
        except KeyboardInterrupt:
            raise SystemExit(f"stopped; what was learnt is kept: {shop.make} --resume goes on") from None
        except CogattnError as error:
            raise SystemExit(str(error)) from None


def seeded(make: Callable[[], nn.Module], seed: int) -> Any:
    """A network whose first weights hang on the seed alone; the caller's random numbers are left as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
