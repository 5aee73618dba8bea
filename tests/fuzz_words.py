"""Words for the command line: the parameters of each command, read from it, with one or two values gone wrong."""

from __future__ import annotations

import inspect
import random
import re
import typing
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fuzz_doors import Input

#: A right command, as short as it can be; its files are made by `made`.
RIGHT = {
    "run": ["whole_report", "--people", "1", "--trials", "1", "--arms", "human", "--jobs", "1"],
    "compare": ["--model", "digit_reader", "--people", "1", "--trials", "1", "--jobs", "1"],
    "scorecard": ["--people", "1", "--trials", "1", "--jobs", "1"],
    "verify": ["--quick"], "live": ["--seconds", "0.1", "--arms", "human"],
    "import": ["data.csv"], "tune": ["whole_report", "--data", "data.csv", "--jobs", "1"],
    "predict": ["--fit", "whole_report=data.csv", "--predict", "whole_report=data.csv", "--jobs", "1"],
    "design": ["whole_report", "--for", "capacity", "--check", "0", "--jobs", "1"],
    "sensitivity": ["whole_report", "--params", "capacity", "--metric", "score", "--n", "2", "--jobs", "1"],
    "sweep": ["whole_report", "--param", "capacity", "--goal", "min capacity", "--candidates", "1", "--jobs", "1"],
    "list": [], "plot": ["run"], "trace": ["run"], "explain": ["run"], "explore": ["no_such_task", "--no-browser"],
    "doctor": [], "report": ["data.csv", "--jobs", "1"], "reproduce": ["run", "--jobs", "1"],
    "watch": ["low", "--people", "1", "--minutes", "1", "--as-it-is", "--jobs", "1"], "read": ["no/such_text"],
    "board": ["--seeds", "1", "--count", "1"],
}  # fmt: skip
#: What each is slow at if nothing is wrong: only wrong words are tried there.
SLOW = {
    "run",
    "compare",
    "scorecard",
    "verify",
    "live",
    "tune",
    "predict",
    "design",
    "sensitivity",
    "sweep",
    "doctor",
    "report",
    "reproduce",
    "watch",
    "board",
}
WORDS = ("", " ", "x", "-1", "0", "1.5", "nan", "inf", "-inf", "1e400", "1" * 5000, "9" * 30, "é🙂", "$x_{", "a\nb",
 "\0", "../..",
         "/", ".", "/dev/full", "no_such_file", "=", "a=", "=1", "a=b=c", ",", ",,", "[", "]" * 300, "[" * 3000,
          "{}", "None",
         "true", "x" * 5000, "--", "-", "a:b", "capacity=", "capacity=1:0", "capacity=nan:inf", "whole_report",
          "human,human",
         "slots+", "data.csv", "deep.toml", "odd.toml", "empty", "evil.py", "exits.py", "int.toml")  # fmt: skip
#: Of them, what no option of words may be: a slow command is given these alone.
TELLING = ("\0", "no_such_file", "é🙂", "[", "x" * 5000, "deep.toml", "int.toml", "evil.py", "exits.py")
#: Options that take any name of a folder, and what is none.
PLACES, ANYWHERE_WRONG = ("--out",), ("x" * 5000, "/dev/full", "", " ", "\0", "data.csv")
#: option or type: the words that may be right there
FINE = {
    int: re.compile(r"0|9{30}|1"), float: re.compile(r"-1|0|1\.5|inf|-inf"), bool: re.compile(r"true"),
}  # fmt: skip
POSITIVE = {"people", "jobs", "draws", "chains", "n", "candidates", "minds", "seconds", "fps"}


def made() -> None:
    """The files that the words name, in the folder where the commands are tried."""
    from fuzz_doors import specimens

    Path("data.csv").write_bytes(_table())
    Path("deep.toml").write_text("a = " + "[" * 3000 + "]" * 3000)
    Path("int.toml").write_text("capacity = " + "1" * 5000)
    Path("odd.toml").write_text("capacity = 'x'\n[slots]\na = 1\n")
    Path("empty").mkdir(exist_ok=True)
    Path("evil.py").write_text("raise ValueError('é\\n')")
    Path("exits.py").write_text("import sys\nsys.exit(7)")
    if not Path("run").exists():
        specimens()["trials"].save("run", figures=False)


@cache
def _table() -> bytes:
    from fuzz_doors import specimens

    return specimens()["frame"].to_csv(index=False).encode()


@cache
def options() -> dict[str, dict[str, Any]]:
    """Command: its options, and the type of each."""
    from cogattn.cli import app

    found: dict[str, dict[str, Any]] = {}
    for name, command in app.resolved_commands().items():
        if name in RIGHT:
            found[name] = dict(_options(command.default_command))
    return found


