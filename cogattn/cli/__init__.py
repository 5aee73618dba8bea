"""The command line: `cogattn list | run | compare | tune | sweep | live | plot | trace | scorecard | verify | ...`.

Every command takes --help; long ones show progress on a terminal, keep what is finished, go on with --resume and
end with where they put the results. A mistake gives one line and exit code 2; Ctrl-C gives exit code 130.

The commands stand in one file per family and are imported when they are called: `cogattn list` waits for no library.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from cogattn.errors import CogattnError

app = App(
    name="cogattn",
    help="What happens to attention when it is as limited as ours?",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)

#: The file of each command, and its function where the word is not free in Python.
FAMILIES = {
    "experiments": ("run", "compare", "scorecard", "verify", "live"),
    "people": ("import", "tune", "predict", "design"),
    "minds": ("sensitivity", "sweep"),
    "look": ("list", "plot", "trace", "explain", "explore"),
    "language": ("read", "board"),
    "doctor": ("doctor",),
}

for _family, _commands in FAMILIES.items():
    for _name in _commands:
        _function = {"list": "list_", "import": "import_"}.get(_name, _name)
        app.command(f"cogattn.cli.{_family}:{_function}", name=_name)


def main(tokens: Sequence[str] | None = None) -> None:
    """Run one command; every mistake that a person can mend is one line on standard error."""
    tokens = sys.argv[1:] if tokens is None else list(tokens)
    if not tokens or tokens[0] in app.help_flags:  # every command says its line
        app.resolved_commands()
    try:
        code = int(app(tokens, exit_on_error=False, print_error=False) or 0)
    except (CogattnError, CycloptsError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"cogattn: {text}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print(
            "\ncogattn: stopped; finished pieces are kept: the same command with --resume goes on",
            file=sys.stderr,
        )
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    raise SystemExit(code)
