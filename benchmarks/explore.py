"""How fast does the page answer a slider? Every paradigm, everything that the server does included.

    python benchmarks/explore.py [--moves 6] [NAME ...]

A move of `capacity`, while dragging and when it is let go; the peer is the same figure drawn by Matplotlib as a PNG of
100 dpi, once its trials are played: what a page pays that sends pictures, before the playing. The goal is .3 s on
letting go. Medians of wall-clock time, one process; trust the ratios, not the times. Needs the extra `explore`.
"""

from __future__ import annotations

import argparse
import gc
import io
import statistics
import time

import matplotlib as mpl

from cogattn import paradigms
from cogattn.explore.page import Page
from cogattn.view import plot

GOAL = 0.3  # s


def moves(page: Page, n: int, *, full: bool) -> float:
    """Median seconds of n moves, each to a place where the slider has not been."""
    taken = []
    for i in range(n):
        place = 50.0 - i - (0.5 if full else 0.0)
        began = time.perf_counter()
        answer = page.answer({"do": "move", "values": {"capacity": place}, "full": full})
        taken.append(time.perf_counter() - began)
        assert "error" not in answer, answer
    return statistics.median(taken)


def printed(page: Page, n: int) -> float:
    """Median seconds of drawing the figure of what was played."""
    taken = []
    for _ in range(n):
        began = time.perf_counter()
        figure = page.done.plot()
        figure.savefig(io.BytesIO(), dpi=100)
        plot.close(figure)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    """A row per paradigm."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=paradigms.names())
    parser.add_argument("--moves", type=int, default=6)
    asked = parser.parse_args()
    mpl.use("Agg")
    print("| paradigm | moving: times x trials | ms | let go: times x trials | ms | a PNG of it / let go |")
    print("|---|---|---|---|---|---|")
    late = []
    for name in asked.names:
        page = Page(name)
        times, played = [], []
        for full in (False, True):
            page.answer({"do": "move", "values": {"capacity": 60.0}, "full": full})
            gc.collect()
            gc.freeze()  # as the server does
            times.append(moves(page, asked.moves, full=full))
            plan = page.play.plan
            each = getattr(plan.paradigm, "trials", plan.trials) if plan.trials == 1 else plan.trials
            played.append(f"{plan.people} x {each}" if each > 1 else f"{plan.people} sittings")
        late += [name] * (times[1] > GOAL)
        cells = [name, played[0], f"{1000 * times[0]:.0f}", played[1], f"{1000 * times[1]:.0f}"]
        print("|", " | ".join([*cells, f"{printed(page, 3) / times[1]:.1f}"]), "|", flush=True)
    print(f"\nlater than {GOAL} s: {', '.join(late) or 'none'}")


if __name__ == "__main__":
    main()
