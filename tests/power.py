"""How many broken laws do the tests catch? Breaks one thing at a time in a copy of the tree, and runs the tests there.

    python tests/power.py --only 60 --out power.csv         (or: nox -s power -- --only 60)
    python tests/power.py --list                            what would be broken, nothing is run
    python tests/power.py --rooms laws paradigms --from 10  some rooms, from the tenth break on

A break is made in the syntax tree: a comparison turned round, a constant moved, a term dropped, two arguments
swapped, a draw at another address, a parameter without effect. Which ones is decided by a fixed seed over
(file, function, place), so that the same tree gets the same breaks. Those that once went unseen are named, and found
by what they look like, wherever the code stands now.

Every break is tried in this order, until a test fails: NEAR, the tests of that room; SAME, the digests of
tests/test_same_numbers.py; REST, all other default tests. What NEAR or REST catches was caught without the digests.
Each result is kept in a CSV as it comes; a second call goes on from there.
"""

from __future__ import annotations

import argparse
import ast
import copy
import csv
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SEED = 20
Break_ = Callable[[ast.AST], ast.AST | None]
Place = tuple[ast.AST, str, int | None]
COLUMNS = (
    "id",
    "file",
    "function",
    "line",
    "kind",
    "before",
    "after",
    "near",
    "same",
    "rest",
    "test",
    "seconds",
)
#: Each run of tests is forked from a process that has imported the libraries, which would take longer than most tests.
FORKS = multiprocessing.get_context("forkserver")
LIBRARIES = (
    "torch",
    "numba",
    "pandas",
    "scipy.stats",
    "scipy.signal",
    "scipy.optimize",
    "pytest",
    "hypothesis",
)
DIGESTS = "tests/test_same_numbers.py"
WAIT = 20  #: a test that sleeps or waits for ever uses no processor: it may take so many times the limit by the clock

#: room: files, how many breaks, the tests that are near
ROOMS: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "laws": (("cogattn/laws/*.py",), 40, ()),
    "mind": (("cogattn/mind/**/*.py",), 24, ("tests/mind", "tests/theory", "tests/drivers")),
    "observer": (
        ("cogattn/observer.py", "cogattn/population.py", "cogattn/parameters*.py"),
        8,
        ("tests/test_observer.py", "tests/test_parameters.py"),
    ),
    "paradigms": (
        ("cogattn/paradigms/*.py",),
        16,
        (
            *("tests/test_paradigms.py", "tests/theory/test_chances.py", "tests/test_selection.py"),
            *("tests/test_divided.py", "tests/test_checkup.py", "tests/test_control_room.py"),
            *("tests/test_digit_span.py", "tests/test_curves.py", "tests/test_accounts.py"),
        ),
    ),
    "runs": (
        ("cogattn/runs/experiment.py", "cogattn/runs/play*.py"),
        4,
        ("tests/theory/test_chances.py", "tests/test_experiment.py"),
    ),
}

#: Breaks that no test can see, since nothing observable changes: id -> why. They count neither way.
HARMLESS: dict[str, str] = {
    "28230222": "the priority of stopping: nothing turns from one task to another in that experiment",
    "853fdd4f": "which line of a caller a warning names",
    "94b6e082": "the divisor of finish_times where the rate is 0, in whose place infinity stands",
    "d7bd5afa": "two of the new arrays of NaN that a session fills, in another order",
    "4bfdb632": "_hazard 2 % off: workload_capacity is a ratio of hazards, in which a common factor cancels",
}


@dataclass(frozen=True)
class Break:
    """One thing to break."""

    room: str
    file: str
    function: str
    line: int
    kind: str
    before: str
    after: str
    nth: int  #: which of this kind in its file

    @property
    def id(self) -> str:
        """Of what is broken, not of its line: it stays when lines above come and go."""
        words = (self.file, self.function, self.kind, self.before, self.after)
        return hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:8]


# --- how to break -------------------------------------------------------------------------------------------------

