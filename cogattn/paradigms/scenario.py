"""What happens in a control room, minute by minute, in the plain text that OpenMATB plays (Cegarra et al. 2020, Behav
Res Methods 52:1980; after MATB-II, Santiago-Espada et al. 2011, NASA/TM-2011-217164).

A line is `H:MM:SS;plugin;command` or `H:MM:SS;plugin;parameter;value`; # begins a comment. Understood are the four
tasks: `sysmon` (scales-1..4-failure, lights-1..2-failure, alerttimeout [ms]), `track`, `communications` (radioprompt
own or other, maxresponsedelay [ms]), `resman` (pump-1..8-state failure, on or off), each with start, stop, pause,
resume, hide, show and automaticsolver. What else a file says (colours, questionnaires, tank levels) is kept and listed
as `ignored`.

>>> room = parse("0:00:00;sysmon;start\\n0:00:05;sysmon;lights-1-failure;True\\n0:00:20;sysmon;stop\\n")
>>> [(s.name, s.task, s.onset, s.until) for s in room.signals]
[('lights-1.1', 'monitoring', 5.0, 15.0)]
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cogattn.errors import InputError, choice, doors, number
from cogattn.files import MOST_TOML, opened, write_text
from cogattn.world.stream import MOST_ELEMENTS, Stimulus, Task, TaskStream

COMMANDS = ("start", "stop", "pause", "resume", "hide", "show")
#: OpenMATB's plugins, and the task that each of them brings.
PLUGINS = {"sysmon": "monitoring", "track": "tracking", "communications": "radio", "resman": "pumps"}
ALERT, REPLY = (
    10.0,
    20.0,
)  #: s to answer a failed gauge, and a call once it is spoken: OpenMATB's own defaults
PUMP = 30.0  #: s to answer a failed pump that the scenario does not restore before [assumption]
MESSAGE, CALLSIGN = 5.0, 2.0  #: s until a call is understood, and until one hears whom it is for [assumption]
LEVELS = ("low", "medium", "high")  #: the scenarios that come with the package

# What the tasks ask of a mind. Pools after Wickens's multiple resources. How long the central stage takes (choice: in
# simple responses of about 0.3 s), the hand (after), slips, and what draws attention (priority while nothing waits,
# e ** salience times as much while something does, over difficulty) are [assumption]. The order of these follows what
# people do in this very battery (Wickens et al. 2016, Hum Factors 58:322): the salient draws, the difficult
# repels. A radio needs no look, so it draws little while it is silent; what is said to others is let go unanswered.
TASKS: dict[str, Task] = {
    t.name: replace(t, demand=0.2, monotony=0.5)
    for t in (
        Task(
            "tracking",
            resources={"visual_focal": 0.5, "visual_ambient": 1.0, "cognitive_spatial": 1.0, "manual": 1.0},
            priority=1.0,
        ),
        Task(
            "monitoring",
            response="choose",
            when_full="wait",
            before=0.1,
            choice=2.0,  # one of six keys
            after=0.4,
            slip=0.02,
            deadline=ALERT,
            resources={"visual_focal": 1.0, "cognitive_verbal": 0.5, "manual": 0.5},
            priority=0.5,
            salience=1.5,
        ),
        Task(
            "radio",
            response="choose",
            when_full="wait",
            before=MESSAGE,
            choice=20.0,  # find the radio, tune it: about 6 s
            after=0.5,
            slip=0.02,
            deadline=MESSAGE + REPLY,
            resources={"auditory_verbal": 1.0, "cognitive_verbal": 1.0, "manual": 1.0},
            priority=0.2,
            salience=3.0,
        ),
        Task(
            "chatter",
            response="choose",
            when_full="wait",
            before=CALLSIGN,
            choice=1.0,
            slip=0.02,
            deadline=MESSAGE + REPLY,
            resources={"auditory_verbal": 1.0, "cognitive_verbal": 0.5},
            priority=0.1,
            salience=3.0,
        ),
        Task(
            "pumps",
            response="choose",
            when_full="wait",
            before=0.2,
            choice=10.0,  # find a way round the failed pump: about 3 s
            after=1.0,
            slip=0.02,
            deadline=PUMP,
            resources={"visual_focal": 1.0, "cognitive_spatial": 1.0, "manual": 1.0},
            priority=0.5,
            salience=1.5,
            difficulty=1.5,
        ),
    )
}


@dataclass(frozen=True)
class Line:
    """One line of a scenario; value = None: a command."""

    time: int
    plugin: str
    word: str
    value: str | None = None

    def __str__(self) -> str:
        m, s = divmod(self.time, 60)
        parts = [f"{m // 60}:{m % 60:02}:{s:02}", self.plugin, self.word]
        return ";".join(parts if self.value is None else [*parts, self.value])


@dataclass(frozen=True)
class Signal:
    """Something that asks for an answer (or, of the chatter, to be let go), from `onset` to before `until`."""

    name: str
    task: str
    onset: float
    until: float
    limit: float  # how long it would wait if nothing ended it before


@dataclass(frozen=True)
class Scenario:
    """The lines of a scenario, in order of time, and what they mean to a mind."""

    name: str
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @cached_property
    def ignored(self) -> tuple[str, ...]:
        """The lines that nothing is done with: what is not understood, and what happens while its task is not there."""
        understood = {id(line) for line, _ in self._events} | {
            id(line) for line in self.lines if line.plugin in PLUGINS and _is_state(line)
        }
        return tuple(str(line) for line in self.lines if id(line) not in understood)

    @cached_property
    def end(self) -> float:
        """When it is over, s: with its last line, or when what is then open has run out."""
        return max([float(self.lines[-1].time), *(s.until for s in self.signals)])

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """What asks for an answer, in order of time."""
        return tuple(signal for _, signal in self._events if signal is not None)

    def manual(self, plugin: str) -> list[tuple[float, float]]:
        """(from, to) of the times when this plugin runs and nobody but the mind looks after it."""
        runs, alone, since, out = False, False, math.nan, []
        own = [x for x in self.lines if x.plugin == plugin]
        for i, line in enumerate(own):
            if line.value is None:
                runs = line.word in ("start", "resume", "show")
            elif line.word == "automaticsolver":
                alone = line.value.lower() == "true"
            if i + 1 < len(own) and own[i + 1].time == line.time:
                continue  # at one and the same time the last word counts
            now = float(line.time)
            if runs and not alone and math.isnan(since):
                since = now
            elif not (runs and not alone) and not math.isnan(since):
                out.append((since, now))
                since = math.nan
        return out if math.isnan(since) else [*out, (since, math.inf)]

    @cached_property
    def _events(self) -> list[tuple[Line, Signal | None]]:
        """The lines that are acted on, each with the signal that it gives, if it gives one."""
        out: list[tuple[Line, Signal | None]] = []
        counts: dict[str, int] = {}
        spells = {p: self.manual(p) for p in PLUGINS}
        alert, reply = ALERT, REPLY
        for i, line in enumerate(self.lines):
            if line.plugin not in PLUGINS or line.value is None:
                continue
            kind = _kind(line)
            if kind == "alerttimeout":
                alert = int(line.value) / 1000
            elif kind == "maxresponsedelay":
                reply = int(line.value) / 1000
            elif kind in ("gauge", "call", "pump"):
                name, task, limit = _asks(line, alert, reply)
                if not task:
                    out.append((line, None))
                    continue
                now = float(line.time)
                stop = next((b for a, b in spells[line.plugin] if a <= now < b), None)
                if stop is None:
                    continue  # nobody is there to answer it
                back = next((float(x.time) for x in self.lines[i + 1 :] if _restores(x, line)), math.inf)
                until = min(now + limit, stop, back)
                if until > now:
                    counts[name] = counts.get(name, 0) + 1
                    out.append((line, Signal(f"{name}.{counts[name]}", task, now, until, limit)))
                continue
            if kind in ("alerttimeout", "maxresponsedelay"):
                out.append((line, None))
        return out

    def stream(self, seconds: float = math.inf) -> TaskStream:
        """As a world for a mind, or its first so many seconds. Tracking never finishes: it is there, and waits."""
        end = min(self.end, seconds)
        spells = [(a, min(b, end)) for a, b in self.manual("track") if a < end]
        signals = [s for s in self.signals if s.onset < end]
        if not spells and not signals:
            raise InputError(
                f"{self.name} holds nothing that a mind could do (start track, or a failure or a call while its task "
                f"runs); {len(self.ignored)} of its {len(self.lines)} lines are ignored"
            )
        if len(spells) + len(signals) > MOST_ELEMENTS:
            raise InputError(
                f"{self.name} holds {len(spells) + len(signals)} events; a trial holds at most {MOST_ELEMENTS}: play "
                "the first minutes of it (option minutes) or cut it in two"
            )
        limit = {s.task: max(t.limit for t in signals if t.task == s.task) for s in signals}
        items = [
            Stimulus(f"tracking.{i}", a, None if b >= end else b, task="tracking", evidence=0.0)
            for i, (a, b) in enumerate(spells, 1)
        ]
        items += [
            Stimulus(
                s.name,
                s.onset,
                s.until if s.until < s.onset + limit[s.task] else None,
                task=s.task,
                distractor=s.task == "chatter",
            )
            for s in signals
        ]
        tasks = tuple(
            replace(t, deadline=limit[name]) if name in limit else t
            for name, t in TASKS.items()
            if any(x.task == name for x in items)
        )
        return TaskStream(tuple(items), end, tasks=tasks, focused=True)


def read(path: str | Path) -> Scenario:
    """A scenario from a file, or one line that says what is wrong with it, and where."""
    try:
        with opened(Path(path), MOST_TOML) as file:
            text = file.read().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        if isinstance(error, UnicodeDecodeError):
            raise InputError(f"{path} is no text file; save the scenario as plain text (UTF-8)") from None
        why = getattr(error, "strerror", None) or "no such file"
        raise InputError(f"cannot read the scenario {path}: {why}") from None
    return parse(text, str(path))


def write(scenario: Scenario, path: str | Path) -> None:
    """The scenario as a file that `read`, and OpenMATB, read. Comments are not kept."""
    write_text(Path(path), str(scenario))


def parse(text: str, name: str = "the scenario") -> Scenario:
    """A scenario from its text."""
    lines = []
    for n, row in enumerate(text.split("\n"), 1):
        row = row.strip()
        if row and not row.startswith("#"):
            lines.append(_line(row, f"{name}, line {n}:"))
    if not lines:
        raise InputError(f"{name} holds no line; write such as 0:00:00;track;start")
    return Scenario(name, tuple(sorted(lines, key=lambda line: line.time)))


def shipped(level: str) -> Scenario:
    """One of the scenarios that come with the package: low, medium or high."""
    place = Path(__file__).parent / "scenarios" / f"{choice('scenario', level, LEVELS)}.txt"
    return read(place)


# -- lines -------------------------------------------------------------------------------------------------------

_TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
_GAUGE = re.compile(r"(scales|lights)-([^-]*)-failure")
_PUMP_STATE = re.compile(r"pump-([^-]*)-state")


def _line(row: str, where: str) -> Line:
    """One line, checked; `where` is how an error begins."""
    parts = [part.strip() for part in row.split(";")]
    if not 3 <= len(parts) <= 4 or not all(parts):
        raise InputError(
            f"{where} must be H:MM:SS;plugin;command or H:MM:SS;plugin;parameter;value, got {_cut(row)}"
        )
    found = _TIME.fullmatch(parts[0])
    if not found:
        raise InputError(f"{where} time must be H:MM:SS such as 0:01:30, got {_cut(parts[0])}")
    h, m, s = (int(part) for part in found.groups())
    line = Line(3600 * h + 60 * m + s, *parts[1:])
    if line.plugin in PLUGINS:
        _check(line, where)
    return line


def _check(line: Line, where: str) -> None:
    """A line of one of the four tasks: a command that there is, a value that means something."""
    if line.value is None:
        choice(f"{where} command of {line.plugin}", line.word, COMMANDS)
        return
    what, kind, value = f"{where} {line.word}", _kind(line), line.value
    if kind == "gauge":
        family, n = _GAUGE.fullmatch(line.word).groups()  # type: ignore[union-attr]
        choice(f"{what}: number", n, "1234" if family == "scales" else "12")
        choice(what, value.lower(), ("true", "false", "up", "down"))
    elif kind == "pump":
        choice(f"{what}: number", _PUMP_STATE.fullmatch(line.word).group(1), "12345678")  # type: ignore[union-attr]
        choice(what, value.lower(), ("failure", "on", "off"))
    elif kind == "call":
        choice(what, value.lower(), ("own", "other"))
    elif kind == "automaticsolver":
        choice(what, value.lower(), ("true", "false"))
    elif kind:
        if not re.fullmatch("[0-9]{1,9}", value) or int(value) == 0:
            raise InputError(f"{what} must be a whole number of milliseconds > 0, got {_cut(value)}")
        number(what, int(value), above=0, most=3_600_000, unit="ms")


def _kind(line: Line) -> str:
    """What a parameter is to us; "" = nothing."""
    word = line.word
    if word == "automaticsolver":
        return word
    if line.plugin == "sysmon":
        return "gauge" if _GAUGE.fullmatch(word) else word if word == "alerttimeout" else ""
    if line.plugin == "communications":
        return {"radioprompt": "call", "maxresponsedelay": word}.get(word, "")
    return "pump" if line.plugin == "resman" and _PUMP_STATE.fullmatch(word) else ""


def stands(line: Line) -> bool:
    """Whether a line holds until another one says otherwise: whether a task is there, how long its signals wait."""
    return line.plugin in PLUGINS and (_is_state(line) or _kind(line) in ("alerttimeout", "maxresponsedelay"))


def _is_state(line: Line) -> bool:
    return line.value is None or line.word == "automaticsolver"


def _asks(line: Line, alert: float, reply: float) -> tuple[str, str, float]:
    """(name, task, seconds to answer) of what this line asks for; no task: nothing."""
    value, kind = str(line.value).lower(), _kind(line)
    if kind == "call":
        return value, "radio" if value == "own" else "chatter", MESSAGE + reply
    if kind == "pump":
        return line.word.removesuffix("-state"), "pumps" if value == "failure" else "", PUMP
    return line.word.removesuffix("-failure"), "monitoring" if value != "false" else "", alert


def _restores(later: Line, line: Line) -> bool:
    """Whether a later line ends what this one began: the pump works again."""
    return (
        later.plugin == line.plugin
        and later.word == line.word
        and _kind(line) == "pump"
        and bool(later.value)
    )


def _cut(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


doors(__name__)
