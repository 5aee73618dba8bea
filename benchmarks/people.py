"""Do ten times the people cost ten times as much? `ca.run` of whole report, 10 trials each, from 1,000 people on.

    python benchmarks/people.py [--long] [--quick]     # a minute; --long goes on to 1,000,000 people

One exposure, one arm, one thread, processor time. The smaller sizes are run several times in between, so that their
medians can be trusted, 100,000 people three times (the first time, when the memory is new, costs a third more), a
million once. Memory is the most that the process has held until then.
"""

from __future__ import annotations

import statistics

import measure

import cogattn as ca

SIZES, LONG, TRIALS, TARGET = (1_000, 10_000, 100_000), 1_000_000, 10, 10.5


def main() -> None:
    parser = measure.options(__doc__, rounds=2)
    parser.add_argument("--long", action="store_true", help=f"also {LONG:,} people")
    asked = parser.parse_args()
    sizes = SIZES[:2] if asked.quick else SIZES + (LONG,) * asked.long
    task = ca.paradigms.get("whole_report")(exposures=(0.2,))

    def seconds(people: int) -> float:
        return measure.cpu(lambda: ca.run(task, arms="human", people=people, trials=TRIALS, seed=0))

    seconds(100)  # compile
    lines, before = [], 0.0
    for people in sizes:
        times = min(9, max(3 if people < LONG else 1, measure.rounds_of(asked) * 20_000 // people))
        now = statistics.median(seconds(people) for _ in range(times))
        again = statistics.median(seconds(people // 10) for _ in range(times)) if before else 0.0
        factor = f"{now / again:.2f} | {measure.met(now / again, TARGET)}" if again else "| |"
        us = 1e6 * now / people / TRIALS
        lines.append(
            f"{people:,} | {measure.short(now)} | {measure.short(us)} | {factor} | {measure.peak():,.0f}"
        )
        before = now
    heads = ("people", "s", "us per trial", "over a tenth of them", "target", "met", "memory [MiB]")
    print(measure.table(heads, lines))


if __name__ == "__main__":
    main()