def _options(function: Any) -> Any:
    hints = typing.get_type_hints(function, include_extras=True)
    for p in inspect.signature(function).parameters.values():
        said = hints[p.name]
        parts = [x for x in _flat(said) if x is not type(None)]
        group = next((x for x in parts if hasattr(x, "__dataclass_fields__")), None)
        if group is not None:
            yield from _options(group)
            continue
        called = next(
            (x.name[0] for x in getattr(said, "__metadata__", ()) if getattr(x, "name", None)), None
        )
        word = called or f"--{p.name.rstrip('_').replace('_', '-')}"
        yield ("" if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL) else word), parts


def _flat(said: Any) -> list[Any]:
    if typing.get_origin(said) is typing.Annotated:
        return _flat(typing.get_args(said)[0])
    if typing.get_args(said) and typing.get_origin(said) is not list:
        return [x for part in typing.get_args(said) for x in _flat(part)]
    return [said]


def drawn(rng: random.Random, quick: bool = False) -> Input:
    """A command, and what is put into one of its options."""
    name = rng.choice([n for n in RIGHT if not (quick and n in SLOW)])
    chosen = []
    for _ in range(rng.choice((1, 1, 2))):
        option = rng.choice([*options()[name], "--no-such-option"])
        chosen.append((option, rng.choice(_offered(name, option))))
    return _command(name, chosen)


def singles() -> Iterator[Input]:
    """Every option of every command with each word, one at a time."""
    for name in RIGHT:
        for option in [*options()[name], "--no-such-option"]:
            for word in _offered(name, option):
                yield _command(name, [(option, word)])


def _kinds(name: str, option: str) -> tuple[list[Any], re.Pattern[str] | None]:
    """The types of an option, and the words that are right for a number or a switch."""
    kinds = options()[name].get(option, [])
    return kinds, next((FINE[k] for k in (int, float, bool) if k in kinds), None)


def _offered(name: str, option: str) -> list[str]:
    """The words that are tried in an option."""
    kinds, fine = _kinds(name, option)
    bad = [w for w in WORDS if fine is None or not fine.fullmatch(w)]
    if name in SLOW and (fine is None or bool in kinds) and kinds:
        bad = list(ANYWHERE_WRONG if option in PLACES else TELLING)
    if (name, option) == ("explore", ""):  # a task that there is is shown for ever
        bad = [w for w in bad if w != "whole_report"]
    if (name, option) == ("read", ""):  # a text that is there is read, for half a minute
        bad = ["", " ", "\0", "x" * 5000, "empty", "no/such_text"]
    return bad


def _command(name: str, chosen: Sequence[tuple[str, str]]) -> Input:
    """The command, with these words in these options."""
    tokens, wrong = list(RIGHT[name]), False
    for option, word in chosen:
        kinds, fine = _kinds(name, option)
        if fine is not None and bool not in kinds and word != "None":  # which says that nothing is given
            wrong = True
        if option in tokens and tokens.index(option) + 1 < len(tokens):
            tokens[tokens.index(option) + 1] = word
        elif option == "" and tokens and name != "predict":
            tokens[0] = word
        else:
            tokens += [option, word] if option else [word]
        wrong = wrong or option == "--no-such-option"
    if "--jobs" not in tokens and "--jobs" in options()[name]:
        tokens += ["--jobs", "1"]
    shown = " ".join(repr(t) if len(t) < 40 else f"{t[:20]!r}..." for t in [name, *tokens])
    return Input(f"cogattn {shown}", wrong, lambda: called([name, *tokens]))


def called(tokens: list[str]) -> None:
    """Run it as the shell would: one line and an exit code are a refusal, a crash report is a traceback."""
    import contextlib
    import io

    from cogattn import cli
    from cogattn.errors import InputError

    made()
    said, caught = io.StringIO(), []
    with contextlib.redirect_stderr(said):
        report, cli.crash_report = cli.crash_report, lambda error, command: caught.append(error) or "crash"
        try:
            cli.main(tokens)
        except SystemExit as stop:
            code = stop.code
        finally:
            cli.crash_report = report
    if caught:
        raise caught[0]
    if code == 2:
        lines = [line for line in said.getvalue().splitlines() if line.startswith("cogattn: ")]
        if len(lines) != 1:
            raise AssertionError(f"{len(lines)} lines of refusal: {said.getvalue()[:200]!r}")
        raise InputError(lines[0])
    if code not in (0, 1):
        raise AssertionError(f"exit code {code}: {said.getvalue()[:200]!r}")
    if code == 1 and "cogattn: " in said.getvalue():
        raise InputError(said.getvalue()[-300:])
