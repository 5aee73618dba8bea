"""Evidence from pixels: what a network that looks at rendered displays gives the mind, element by element.

Bundesen's rate (1990, Psychol Rev 97:523) is v(x, i) = C eta(x, i) beta_i w_x / sum w. The network gives, for each
element x, its weight logit and its probabilities p(x, i). With R the categories that the task asks for (beta_i = 1):

    w_x    = exp(gain logit_x),  gain = ln(1 / alpha) / gap: the gap is that of ONE display, partial report, for all
    eta_x  = sum_{i in R} p(x, i) / eta_ref         how well it can be told; eta_ref = mean p(x, right) there
    q(x,i) = p(x, i) / sum_{j in R} p(x, j)         which category one categorisation of it says

A person's C is the rate at which letters of such displays are told right, so eta of a right letter is 1 there on
average. A report says a category drawn from q(x, .) (stream NAME). A decision takes its drive from the network's
decision logits: with the margin m of the right answer over the others, categorisations come at |m| / m_alone times
the task's rate, m_alone being the mean margin where the target stands alone (or, of words and Navon's letters, beside
what says nothing), and each is right with the probability of the softmax over the answers; what is irrelevant takes
its share of capacity by weight, and pushes nothing beside that. In a search a visit takes 1 / eta simple responses
(mean of its group), and each visited element is taken for the target with its own q. What calls for a response is
answered at |m| / m_alone times the speed, and taken for a signal with the softmax of the decision. Without limits the
network's own argmax answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.mind.draws import NAME, trial_keys, uniforms
from cogattn.nn.networks import replies
from cogattn.nn.networks.scene_lessons import ABSENT, ANSWERS, PRESENT
from cogattn.nn.networks.scenes import COLOUR, COLOURS, NOTHING, SHAPE, SHAPES, Scene
from cogattn.paradigms import Answers
from cogattn.population import People
from cogattn.runs import displays
from cogattn.runs.plan import Cell, RunPlan, condition_seed
from cogattn.world.stream import TaskStream

Array = npt.NDArray[Any]
_LEAST = 1e-3  # of eta: what cannot be told at all would never be answered


@dataclass(frozen=True)
class SeenBatch:
    """A batch of trials before a network that looks: the same for every arm."""

    network: Any
    display: displays.Shown
    looked: Any  # logits (n, E), forms (n, E, 46), inks (n, E, 7), answers (n, A)
    keys: Array
    stream: TaskStream
    inspect: float  # of the stream's task
    plain: float  # the margin of the target alone

    @classmethod
    def make(
        cls, plan: RunPlan, cell: Cell, stream: TaskStream, network: Any, person: Array, trial: Array
    ) -> SeenBatch:
        """What is shown in these trials."""
        keys = trial_keys(condition_seed(plan, cell.condition), person, trial)
        shown = displays.KNOWN[plan.paradigm.pixels](plan.paradigm, cell.condition, keys)
        usual = _usual(network, displays.plain(plan.paradigm.pixels, cell.condition, shown))
        looked = _look(network, shown.scene, keys)  # the last look, which the other arms of this cell take up
        return cls(network, shown, looked, keys, stream, stream.tasks[0].inspect, usual)

    @classmethod
    def of_session(
        cls, plan: RunPlan, cell: Cell, session: Any, network: Any, person: Array, trial: Array
    ) -> SeenBatch:
        """What is shown in these trials of sessions: all people's first trial, second trial, ..."""
        if plan.paradigm.pixels in displays.KNOWN:
            return cls.make(plan, cell, session.streams[0], network, person, trial)
        people = len(person) // session.trials
        kind = np.broadcast_to(session.which, (people, session.trials)).reshape(-1)
        keys = trial_keys(condition_seed(plan, cell.condition), person, trial)
        signal = np.array([s.stimuli[0].signal for s in session.streams])[kind]
        shown = displays.signals(keys, signal, displays.CALLS[plan.paradigm.pixels])
        usual = _usual(network, displays.plain(plan.paradigm.pixels, cell.condition, shown))
        looked = _look(network, shown.scene, keys)
        return cls(network, shown, looked, keys, session.streams[0], 1.0, usual)

    # -- what it makes of each element -----------------------------------------------------------------------------

    @cached_property
    def eta(self) -> Array:
        """(n, elements of the scene, answers): how strongly each looks like each of the categories that are asked for,
        as shares of what a clear letter looks like a letter."""
        d, forms, inks = self.display, self.looked.forms, self.looked.inks
        if d.kind == "finds" and not d.options:  # red and vertical, both
            is_it = inks[..., COLOUR["red"]] * forms[..., SHAPE["vertical"]]
            some = (inks[..., [COLOUR["red"], COLOUR["green"]]].sum(-1)) * (
                forms[..., [SHAPE["vertical"], SHAPE["horizontal"]]].sum(-1)
            )
            return np.stack([some - is_it, is_it], -1) / self.network.eta
        parts = []
        for categories in d.options:
            own = [
                (inks if ink else forms)[:, e, c]
                for e, (c, ink) in enumerate(zip(categories, d.ink, strict=True))
            ]
            parts.append(np.stack(own, 1))
        return np.stack(parts, -1) / self.network.eta

    @cached_property
    def clear(self) -> Array:
        """(n, elements): eta_x, all categories together."""
        return np.maximum(self.eta.sum(-1), _LEAST)

    @cached_property
    def says(self) -> Array:
        """(n, elements, answers): q."""
        return np.maximum(self.eta, 1e-12) / np.maximum(self.eta, 1e-12).sum(-1, keepdims=True)

    @cached_property
    def right(self) -> Array:
        """(n, elements): q of the right answer."""
        return np.take_along_axis(self.says, self.display.label[..., None], -1)[..., 0].clip(0.0, 1.0)

    # -- what the mind takes --------------------------------------------------------------------------------------

    def weights(self, minds: People, person: Array) -> Array:
        """(n, E) of the stream: w_x, at the one gain that each person has for every display."""
        gain = race.gain_for(minds["alpha"], self.network.gap)[person, None]
        logits = np.where(self.display.scene.here, self.looked.logits, -np.inf)
        w = race.weights_from_logits(logits, gain)
        n = len(self.stream.stimuli)
        if w.shape[1] > n:  # the elements that stand for one of the stream, together
            w = np.concatenate([w[:, : n - 1], w[:, n - 1 :].sum(1, keepdims=True)], 1)
        return w

    def seen(self, limited: bool) -> Array:
        """(n, E, 2) of the stream: a factor of eta, and how likely a categorisation is right."""
        d, n = self.display, len(self.stream.stimuli)
        out = np.ones((len(self.keys), n, 2))
        if not limited:
            out[..., 1] = self._alone(n)
        elif d.kind in ("decides", "calls"):
            out[:, 0, 0] = np.maximum(np.abs(self.margin) / self.plain, _LEAST)
            out[:, 0, 1] = 1 / (1 + np.exp(-self.margin))
            if d.kind == "decides":
                out[:, 0, 0] /= self.stream.stimuli[0].evidence  # what the task had assumed of it
                out[:, 1:, 0] = 0.0  # the conflict is in the margin: nothing is pushed beside it
        elif d.kind == "finds":
            out[..., 0] = self.clear * self.inspect  # a visit takes one simple response where all is clear
            out[..., 1] = self.right
        else:
            out[..., 0] = self.clear  # what is named is drawn when it is told
        return out

    @property
    def margin(self) -> Array:
        """(n,): the decision logit of the right answer, less those of all other answers that the task allows."""
        return margin_of(self.display, self.looked)

    def _alone(self, n: int) -> Array:
        """(n, E): 1 = the network itself, with plain attention, is right, 0 = it is wrong."""
        d, answer = self.display, self.looked.answers
        ok = np.ones((len(answer), n))
        if d.kind in ("decides", "calls"):
            ok[:, 0] = self.margin > 0
        elif d.kind == "finds":
            says = (answer[:, PRESENT] > answer[:, ABSENT])[:, None] & (np.arange(n) == 0)
            ok[:] = ((d.right == 1)[:, None] & (np.arange(n) == 0)) == says
        return ok

    # -- what is answered -----------------------------------------------------------------------------------------

    def names(self, limited: bool) -> Array:
        """(n, elements): what each is called once it is told, a draw from q; without limits the likeliest."""
        q = self.says
        if not limited:
            return np.asarray(q.argmax(-1))
        u = uniforms(self.keys[:, None], NAME, np.arange(q.shape[1]))
        return np.minimum((u[..., None] > q.cumsum(-1)).sum(-1), q.shape[-1] - 1)

    @property
    def distractor(self) -> Array:
        """(E,): which elements of the stream are none to report."""
        return np.array([s.distractor for s in self.stream.stimuli])

    def answers(self, stored: Array, censored: Array, limited: bool) -> tuple[Answers, list[str]]:
        """What is reported: the names of what the mind holds; without limits, of what the network itself selects."""
        said = self.names(limited)
        given = stored & ~censored if limited else self.looked.logits > 0
        right = given & (said == self.display.label) & ~self.distractor
        shown = np.where(given & ~self.distractor, said, -1)[:, ~self.distractor]
        letters = np.array(
            [
                *(
                    SHAPES[int(c[0])] if not self.display.ink[0] else str(int(c[0]))
                    for c in self.display.options
                ),
                ".",
            ]
        )
        response = [" ".join(row) for row in letters[shown]]
        return Answers(given, right, censored), response

    def read(self, paradigm: Any, condition: Any, record: Any, limited: bool) -> Array | None:
        """(people, trials, elements) what is made of what is held: 1 = right (same), 0 = wrong, -1 = nothing."""
        if self.display.kind != "names":
            return None
        shape = record.element_times.encoded.shape
        said = self.names(limited).reshape(shape)
        if hasattr(paradigm, "held"):  # is it the one n back?
            n = int(condition["load"])
            out = np.full(shape, -1)
            known = paradigm.held(condition, record) if limited else np.ones((*shape[:2], shape[2] - n), bool)
            out[..., n:] = np.where(known, said[..., n:] == said[..., :-n], -1)
            return out
        known = paradigm.known(record)
        return np.where(known, said == self.display.label.reshape(shape), -1)

    # -- for `explain` --------------------------------------------------------------------------------------------

    @property
    def logits(self) -> Array:
        """(n, E): the network's own weight logit of each element."""
        return np.asarray(self.looked.logits)

    @property
    def here(self) -> Array:
        """(n, E): which elements there are."""
        return self.display.scene.here

    def allocation(self, out: cohort.Outcome, limited: bool) -> Array:
        """(n, E): the share of its attention that each element got."""
        w = race.weights_from_logits(self.logits, 1.0) * (out.stored if limited else 1.0)
        return w / np.maximum(w.sum(1, keepdims=True), 1e-300)

    def elements(self, row: int, names: list[str]) -> tuple[list[str], Array | None]:
        """What the elements of one trial are called, and their pictures."""
        pictures = self.network.pictures(
            self.display.only(slice(row, row + 1)).scene, self.keys[row : row + 1]
        )
        return [
            f"{n}: {SHAPES[s]}" for n, s in zip(names, self.display.scene.shape[row], strict=True)
        ], pictures[0]


def _look(network: Any, scene: Scene, keys: Array) -> Any:
    """What the network makes of these displays, if it is that."""
    what = f"look() of {network.name}"
    return replies.look(what, network.look(scene, keys), scene.here, NOTHING + 1, len(COLOURS), len(ANSWERS))


def margin_of(display: displays.Shown, looked: Any) -> Array:
    """(n,): the decision logit of the right answer, less those of all other answers that the task allows."""
    p = np.log(np.maximum(looked.answers[:, display.answers], 1e-30))
    right = np.arange(p.shape[1]) == display.right[:, None]
    of = p[right]
    other = np.where(right, -np.inf, p)
    top = other.max(1)
    return np.asarray(of - top - np.log(np.exp(other - top[:, None]).sum(1)))


def _usual(network: Any, plain: displays.Shown | None) -> float:
    """The mean margin where the target stands alone, of this network."""
    if plain is None:
        return 1.0
    known = network.__dict__.setdefault("usual", {})
    name = (plain.scene.instruction[0], plain.kind)
    if name not in known:
        keys = trial_keys(0, np.arange(len(plain.right)), 2**29)
        known[name] = float(np.abs(margin_of(plain, _look(network, plain.scene, keys))).mean())
    return float(known[name])
