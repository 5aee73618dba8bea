"""SimPy drives one mind, in an open world: any task stream, a user's own processes beside it, closed loops.

The mind schedules one wake-up in SimPy's event list, at its own next event; whatever the world does replaces
it. A wake-up has the lowest priority, so at one and the same time the world acts first, as in `mind.cohort`.
The mind lives in nominal time: in a `simpy.rt.RealtimeEnvironment` the same events come at the same times, and that
environment waits until the wall clock shows them, or is late; the mind does not notice.

>>> import simpy
>>> from cogattn.observer import Observer
>>> env = simpy.Environment()
>>> mind = Mind(env, Observer(capacity=40.0, slots=3.0, threshold=0.0), seed=1)
>>> def world():
...     for letter in "ABC":
...         mind.show(letter)
...     yield mind.any_encoded()            # as soon as anything is seen...
...     yield env.timeout(0.2)              # ...the hand needs 200 ms to press the button...
...     for letter in "ABC":
...         mind.mask(letter)               # ...which ends the display
>>> _ = env.process(world())
>>> env.run()
>>> sorted(mind.stored)
['A', 'B', 'C']
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any

import numpy as np
import simpy
from simpy.rt import RealtimeEnvironment

from cogattn._renamed import old_names
from cogattn.errors import InputError, doors, values
from cogattn.mind import cohort
from cogattn.mind.simpy_mind import ACT, LOOK, Mind
from cogattn.observer import Observer
from cogattn.world import kinds
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

__all__ = ["Mind", "play", "run_session"]


def play(
    stream: TaskStream,
    observer: Observer | None = None,
    *,
    seed: int = 0,
    person: int = 0,
    trial: int = 0,
    weights: Any = None,
    env: simpy.Environment | None = None,
) -> Mind:
    """Play a task stream to one mind in SimPy; its `.events` and `.stored` tell what happened.

    The draws are those of `cohort.play` for the same seed, person and trial: so are the events. `env`: where to play
    it; in a `simpy.rt.RealtimeEnvironment` it takes as long as it says.
    """
    env = _from_zero(env)
    observer = observer or Observer()
    subject = Mind.__new__(Mind)  # its arguments have been checked by this function
    subject._live(env, observer, seed, person, trial, stream.tasks, stream=stream)
    if weights is None:
        scale = stream.weights(observer.alpha)
    else:
        scale = values("weights", weights)
        if scale.shape != (len(stream.stimuli),) or not np.isfinite(scale).all() or (scale < 0).any():
            raise InputError(
                f"weights must be {len(stream.stimuli)} finite numbers >= 0, got {scale.tolist()}"
            )
    subject._arrives(stream, np.ascontiguousarray(scale))
    env.process(_replay(env, subject, stream))
    env.run(until=stream.end)
    subject._settle(stream.end)
    subject._note(float(stream.end), kinds.END, -1)
    return subject


def _from_zero(env: simpy.Environment | None) -> simpy.Environment:
    """A clock that shows 0 now; that of a real-time environment starts to run."""
    env = simpy.Environment() if env is None else env
    if env.now != 0:
        raise InputError(f"env must stand at 0 s, it is at {env.now:g} s: give a new one")
    if isinstance(env, RealtimeEnvironment):
        env.sync()
    return env


def _replay(env: simpy.Environment, subject: Mind, stream: TaskStream) -> Generator[Any, Any, None]:
    """The stream as a SimPy process: what it knows, when it is time. Its end is the caller's: when all has arrived,
    nothing in SimPy's list holds the mind any more."""
    for moment, after in pairwise(stream.moments):
        subject._world_acts = moment.time
        yield env.timeout(max(0.0, moment.time - env.now))
        subject._world_acts = after.time
        subject._meet(moment)
        if stream.open_stimuli:
            for name, (x, _) in moment.shown.items():
                mask = stream.stimuli[x].mask
                if callable(mask):
                    env.process(_until(mask, name, subject))