#: What is said to a user or checked at the door belongs to the tests of refusals, what is drawn to those of figures.
DOOR = re.compile(
    r"^(number|whole|choice|values|InputError|RunError|_below_one|isinstance|len|range|pd\.read_csv)$"
)
SKIPPED = re.compile(
    r"figure|finding|plot|draw_|^drawn$|human$|html|write_|_check|check|__post_init__|title|describe|summary_text|__repr__"
)
TURNED = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
DRAW = re.compile(r"(uniform|exponential|draw|normal)s?$")


def _numbers(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def turn(node: ast.AST) -> ast.AST | None:
    """a < b becomes a >= b. (Where an iteration stops is left alone: one step more changes no digit.)"""
    if re.search(r"e-\d|step|ndim|shape|pictures", ast.unparse(node)):
        return None
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        node.ops[0] = TURNED[type(node.ops[0])]()
        return node
    return None


def shift(node: ast.AST) -> ast.AST | None:
    """A constant of a formula is 3 % off; a whole one is off by one."""
    if not _numbers(node) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, float) and 1e-3 <= abs(node.value) <= 1e4:
        return ast.Constant(round(node.value * 1.03, 12))
    if isinstance(node.value, int) and 2 <= node.value <= 9:
        return ast.Constant(node.value + 1)
    return None


def other_sign(node: ast.AST) -> ast.AST | None:
    """+ becomes -, * becomes /."""
    if (
        isinstance(node, ast.BinOp)
        and type(node.op) in OTHER
        and not isinstance(node.left, ast.Constant | ast.JoinedStr)
    ):
        if isinstance(node.right, ast.Constant) and (
            isinstance(node.right.value, str) or abs(node.right.value) < 1e-3
        ):
            return None
        node.op = OTHER[type(node.op)]()
        return node
    return None


def drop(node: ast.AST) -> ast.AST | None:
    """A statement that changes something is left out; what is drawn or written to a file is not of the theory."""
    if re.search(r"\b(ax|axes|plot|fig|np\.seterr)\b|write|warn", ast.unparse(node)):
        return None
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    changes = isinstance(node, ast.AugAssign) or isinstance(target, ast.Subscript | ast.Attribute)
    call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return ast.Pass() if changes or (call and not DOOR.match(ast.unparse(node.value.func))) else None


#: two of these may change places without an error at once
LIKE = (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.Constant, ast.UnaryOp)
UNLIKE = re.compile(
    r".*stacklevel|^(m|self|plan|path|ax|axes|own|f|frame|state|key|keys|n|.*\.(_state|key|keys))$|^['\"]"
)


def swap(node: ast.AST) -> ast.AST | None:
    """The first two arguments of one of our own functions change places, if both are numbers."""
    if not isinstance(node, ast.Call) or len(node.args) < 2 or DOOR.match(ast.unparse(node.func)):
        return None
    name, (a, b) = ast.unparse(node.func), node.args[:2]
    if name.split(".")[0] in (
        "np",
        "math",
        "pd",
        "ax",
        "super",
        "open",
        "max",
        "min",
        "zip",
        "slice",
        "enumerate",
    ):
        return None
    texts = [ast.unparse(a), ast.unparse(b)]
    if (
        texts[0] == texts[1]
        or not isinstance(a, LIKE)
        or not isinstance(b, LIKE)
        or any(map(UNLIKE.match, texts))
    ):
        return None
    node.args[:2] = [b, a]
    return node


def elsewhere(node: ast.AST) -> ast.AST | None:
    """A draw comes from the next address."""
    if isinstance(node, ast.Call) and len(node.args) >= 3 and DRAW.search(ast.unparse(node.func)):
        node.args[-1] = ast.BinOp(node.args[-1], ast.Add(), ast.Constant(1))
        return node
    return None


def scaled(node: ast.AST) -> ast.AST | None:
    """What a function of numbers returns is 2 % off."""
    if isinstance(node, ast.Return) and isinstance(node.value, ast.BinOp | ast.Call):
        name = ast.unparse(node.value.func) if isinstance(node.value, ast.Call) else ""
        whole = isinstance(node.value, ast.BinOp) and not isinstance(node.value.op, tuple(OTHER))
        if not whole and (not name or name.startswith(("np.asarray", "np.where", "math.", "special."))):
            return ast.Return(ast.BinOp(node.value, ast.Mult(), ast.Constant(1.02)))
    return None


