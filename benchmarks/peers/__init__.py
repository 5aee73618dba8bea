"""The same experiments without cogattn, as researchers write them: what our speed is measured against.

Each file is what somebody writes who needs this one experiment and nothing else. They stay as they are: a peer that
is tuned, or made slower, is another peer. `tests/test_benchmarks.py` holds each of them against a closed form.
"""
