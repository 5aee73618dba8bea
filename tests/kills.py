"""Kill what runs, at random moments, and hold what comes after it against an undisturbed run, file by file.

    python tests/kills.py --kills 200 --seed 1                # all commands: half an hour, more where others work
    python tests/kills.py --kills 20 --seed 1 --only run,sweep

Each round starts a command in a folder of its own and kills it one to six times at random moments (SIGKILL, SIGINT,
SIGTERM), each time with --resume where there is something to resume; then it is let be. Every file of the finished
folder must be that of an undisturbed run, bit for bit, and no other file may lie there. (In provenance.json the time
and the command differ, in Optuna's journal the times.) `tune` cannot be resumed: it is begun anew.

Commands are started by fork, from a process that has loaded and compiled everything: a round takes a second, not ten.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
OWN_TIMES = {"provenance.json": ("started", "command"), "optuna.journal": ()}
HANGS = 600  # s


def command(*words: str) -> Callable[[Path, bool], None]:
    """A command of the command line: (folder, resume)."""

    def play(folder: Path, resume: bool) -> None:
        from cogattn.cli import main

        here = [w.replace("HERE", str(folder.parent)) for w in words]
        main([*here, "--out", str(folder), *(["--resume"] if resume else [])])

    return play


def pieces(folder: Path, resume: bool) -> None:
    """A run without its figures, which take most of the time of a small one."""
    from cogattn import paradigms
    from cogattn.runs.experiment import execute, make_plan, run_folder

    task = paradigms.make("whole_report", {"exposures": [0.02, 0.05, 0.08, 0.1, 0.15, 0.2]})
    plan = make_plan(task, ("human", "softmax"), None, 30, 40, 0, None, None)
    execute(plan, run_folder(folder, "whole_report", plan.config(), resume), figures=False)


def training(folder: Path, resume: bool) -> None:
    """A small network, its checkpoint every third step."""
    import torch
    from torch import nn

    from cogattn.nn.networks.registry import save
    from cogattn.nn.networks.training import Course, train

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 64), nn.Dropout(0.1), nn.Tanh(), nn.Linear(64, 1))

    def lesson(net: nn.Module, step: int) -> Any:
        x = torch.randn(64, 8, generator=torch.Generator().manual_seed(step))
        time.sleep(0.004)
        return ((net(x) - x.sum(1, keepdim=True)) ** 2).mean()

    folder.mkdir(parents=True, exist_ok=True)
    curve = train(network, lesson, Course(60, every=3), checkpoint=folder / "net.checkpoint", resume=resume)
    save(network, {"steps": "60"}, folder / "net.safetensors")
    curve.save(folder, figures=False)


SIX = "exposures=[0.02,0.05,0.08,0.1,0.15,0.2]"
JOBS: dict[str, Callable[[Path, bool], None]] = {
    "pieces": pieces,
    "training": training,
    "run": command("run", "whole_report", "--people", "30", "--trials", "40", "--option", SIX, "--jobs", "1"),
    "network": command("run", "whole_report", "--model", "digit_reader", "--people", "8", "--trials", "10",
                       "--option", SIX, "--jobs", "1"),
    "workers": command("run", "whole_report", "--people", "30", "--trials", "40", "--option", SIX, "--jobs", "2"),
    "scorecard": command("scorecard", "--people", "1", "--trials", "1", "--no-needs", "--jobs", "1"),
    "sweep": command("sweep", "partial_report", "--param", "slots=1:5", "--param", "capacity=10:80", "--goal",
                     "max hits", "--candidates", "12", "--sampler", "random", "--people", "2", "--trials", "20",
                     "--jobs", "1"),
    "tune": command("tune", "whole_report", "--data", "HERE/people.csv", "--jobs", "1"),
}  # fmt: skip
SHARES = {"pieces": 6, "training": 4, "sweep": 2}  # rounds of each, to one of any other
UNRESUMED = ("tune",)


def forked(play: Callable[[], None], log: Path) -> int:
    """Start it in a child; its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        out = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        play()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def ended(pid: int, until: float) -> int | None:
    """How it ended (a signal as a negative number); None if it still runs at that time."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(0.002)


def finished(place: Path) -> Path | None:
    """The folder that a command finished under this one."""
    done = sorted(place.rglob("done.json"), key=lambda p: (len(p.parts), str(p)))
    return done[0].parent if done else None


def told(folder: Path) -> dict[str, Any]:
    """Every file of a folder; without what is a time."""
    out: dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, own = path.relative_to(folder).as_posix(), OWN_TIMES.get(path.name)
        out[name] = path.read_bytes()
        if path.name == "provenance.json":
            out[name] = {k: v for k, v in json.loads(out[name]).items() if k not in (own or ())}
        elif path.name == "optuna.journal":
            out[name] = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+|\"worker_id\": ?\"[^\"]*\"", b"", out[name])
    return out


class Round:
    """One command, started and killed until it has had enough, then let be."""

    def __init__(self, name: str, place: Path, chance: random.Random, takes: float) -> None:
        self.name, self.place, self.chance, self.takes = name, place, chance, takes
        self.kills: Counter[str] = Counter()
        self.log = place.parent / f"{place.name}.log"

    def start(self, resume: bool) -> int:
        return forked(lambda: JOBS[self.name](self.place, resume), self.log)

    def resumable(self) -> bool:
        """Whether something is there that --resume takes up."""
        if self.name in UNRESUMED or not self.place.is_dir():
            return False
        if self.name == "training":
            return (self.place / "net.checkpoint").is_file()
        return any(p.is_dir() and not (p / "done.json").exists() for p in self.place.glob("*/*"))

    def play(self, most: int) -> str:
        """Kill it up to so many times; what is wrong afterwards, or nothing."""
        for _ in range(most):
            began, pid = time.monotonic(), self.start(self.resumable())
            code = ended(pid, began + self.chance.uniform(0, 1.05) * self.takes)
            if code is not None:
                self.takes = min(self.takes, time.monotonic() - began)  # other work that slowed it is over
                return "" if code == 0 else f"ended with {code} before it was killed"
            sign = self.chance.choice(SIGNALS)
            os.kill(pid, sign)
            code = ended(pid, time.monotonic() + HANGS)
            if code is None:
                os.kill(pid, signal.SIGKILL)
                return f"hangs after {sign.name}"
            if code == 0:
                return ""  # it was over at this very moment
            self.kills[sign.name] += 1
        code = ended(self.start(self.resumable()), time.monotonic() + HANGS)
        return "" if code == 0 else f"the command after the kills ended with {code}"


def unlike(wanted: dict[str, Any], place: Path) -> list[str]:
    """The files of a finished folder that are not those of the undisturbed run."""
    folder = finished(place)
    if folder is None:
        return ["(no finished folder)"]
    have = told(folder)
    return [n for n in sorted(wanted.keys() | have.keys()) if wanted.get(n) != have.get(n)]


def main(words: list[str] | None = None) -> int:
    """Kill, compare, count; 1 where anything differed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(JOBS))
    asked = parser.parse_args(words)
    chance, names = random.Random(asked.seed), asked.only.split(",")
    room = Path(tempfile.mkdtemp(prefix="kills-"))
    prepared(room, names)
    wanted, takes = {}, {}
    for name in names:
        start = time.monotonic()
        code = ended(
            forked(lambda n=name: JOBS[n](room / f"{n}-whole", False), room / "whole.log"), start + HANGS
        )
        takes[name] = time.monotonic() - start
        folder = finished(room / f"{name}-whole")
        if code != 0 or folder is None:
            print(f"{name} fails undisturbed ({code}): see {room / 'whole.log'}")
            return 1
        wanted[name] = told(folder)
        print(f"{name}: {takes[name]:.1f} s undisturbed, {len(wanted[name])} files", flush=True)
    kills: Counter[tuple[str, str]] = Counter()
    order = [n for n in names for _ in range(SHARES.get(n, 1))]
    chance.shuffle(order)
    rounds, bad = 0, []
    while sum(kills.values()) < asked.kills:
        name = order[rounds % len(order)]
        place = room / f"{name}-{rounds}"
        one = Round(name, place, chance, takes[name])
        wrong = one.play(min(chance.randint(1, 6), asked.kills - sum(kills.values())))
        takes[name] = one.takes
        odd = [] if wrong else unlike(wanted[name], place)
        if wrong or odd:
            bad.append(f"{name}, round {rounds}: {wrong or ', '.join(odd)}; {place}")
            print(bad[-1], flush=True)
        else:
            shutil.rmtree(place, ignore_errors=True)
            print(
                f"{name}, round {rounds}: {' '.join(one.kills.elements()) or 'no kill'}, as undisturbed",
                flush=True,
            )
        kills.update({(name, sign): n for sign, n in one.kills.items()})
        rounds += 1
    print(f"seed {asked.seed}: {sum(kills.values())} kills in {rounds} rounds")
    for name in names:
        print(f"  {name}: " + ", ".join(f"{n} {s}" for (k, s), n in sorted(kills.items()) if k == name))
    print("every file of every folder as undisturbed" if not bad else f"{len(bad)} rounds differ")
    if not bad:
        shutil.rmtree(room)
    return 1 if bad else 0


def prepared(room: Path, names: list[str]) -> None:
    """Everything is imported and compiled once, in this process; people's data for `tune`."""
    import cogattn as ca
    from cogattn.cli import app
    from cogattn.runs import workers
    from cogattn.runs.experiment import run
    from cogattn.view import plot  # noqa: F401

    app.resolved_commands()
    mine = [n for n in names if n != "training"]
    if "workers" in names:
        workers.PATIENCE = 0.0
    if mine:
        run("whole_report", people=1, trials=1)
    if "tune" in names:
        people = ca.run("whole_report", arms="human", people=3, trials=30, seed=9)
        people.frame.to_csv(room / "people.csv", index=False)
    if "training" in names or "network" in names:
        import torch  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