def without(node: ast.AST) -> ast.AST | None:
    """A parameter of the person has no effect: a mind reads 1 in its place."""
    text = ast.unparse(node) if isinstance(node, ast.Subscript | ast.Attribute) else ""
    if re.fullmatch(r"p\.[a-z][a-z_0-9]*", text) and isinstance(node.ctx, ast.Load):
        return ast.Constant(1.0)
    return None


KINDS: dict[str, Callable[[ast.AST], ast.AST | None]] = {
    "turn": turn, "shift": shift, "other_sign": other_sign, "drop": drop, "swap": swap, "elsewhere": elsewhere,
    "scaled": scaled, "without": without,
}  # fmt: skip


#: what a kind can break, to look at nothing else
TYPES: dict[str, type | tuple[type, ...]] = {
    "turn": ast.Compare,
    "shift": ast.Constant,
    "other_sign": ast.BinOp,
    "drop": (ast.Assign, ast.AugAssign, ast.Expr),
    "swap": ast.Call,
    "elsewhere": ast.Call,
    "scaled": ast.Return,
    "without": (ast.Subscript, ast.Attribute),
}


# --- breaks that once went unseen ------------------------------------------------------------------------------------


def shared_seed(node: ast.AST) -> ast.AST | None:
    """Conditions share their draws."""
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("seed_of")
        and "condition" in ast.unparse(node)
    ):
        node.args = [a for a in node.args if "condition" not in ast.unparse(a)]
        return node
    return None


def slip_elsewhere(node: ast.AST) -> ast.AST | None:
    """The slip's draw stands at another address."""
    if isinstance(node, ast.Compare) and "slip" in ast.unparse(node).lower():
        for call in ast.walk(node):
            if elsewhere(call) is not None:
                return node
    return None


def no_stay(node: ast.AST) -> ast.AST | None:
    """`stay` has no effect."""
    read = isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Load)
    if read and ast.unparse(node) == "p.task_inertia":
        return ast.Constant(1.0)
    return None


def other_fifth(node: ast.AST) -> ast.AST | None:
    """Accuracy of the next fifth."""
    if isinstance(node, ast.Call) and ast.unparse(node) == "np.ceil(place * 5)":
        return ast.BinOp(node, ast.Add(), ast.Constant(1))
    return None


def timed_unlimited(node: ast.AST) -> ast.AST | None:
    """Times are given to minds that need none."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Gt) and "EARLY_RT" in ast.unparse(node):
        node.comparators[0] = ast.Constant(-1.0)
        return node
    return None


#: name: where it is looked for, in functions that match, how
NAMED: dict[str, tuple[str, str, str, Callable[[ast.AST], ast.AST | None]]] = {
    "conditions share their draws": ("runs", "cogattn/runs/*.py", "seed", shared_seed),
    "the slip's draw elsewhere": ("mind", "cogattn/mind/**/*.py", "", slip_elsewhere),
    "stay without effect": ("mind", "cogattn/mind/**/*.py", "", no_stay),
    "fifths of accuracy shifted": ("paradigms", "cogattn/paradigms/*.py", "fifth", other_fifth),
    "times given to unlimited minds": ("paradigms", "cogattn/paradigms/*.py", "", timed_unlimited),
}


# --- where ------------------------------------------------------------------------------------------------------


def places(tree: ast.Module) -> Iterator[tuple[str, ast.AST, ast.AST, str, int | None]]:
    """(function, node, its parent, the parent's field, place in it) of everything inside functions."""

    def inside(name: str, parent: ast.AST) -> Iterator[tuple[str, ast.AST, ast.AST, str, int | None]]:
        for field, value in ast.iter_fields(parent):
            if isinstance(parent, ast.FunctionDef) and field in ("decorator_list", "args", "returns", "name"):
                continue
            if isinstance(parent, ast.Call) and DOOR.match(ast.unparse(parent.func)):
                continue
            if isinstance(parent, ast.Raise | ast.Assert | ast.AnnAssign) and field != "value":
                continue
            if isinstance(parent, ast.JoinedStr | ast.Slice | ast.Raise):
                continue
            if isinstance(parent, ast.keyword | ast.BinOp) and "stacklevel" in ast.unparse(parent):
                continue  # which line of a caller a warning names is no number
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.AST):
                    if isinstance(node, ast.If) and any(isinstance(b, ast.Raise) for b in node.body):
                        continue
                    yield name, node, parent, field, place
                    yield from inside(name, node)

    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    left = {id(own) for f in functions if SKIPPED.search(f.name) for own in ast.walk(f)}
    for node in functions:
        if id(node) not in left:
            yield from inside(node.name, node)


