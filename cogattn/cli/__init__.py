"""The command line: `cogattn list | run | compare | tune | sweep | live | plot | trace | scorecard | verify | ...`.

Every command takes --help; long ones show progress, keep what is finished, go on with --resume and
end with where they put the results. A mistake gives one line and exit code 2, one in a file of your own with the
line where it happened; Ctrl-C gives exit code 130. A fault of cogattn itself gives one line too, exit code 3, and a
file that says where in the code it happened.

The commands stand in one file per family and are imported when they are called: `cogattn list` waits for no library.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError

from cogattn.errors import LONGEST, CogattnError, InputError, crash_report, own_fault

app = App(
    name="cogattn",
    help="What happens to attention when it is as limited as ours?",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)

#: The file of each command, and its function where the word is not free in Python.
FAMILIES = {
    "experiments": ("run", "compare", "scorecard", "reproduce", "verify", "live"),
    "data": ("import", "report"),
    "people": ("tune", "predict", "design"),
    "minds": ("sensitivity", "sweep"),
    "operators": ("watch",),
    "names": ("list",),
    "look": ("plot", "trace", "explain", "explore"),
    "language": ("read", "board"),
    "doctor": ("doctor",),
}

#: How each command is called, as its --help ends. RUN is a folder that `cogattn run` made.
EXAMPLES = {
    "run": ("run whole_report", "run stroop --arms human,softmax --people 20 --trials 50"),
    "compare": ("compare", "compare --model digit_reader --people 20"),
    "scorecard": ("scorecard --people 50 --no-needs", "scorecard --curves"),
    "reproduce": ("reproduce results/whole_report/RUN",),
    "verify": ("verify --quick",),
    "live": ("live --seconds 10 --deadline 0.04",),
    "import": ("import mine.csv", "import mine.csv --for flanker --unit rt=ms --save recipe.toml"),
    "report": ("report mine.csv --recipe recipe.toml",),
    "tune": (
        "tune whole_report --data mine.csv",
        "tune flanker --data mine.csv --column rt=latency",
    ),
    "predict": ("predict --fit whole_report=a.csv --predict partial_report=b.csv",),
    "design": ("design whole_report --for alpha --within 0.1",),
    "sensitivity": ("sensitivity control_room --params speed,slip --metric misses",),
    "sweep": (
        "sweep control_room --param speed --goal 'min speed' \\\n    --subject-to 'misses <= 0.05' --candidates 20",
    ),
    "watch": ("watch mine.txt --miss-below 5%",),
    "list": ("list", "list flanker"),
    "plot": ("plot results/whole_report/RUN --out handout",),
    "trace": ("trace results/control_room/RUN --person 3",),
    "explain": ("explain results/whole_report/RUN --trial 5",),
    "explore": ("explore", "explore flanker"),
    "read": ("read mine.txt --slots 4 --question 'Who came?'",),
    "board": ("board --seeds 3",),
    "doctor": ("doctor",),
}

for _family, _commands in FAMILIES.items():
    for _name in _commands:
        _function = {"list": "list_", "import": "import_"}.get(_name, _name)
        _examples = "\n".join(f"  cogattn {words}" for words in EXAMPLES[_name])
        app.command(
            f"cogattn.cli.{_family}:{_function}", name=_name, help_epilogue=f"For example:\n{_examples}"
        )


_plain = warnings.formatwarning


def _told(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> str:
    """A warning of ours (a changed run folder, a text read in part) as one line; others as Python writes them."""
    return (
        f"cogattn: {message}\n"
        if category.__module__.startswith("cogattn.")
        else _plain(message, category, *where, **more)
    )


#: How seldom a command looks for garbage: torch alone makes a million objects of which none is any.
SELDOM = (50_000, 20, 10)


def main(tokens: Sequence[str] | None = None) -> None:
    """Run one command; every mistake that a person can mend is one line on standard error."""
    tokens = sys.argv[1:] if tokens is None else list(tokens)
    gc.set_threshold(*SELDOM)
    warnings.formatwarning = _told
    if not tokens or tokens[0] in app.help_flags:  # every command says its line
        app.resolved_commands()
    try:
        if any("\0" in token for token in tokens):
            raise InputError("a word of a command cannot hold the character NUL")
        code = int(app(tokens, exit_on_error=False, print_error=False) or 0)
        sys.stdout.flush()
    except (CogattnError, CycloptsError) as error:
        code = _tell(" ".join(str(error).split()) or type(error).__name__, 2)
    except KeyboardInterrupt:
        print(
            "\ncogattn: stopped; finished pieces are kept: the same command with --resume goes on",
            file=sys.stderr,
        )
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except MemoryError:
        code = _tell("there is not enough memory for this: ask for fewer people or trials, or give --out", 1)
    except OSError as error:
        code = _tell(f"{error.strerror or error}: {error.filename or 'standard output'}", 1)
        with contextlib.suppress(OSError):
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), 1
            )  # what is still in the pipe is not tried again at the end
    except Exception as error:
        own = own_fault(error)  # in the file of a network or a paradigm that the user brought
        code = _tell(own, 2) if own else _tell(crash_report(error, " ".join(["cogattn", *tokens])), 3)
    raise SystemExit(code)


def _tell(text: str, code: int) -> int:
    """One line on standard error, however long what was wrong is; the exit code."""
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 300]} ... {text[-290:]}"
    print(f"cogattn: {text}", file=sys.stderr)
    return code
