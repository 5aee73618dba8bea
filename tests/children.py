"""The command line in a process of its own, that a test may interrupt."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

# A shell without job control starts what runs in its background deaf to SIGINT, and every child inherits that.
_HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from cogattn.cli import main; main()"


def start(*tokens: object, **how: Any) -> subprocess.Popen:
    """`cogattn TOKENS`; it hears SIGINT whatever started the tests."""
    return subprocess.Popen([sys.executable, "-c", _HEARS, *map(str, tokens)], stdout=subprocess.PIPE, **how)