def short(node: ast.AST | None) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split()) if node is not None else ""
    return text if len(text) <= 90 else text[:87] + "..."


def breaks_in(
    tree: ast.Module, kind: str, how: Break_, only: str = ""
) -> Iterator[tuple[str, ast.AST, ast.AST, Place]]:
    """(function, node, what it becomes, where it stands) of each thing in this file that breaks so."""
    seen: set[int] = set()
    for function, node, *place in places(tree):
        if (
            isinstance(node, TYPES.get(kind, ast.AST))
            and id(node) not in seen
            and (not only or only in function)
        ):
            seen.add(id(node))
            after = how(copy.deepcopy(node))
            if after is not None:
                yield function, node, after, tuple(place)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def broken(root: Path, room: str, path: Path, kind: str, how: Break_, only: str = "") -> Iterator[Break]:
    """All breaks of one kind in one file."""
    name = path.relative_to(root).as_posix()
    for nth, (function, node, after, _) in enumerate(breaks_in(parsed(path), kind, how, only)):
        yield Break(room, name, function, node.lineno, kind, short(node), short(after), nth)


def source_of(b: Break, path: Path) -> str:
    """The file with that break."""
    _, _, only, how = NAMED.get(b.kind, ("", "", "", KINDS.get(b.kind)))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for nth, (_, _, after, (parent, field, place)) in enumerate(breaks_in(tree, b.kind, how, only)):
        if nth == b.nth:
            if place is None:
                setattr(parent, field, after)
            else:
                getattr(parent, field)[place] = after
            return ast.unparse(ast.fix_missing_locations(tree))
    raise LookupError(b)


def found(root: Path, rooms: list[str]) -> list[Break]:
    """The breaks of this tree, the named ones first; a named one that cannot be found any more is an error."""
    chosen: list[Break] = []
    for name, (room, pattern, only, how) in NAMED.items():
        if room in rooms:
            hits = [b for p in sorted(root.glob(pattern)) for b in broken(root, room, p, name, how, only)]
            if not hits:
                raise SystemExit(
                    f"power.py no longer finds {name!r} in {pattern}: say what it looks like now"
                )
            chosen += hits
    for room in rooms:
        patterns, most, _ = ROOMS[room]
        files = sorted({p for pattern in patterns for p in root.glob(pattern)})
        kinds = {k: how for k, how in KINDS.items() if k != "without" or room == "mind"}
        every = [b for p in files for kind, how in kinds.items() for b in broken(root, room, p, kind, how)]
        taken = {b.id for b in chosen} | set(HARMLESS)
        chosen += spread([b for b in every if b.id not in taken], most)
    return chosen


def spread(every: list[Break], most: int) -> list[Break]:
    """So many, of all kinds and from all functions: round and round the kinds, no function twice before all had one."""
    rng = random.Random(SEED)
    by: dict[str, list[Break]] = {}
    for b in sorted(every, key=lambda b: b.id):
        by.setdefault(b.kind, []).append(b)
    for one in by.values():
        rng.shuffle(one)
    out: list[Break] = []
    used: dict[tuple[str, str], int] = {}
    while len(out) < most and any(by.values()):
        for kind in KINDS:
            left = by.get(kind)
            if left and len(out) < most:
                pick = min(left, key=lambda b: (used.get((b.file, b.function), 0), left.index(b)))
                left.remove(pick)
                used[pick.file, pick.function] = used.get((pick.file, pick.function), 0) + 1
                out.append(pick)
    return out


