"""The speeded response: a stimulus calls for it (CALL), and it draws from the state that it meets.

1/RT is normal with a mean proportional to alertness (LATER, `laws.alertness.later`), part of its noise is a slow tempo.
"go" is a decision (`laws.conflict`): what is seen is counted for going or against it, and the key that is ready pushes
going meanwhile, as flankers push their answer. The slow tempo is one of caution there: as much as a person's speed
varies, so much, and `SWING` times, the lead drifts that he asks for. While attention is away nothing is told apart, and
what is expected is done. "detect" compares with a criterion that adapts.

State: the response that is under way, the tempo, the last error. Brings: RESPOND.
Closed form: `laws.alertness.later_quantile`; of "go", `laws.conflict.Conflict`.
"""

from __future__ import annotations

import math

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.alertness import later, normal_quantile
from cogattn.laws.conflict import SLOWEST, decided, push_time
from cogattn.mind import central, tally
from cogattn.mind.alertness import HELD, SHIFT, alertness, come_back
from cogattn.mind.draws import NAME, RESPONSE, _uniform
from cogattn.world.stream import RESPONSES

SIMPLE, GO, DETECT = (RESPONSES.index(name) for name in ("simple", "go", "detect"))
CHANCES = 4  # of each call: how fast, whether it is seen or called back, whether it is too early, the tempo
SPEED, CHECK, EARLY, TEMPO = range(CHANCES)
SWING = 3.5  # how much more caution drifts than speed varies, both as a share
EARLY_RT = 0.1  # s; what comes sooner cannot be an answer

STATE = [
    ("calls", np.int64),  # speeded stimuli of this trial so far
    ("answer_at", np.float64),  # when the response comes; inf = none
    ("answer_to", np.int64),  # the element that it answers
    ("answer_ok", np.int64),  # 1 = what the task asked for
    ("tempo", np.float64),  # the slow part of speed's noise, in sd, at the last call
    ("tempo_at", np.float64),  # when that was
    ("erred_at", np.float64),  # when the last error was noticed; -inf = never
]


@compiled(inner=True)
def begin(m):  # type: ignore[no-untyped-def]
    """Nothing answered yet."""
    m.tempo, m.tempo_at, m.erred_at = 0.0, -np.inf, -np.inf
    m.answer_ok = 0


@compiled(inner=True)
def fresh(m):  # type: ignore[no-untyped-def]
    """A trial begins: no response is under way."""
    m.calls = 0
    m.answer_at, m.answer_to = np.inf, -1


@compiled(inner=True)
def _speed(m, p, u, mean, sd, n):  # type: ignore[no-untyped-def]
    """The response time of a draw u. Part of the noise of speed is slow: an Ornstein-Uhlenbeck tempo, exact at
    any time."""
    share = p.tempo_share
    if share <= 0.0:
        return later(u, mean, sd)
    _drift(m, p, n)
    return later(u, mean + math.sqrt(share) * sd * m.tempo, math.sqrt(1.0 - share) * sd)


@compiled(inner=True)
def _drift(m, p, n):  # type: ignore[no-untyped-def]
    """The tempo at this call."""
    keep = math.exp(-(m.now - m.tempo_at) / p.tempo_time)
    fresh_part = normal_quantile(_uniform(m.key, RESPONSE, n + TEMPO))
    m.tempo = keep * m.tempo + math.sqrt(1.0 - keep * keep) * fresh_part
    m.tempo_at = m.now


@compiled(inner=True)
def _caution(m, p, rule, n):  # type: ignore[no-untyped-def]
    """By how much going has to lead now: more after an error, less where signals prove rare, and it drifts."""
    r = p.evidence_threshold * rule.caution
    r *= 1.0 + p.wariness * math.exp(-(m.now - m.erred_at) / p.tempo_time)
    r *= 1.0 - p.criterion_shift * m.x[SHIFT]
    if p.tempo_share > 0.0:
        _drift(m, p, n)
        r *= 1.0 + SWING * p.speed_sd / p.speed * m.tempo
    return max(r, 1.0)


@compiled(inner=True)
def _tell(m, p, rule, x, pace, lead, way):  # type: ignore[no-untyped-def]
    """(how long it takes, whether the key is pressed): what is seen speaks for going (way = 1) or against it (-1), and
    the key that is ready pushes going, in a pulse that rises and fades."""
    height, ahead, told, pushes = rule.activation * p.readiness, 0, 0, 0
    count_at = tally.chance(m, x, 0) / pace
    pulse, push_at = 0.0, np.inf
    if height > 0.0:
        pulse = tally.chance(m, x, 1)
        push_at = push_time(pulse / height, rule.peak)
    while True:
        if push_at < count_at:
            t = push_at
            ahead += 1 if pulse < height else -1
            pushes += 1
            pulse += tally.chance(m, x, 2 * pushes + 1)
            push_at = push_time(pulse / height, rule.peak)
        else:
            t = count_at
            ahead += way
            told += 1
            count_at = t + tally.chance(m, x, 2 * told) / pace
        answer = decided(ahead, lead)
        if answer != 0:
            return t, answer > 0


@compiled(inner=True)
def call(m, p, e, rules, x, task, shown):  # type: ignore[no-untyped-def]
    """What comes of a stimulus that asks for a speeded response: when, and whether it is what the task asked for."""
    rule, n = rules[task], CHANCES * m.calls
    m.calls += 1
    m.answer_to = x
    right, yes = True, True
    mean, sd, ready = p.speed * alertness(m, p) * e[x].clear, p.speed_sd, m.on == 1
    signal = shown  # what it is taken for
    if e[x].sure < 1.0 and _uniform(m.key, NAME, x) >= e[x].sure:
        signal = 1 - shown
    if rule.response == DETECT:
        # Attention that is away meets noise. Sensitivity falls with the deficit of memory alone.
        d = rule.sensitivity * (1.0 - p.memory_loss * m.x[HELD])
        seen = d / 2 if (signal == 1 and ready) else -d / 2
        c = p.criterion + p.criterion_shift * m.x[SHIFT]
        yes = seen + normal_quantile(_uniform(m.key, RESPONSE, n + CHECK)) > c
        right = yes == (shown == 1)
    if mean == np.inf:
        rt = 0.0
        if rule.response == GO:
            yes = not (signal == 1 and ready)
            right = yes == (shown == 0)
    else:
        if not ready:
            sd *= p.lapse_spread
            mean *= p.lapse_speed
        if rule.response == GO:
            z = normal_quantile(_uniform(m.key, RESPONSE, n + SPEED))
            pace = rule.evidence_rate * max(mean + sd * z, SLOWEST * mean)
            way = -1 if signal == 1 and ready else 1
            rt, yes = _tell(m, p, rule, x, pace, tally.lead(m, _caution(m, p, rule, n)), way)
            rt += central.fixed(m, p, x, rule.after, rule.after_sd, central.AFTER)
            right = yes == (shown == 0)
        else:
            rt = _speed(m, p, _uniform(m.key, RESPONSE, n + SPEED), mean, sd, n)
        if rule.response == SIMPLE:
            early = _uniform(m.key, RESPONSE, n + EARLY)
            if early < p.anticipation:
                rt = EARLY_RT * early / p.anticipation
                right = False
    m.answer_ok = 1 if right else 0
    m.answer_at = m.now + rt if yes else np.inf


@compiled(inner=True)
def respond(m, p):  # type: ignore[no-untyped-def]
    """The response is given. One that is noticed to be wrong makes wary, and calls attention back."""
    m.answer_at = np.inf
    if m.answer_ok == 0:
        m.erred_at = m.now
        if m.on == 0:
            come_back(m, p)