def _until(process: Any, name: str, subject: Mind) -> Generator[Any, Any, None]:
    """Mask `name` when the user's process says so: a generator that ends then, or a SimPy event.

    The process starts when the element has appeared.
    """
    condition: Any = process(subject)
    if isinstance(condition, Generator):
        condition = subject.env.process(condition)
    yield condition
    subject.mask(name)


def run_session(
    session: Session,
    observer: Observer | None = None,
    *,
    seed: int = 0,
    person: int = 0,
    visit: int = 0,
    env: simpy.Environment | None = None,
) -> Mind:
    """Let one mind sit through a session in SimPy, from the same draws as in `cohort.run_session`: the same `.events`.

    `env`: as in `play`.
    """
    env = _from_zero(env)
    observer = observer or Observer()
    subject = Mind(
        env,
        observer,
        seed=seed,
        person=person,
        trial=cohort.SESSION_TRIAL - visit,
        tasks=session.tasks,
        keep=None,
    )
    subject._assign(session.streams[int(session.which[session.row(person), 0])])
    for kind, value in (
        (kinds.SLEEPINESS, session.sleepiness), (kinds.HOLD, session.memory_load), (kinds.LOAD, session.load)
    ):  # fmt: skip
        subject._global(kind, value, note=False)
    done = env.process(_sit(env, subject, session, visit))
    env.run(until=done)
    longest = max(session.streams, key=lambda s: len(s.stimuli))
    subject._element = {s.name: (x, s.task) for x, s in enumerate(longest.stimuli)}
    subject.trial = 0
    return subject


def _sit(env: simpy.Environment, subject: Mind, session: Session, visit: int) -> Generator[Any, Any, None]:
    """The session as a SimPy process. Times are sums of the session's own numbers, as in the compiled loop."""
    row, now = session.row(subject.person), 0.0
    for j in range(session.trials):
        rest, gap = float(session.rest[row, j]), float(session.gap[row, j])
        if rest > 0.0:
            subject._global(kinds.LOAD, float(session.rest_load[row, j]), now)
            subject._global(kinds.HOLD, 0.0, now, note=False)
            now += rest
            yield from _wait(env, subject, now)
            subject._global(kinds.LOAD, session.load, now)
            subject._global(kinds.HOLD, session.memory_load, now, note=False)
        now += gap
        yield from _wait(env, subject, now)
        subject._renew(visit * 1048576 + j, now)
        subject._assign(session.streams[int(session.which[row, j])])
        subject._plan()
        now = yield from _trial(env, subject, session, int(session.which[row, j]), now)


def _wait(env: simpy.Environment, subject: Mind, until: float) -> Generator[Any, Any, None]:
    subject._world_acts = until
    yield env.timeout(max(0.0, until - env.now))
    subject._settle(until)


def _trial(
    env: simpy.Environment, subject: Mind, session: Session, which: int, begin: float
) -> Generator[Any, Any, float]:
    """One trial; returns when it ended: with its stream, or with a response if the session is self-paced."""
    stream = session.streams[which]
    scale, table = stream.weights(subject.observer.alpha), stream.arrivals()
    answered = env.event()
    if session.self_paced:
        subject._on_response = answered.succeed
    subject._element = {s.name: (x, s.task) for x, s in enumerate(stream.stimuli)}
    for time, kind, x, value in zip(*(c.tolist() for c in table), strict=True):
        then = begin + time
        subject._world_acts = then
        yield env.timeout(max(0.0, then - env.now)) | answered
        if not answered.triggered:
            _settle_until_answer(subject, then, answered)
        if answered.triggered:
            subject._on_response = None
            return float(answered.value or 0.0)
        scaled = value * float(scale[x]) if kind in (kinds.ONSET, kinds.WEIGHT) else value
        subject._turn(LOOK if kind == kinds.END else ACT, then, kind, x, scaled)
        subject._note(then, kind, x)
        subject._plan()
    subject._on_response = None
    return begin + float(table.time[-1])


def _settle_until_answer(subject: Mind, time: float, answered: simpy.Event) -> None:
    """As `Mind._settle`, but a response ends the trial at once."""
    while not answered.triggered and subject._planned[0] < time:
        subject._do(*subject._planned)


old_names(__name__, watch="run_session")

doors(__name__, "play", "run_session")