# --- the tests ---------------------------------------------------------------------------------------------------


def tree_in(root: Path, folder: Path) -> Path:
    """A copy of what the tests read; files are links, so that what was compiled before is there, too."""
    leave = shutil.ignore_patterns(
        ".git", ".venv", ".nox", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache"
    )

    def link(source: str, target: str) -> str:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)
        return target

    shutil.copytree(root, folder, copy_function=link, ignore=leave, symlinks=True)
    for room in (
        "laws",
        "mind",
        "tune",
        "world",
    ):  # numba names a folder by a hash of where its sources stand
        old, new = (
            f"{room}_{hashlib.sha1(str(at / 'cogattn' / room).encode()).hexdigest()}" for at in (root, folder)
        )
        for kept in folder.glob(f"cogattn/__pycache__/cogattn-*/{old}"):
            kept.rename(kept.with_name(new))
    return folder


def near(b: Break) -> list[str]:
    """The tests of that room; of a law or a paradigm, its own files first."""
    stem = Path(b.file).stem
    own = [f"tests/{b.room}/test_{stem}.py", f"tests/test_{stem}.py"]
    if b.room == "paradigms":
        own += ["tests/paradigms"]
    wanted = [*own, *ROOMS[b.room][2]]
    return [t for t in dict.fromkeys(wanted) if (ROOT / t).exists()]


class _First:
    """Keeps the first test that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        self.pytest_runtest_logreport(report)


def _run_here(tree: str, tests: list[str], says: str, limit: int) -> None:
    """In a process of its own that has the big libraries already: the tests of that tree.

    limit: seconds of processor time, so that a busy machine is not taken for a test without end.
    """
    import resource

    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    os.chdir(tree)
    os.environ |= {"PYTHONPATH": tree, "MPLBACKEND": "agg"}
    sys.path[:] = [tree, *(p for p in sys.path if Path(p).resolve() not in (ROOT, ROOT / "tests"))]
    first, quiet = _First(), os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    code = pytest.main(["-q", "-x", "-n0", "-p", "no:cacheprovider", "--no-header", *tests], plugins=[first])
    Path(says).write_text(first.name if first.name or code == 0 else f"(exit {int(code)})", encoding="utf-8")


def failing(tree: Path, tests: list[str], limit: float) -> str:
    """The first test that fails there; "" if all pass."""
    if not tests:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        says = Path(folder) / "failed"
        process = FORKS.Process(target=_run_here, args=(str(tree), tests, str(says), int(limit)))
        process.start()
        process.join(WAIT * limit)
        if process.is_alive():
            process.kill()
            process.join()
            return "(no end)"
        return says.read_text(encoding="utf-8") if says.exists() else f"(exit {process.exitcode})"


def failing_of_all(tree: Path, options: list[str], limit: float, jobs: int) -> str:
    """As `failing`, for the whole suite in several processes."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", f"-n{jobs}", "-p", "no:cacheprovider", *options]
    env = os.environ | {"PYTHONPATH": str(tree), "MPLBACKEND": "agg"}
    try:
        run = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return "(no end)"
    if run.returncode == 0:
        return ""
    lines = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0].split(" ", 1)[1] if lines else f"(exit {run.returncode})"


def tried(b: Break, tree: Path, close: list[str], until: str, limit: float, jobs: int) -> dict[str, object]:
    """One break against the tests, in a tree that is whole before and after."""
    begin = time.time()
    target = tree / b.file
    whole, source = target.read_bytes(), source_of(b, target)
    dated = target.stat()
    try:
        target.unlink()  # it may be a link
        target.write_text(source, encoding="utf-8")
        by = {"near": failing(tree, close, limit), "same": "", "rest": ""}
        if not by["near"] and until != "near":
            by["same"] = failing(tree, [DIGESTS], limit)
            if until == "rest":
                # A broken file has no comments left, so a test that reads them has not seen the break.
                others = [f"--ignore={t}" for t in (*close, DIGESTS, "tests/test_citations.py")]
                by["rest"] = failing_of_all(tree, [*others, "tests"], 4 * limit, jobs)
    finally:
        target.write_bytes(whole)
        os.utime(target, ns=(dated.st_atime_ns, dated.st_mtime_ns))
    test = by["near"] or by["rest"] or by["same"]
    row = {c: getattr(b, c) for c in COLUMNS[:7]} | {k: int(bool(v)) for k, v in by.items()}
    return row | {"test": test, "seconds": round(time.time() - begin)}


