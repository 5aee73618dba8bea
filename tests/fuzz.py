"""Bad input for every door, from grammars, by a seed: `nox -s fuzz`, or

    python tests/fuzz.py --inputs 100000 --seed 0 --kinds api,cli,files,page --out fuzz.json
    python tests/fuzz.py --minutes 60 --log fuzz.jsonl       # a part of them; the same words go on another time

    python tests/fuzz.py --each --out fuzz.json              # every argument and option in each way, one at a time

Input i of a kind depends on (seed, kind, i) alone, so that one is played again with `--kinds api --only 1234`. What is
counted: refused (one line of the project's own), taken, wrong taken (the grammar marks the value as wrong, and nothing
refused it), tracebacks (any other exception, at which place), hangs (over 30 s). The last three must be 0.

What is fair: a call that Python itself refuses, because an argument is missing or unknown, is no traceback of ours.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import faulthandler
import functools
import importlib
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
KINDS = {"api": "fuzz_doors", "cli": "fuzz_words", "files": "fuzz_files", "page": "fuzz_messages"}
#: The kind that is not drawn: API and command line, one argument or option at a time, in each way.
EACH = "each"
SHARE = {"api": 0.5, "cli": 0.08, "files": 0.12, "page": 0.3}  #: of all inputs
SECONDS = 30.0  #: of the processor: what takes longer hangs, whatever else the machine does ...
PATIENCE = 10  #: ... and so does what waits for so many times as long
BYTES = 4 << 30  #: of memory, beyond what is loaded: what asks for more is told that there is none


class HangError(BaseException):
    """It took too long."""


class Outcome(NamedTuple):
    """What became of one input."""

    what: str  #: refused, taken, wrong taken, traceback, hang
    words: str  #: the input
    place: str = ""  #: where: file:line, and the kind of error
    text: str = ""


def judged(tried: Any) -> Outcome:
    """Try one input."""
    from cogattn.errors import CogattnError

    try:
        with _quiet():
            tried.call()
    except CogattnError as error:
        text = str(error)
        fine = bool(text) and "\n" not in text and len(text) < 2000
        return (
            Outcome("refused", tried.words)
            if fine
            else Outcome("traceback", tried.words, "no one line", text)
        )
    except HangError as error:
        return Outcome("hang", tried.words, place_of(error))
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: no door may end the process
        if by_python(error):
            return Outcome("refused", tried.words)
        return Outcome("traceback", tried.words, place_of(error), f"{type(error).__name__}: {error}"[:200])
    return Outcome("wrong taken" if tried.wrong else "taken", tried.words)


def by_python(error: BaseException) -> bool:
    """Whether Python refused the call before anything of ours was reached."""
    asked = r"(unexpected keyword|missing \d+ required|takes .*positional|multiple values)"
    steps = traceback.extract_tb(error.__traceback__)
    return isinstance(error, TypeError) and bool(re.search(asked, str(error))) and not any(map(_ours, steps))


def _ours(step: traceback.FrameSummary) -> bool:
    return "/cogattn/" in step.filename and not step.filename.endswith("/errors.py")


def place_of(error: BaseException) -> str:
    """The last line of cogattn that the error went through."""
    steps = traceback.extract_tb(error.__traceback__)
    own = [s for s in steps if "/cogattn/" in s.filename] or steps
    where = own[-1].filename.rpartition("/cogattn/")[2] if own else "?"
    return f"{where}:{own[-1].lineno if own else 0} {type(error).__name__}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), open(os.devnull, "w") as nothing:
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            yield


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """So much memory and no more, where the system can be told."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):
        loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (loaded + BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def inputs(kind: str, seed: int, start: int, stop: int, quick: bool = False) -> Iterator[tuple[int, Any]]:
    """The inputs of a kind, by number."""
    if kind == EACH:
        yield from itertools.islice(enumerate(each()), start, stop)
        return
    grammar = importlib.import_module(KINDS[kind])
    for i in range(start, stop):
        yield i, grammar.drawn(random.Random(f"{seed} {kind} {i}"), quick)


@functools.cache
def each() -> tuple[Any, ...]:
    """Every argument of every door, and every option of every command, in each way, one at a time."""
    return tuple(x for kind in ("api", "cli") for x in importlib.import_module(KINDS[kind]).singles())


def counted(outcomes: list[Outcome]) -> dict[str, Any]:
    """Counts, and what was found: each place once, with how often and an example."""
    counts = collections.Counter(o.what for o in outcomes)
    found = [o for o in outcomes if o.what not in ("refused", "taken")]
    places: dict[str, dict[str, Any]] = {}
    for o in found:
        key = f"{o.what}: {o.place or o.words.split('(')[0]}"
        place = places.setdefault(key, {"times": 0, "example": o.words, "text": o.text})
        place["times"] += 1
    return {
        "inputs": len(outcomes), **{w: counts[w] for w in ("refused", "taken", "wrong taken", "traceback", "hang")},
        "distinct places": len({o.place for o in found if o.what == "traceback"}), "places": places,
    }  # fmt: skip


def in_process(kind: str, seed: int, n: int, quick: bool = True) -> list[Outcome]:
    """A few inputs, here and now."""
    from fuzz_doors import aside

    with aside(), little_memory():
        return [judged(tried) for _, tried in inputs(kind, seed, 0, n, quick)]


def warm(kinds: Iterable[str]) -> None:
    """What is loaded and compiled once does not count as the time of the first input. One format of figures will do:
    the others take three times as long."""
    from cogattn.view import plot

    plot.FORMATS = ("png",)
    for module in ("transformers.modeling_utils", *(KINDS[kind] for kind in kinds if kind != EACH)):
        importlib.import_module(module)
    importlib.import_module("fuzz_doors").specimens()


# --- many inputs: a child plays them all; one that hangs or dies takes nobody along -----------------------------------


def shares(n: int, kinds: Sequence[str]) -> dict[str, int]:
    """How many inputs of each kind, out of so many in all."""
    whole = sum(SHARE[k] for k in kinds)
    return {kind: round(n * SHARE[kind] / whole) for kind in kinds}


def order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """All inputs, kinds mixed by their shares: wherever it is stopped, each kind has had its part."""
    every = [((i + 0.5) / n, kind, i) for kind, n in counts.items() for i in range(n)]
    return [(kind, i) for _, kind, i in sorted(every)]


def _child(seed: int, start: int, until: float, counts: Mapping[str, int], log: Path) -> None:
    from fuzz_doors import aside

    def late(*_: Any) -> None:
        raise HangError

    signal.signal(signal.SIGPROF, late)
    warm(counts)
    with log.open("a", buffering=1) as out, aside(), little_memory():
        for at, (kind, i) in enumerate(order(counts)[start:], start):
            if time.time() > until:
                break
            ((_, tried),) = inputs(kind, seed, i, i + 1)
            out.write(json.dumps({"begun": at, "kind": kind, "words": tried.words}) + "\n")
            faulthandler.dump_traceback_later(PATIENCE * SECONDS, exit=True, file=sys.__stderr__)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            began = time.process_time()
            try:
                outcome = judged(tried)
            except HangError:
                outcome = Outcome("hang", tried.words)
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
            done = {
                "done": at,
                "kind": kind,
                "took": round(time.process_time() - began, 3),
                "outcome": outcome,
            }
            out.write(json.dumps(done) + "\n")


def read_log(log: Path) -> list[dict[str, Any]]:
    """What a log holds; its last line may be cut short by a kill."""
    found = []
    for line in log.read_text().splitlines() if log.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def in_children(seed: int, counts: Mapping[str, int], log: Path, until: float) -> dict[str, list[Outcome]]:
    """Many inputs, from where the log ends: a child that dies is counted as a hang, another goes on behind it."""
    every = order(counts)
    while time.time() < until:
        lines = read_log(log)
        at = 1 + max((x["done"] for x in lines if "done" in x), default=-1)
        if at >= len(every):
            break
        command = [
            sys.executable,
            __file__,
            "--child",
            str(seed),
            str(at),
            str(until),
            json.dumps(counts),
            str(log),
        ]
        code = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
        if code == 0:
            continue
        last = next((x for x in reversed(read_log(log)) if "begun" in x), None)
        if last is None or last["begun"] < at:
            raise RuntimeError(f"the child does not begin: exit code {code}")
        died = Outcome("hang", last["words"], f"the process died ({code})")
        with log.open("a") as out:
            out.write(
                "\n" + json.dumps({"done": last["begun"], "kind": last["kind"], "outcome": died}) + "\n"
            )
    found: dict[str, list[Outcome]] = {kind: [] for kind in counts}
    for line in read_log(log):
        if "done" in line:
            found[line["kind"]].append(Outcome(*line["outcome"]))
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS), help="of api, cli, files, page")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop then; the same --log goes on"
    )
    parser.add_argument("--only", type=int, help="play this one input of the kind, with its traceback")
    parser.add_argument(
        "--log", type=Path, help="every input and what became of it; what it holds is not tried again"
    )
    parser.add_argument(
        "--each", action="store_true", help="all inputs of one argument or option, none drawn"
    )
    parser.add_argument("--out", type=Path, help="a JSON file for all that was found")
    asked = parser.parse_args()
    kinds = [EACH] if asked.each else asked.kinds.split(",")
    if unknown := [kind for kind in kinds if kind not in (*KINDS, EACH)]:
        parser.error(f"--kinds must be among {', '.join(KINDS)}, got {', '.join(unknown)}")
    if asked.only is not None:
        for _, tried in inputs(kinds[0], asked.seed, asked.only, asked.only + 1):
            print(tried.words, "(wrong)" if tried.wrong else "")
            tried.call()
        return 0
    with tempfile.TemporaryDirectory() as folder:
        log = (asked.log or Path(folder) / "fuzz.jsonl").resolve()
        until = time.time() + 60 * min(asked.minutes, 10**6)
        counts = {EACH: len(each())} if asked.each else shares(asked.inputs, kinds)
        found = in_children(asked.seed, counts, log, until)
    report, bad = {"seed": asked.seed, **{kind: counted(outcomes) for kind, outcomes in found.items()}}, 0
    for kind in kinds:
        print(f"{kind}: seed {asked.seed}, { {k: v for k, v in report[kind].items() if k != 'places'} }")
        for place, about in sorted(report[kind]["places"].items(), key=lambda x: -x[1]["times"]):
            print(f"  {about['times']:5d}  {place}\n         {about['example'][:160]}  {about['text'][:160]}")
        bad += sum(report[kind][w] for w in ("wrong taken", "traceback", "hang"))
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=1) + "\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    if sys.argv[1:2] == ["--child"]:
        _child(
            int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), json.loads(sys.argv[5]), Path(sys.argv[6])
        )
    else:
        raise SystemExit(main())