# --- the report --------------------------------------------------------------------------------------------------


def report(rows: list[dict[str, str]]) -> str:
    """How many were caught, with the digests and without, and who survived."""

    def caught(row: dict[str, str], by: tuple[str, ...]) -> bool:
        return any(str(row[k]) == "1" for k in by)

    lines = []
    kept = [r for r in rows if r["id"] not in HARMLESS]
    for room in ("all", *ROOMS):
        own = [r for r in kept if room in ("all", r["file"].split("/")[1].removesuffix(".py"))]
        if own:
            every, alone = (
                sum(caught(r, by) for r in own) for by in (("near", "same", "rest"), ("near", "rest"))
            )
            lines.append(
                f"{room:10} {len(own):3} breaks: {every / len(own):4.0%} caught, "
                f"{alone / len(own):4.0%} without the digests"
            )
    lost = [r for r in kept if not caught(r, ("near", "same", "rest"))]
    only = [r for r in kept if caught(r, ("same",)) and not caught(r, ("near", "rest"))]
    for title, some in (("caught by no test", lost), ("caught by the digests alone", only)):
        if some:
            lines += ["", f"{title}:"]
            lines += [
                f"  {r['id']} {r['file']}:{r['line']} {r['function']}  {r['before']}  ->  {r['after']}"
                for r in some
            ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", nargs="*", choices=list(ROOMS), default=list(ROOMS))
    parser.add_argument("--only", type=int, metavar="N", help="at most so many breaks")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="from this one on")
    parser.add_argument("--out", type=Path, default=Path("power.csv"))
    parser.add_argument("--list", action="store_true", help="say what would be broken")
    parser.add_argument(
        "--until", choices=("near", "same", "rest"), default="rest", help="how far a survivor goes"
    )
    parser.add_argument("--again", nargs="*", default=[], metavar="ID", help="try these again")
    parser.add_argument(
        "--near", nargs="*", default=[], metavar="TEST", help="these in the place of the near tests"
    )
    parser.add_argument(
        "--limit", type=float, default=900.0, help="seconds of processor time for the near tests"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes for the rest of the tests")
    how = parser.parse_args()
    for name, value, least in (
        ("only", how.only, 1),
        ("from", how.first, 0),
        ("jobs", how.jobs, 1),
        ("limit", how.limit, 1),
    ):
        if value is not None and value < least:
            parser.error(f"--{name} must be at least {least}, got {value:g}")
    every = found(ROOT, how.rooms)
    todo = every[how.first :][: how.only] if not how.again else [b for b in every if b.id in how.again]
    if how.list:
        for i, b in enumerate(todo, how.first):
            print(f"{i:3} {b.id} {b.file}:{b.line} {b.function} [{b.kind}]  {b.before}  ->  {b.after}")
        return
    FORKS.set_forkserver_preload(list(LIBRARIES))
    rows: list[dict[str, str]] = []
    if how.out.exists():
        with how.out.open(encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["id"] not in how.again]
    done = {r["id"] for r in rows}
    # One tree for all: compiled code is kept by where it stands, and most breaks leave it as it was.
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        tree = tree_in(ROOT, Path(folder) / "tree")
        for i, b in enumerate(todo, how.first):
            if b.id in done:
                continue
            row = tried(b, tree, how.near or near(b), how.until, how.limit, how.jobs)
            rows.append({k: str(v) for k, v in row.items()})
            print(f"{i:3} {b.id} {b.kind}: {row['test'] or 'UNSEEN'} ({row['seconds']} s)", flush=True)
            with how.out.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, COLUMNS)
                table.writeheader()
                table.writerows(rows)
    print(report(rows))


if __name__ == "__main__":
    main()
