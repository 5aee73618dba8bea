"""The policies, a class each: the race, the heaviest, a blunter softmax, a lapse, slots, and one after the other.

A new policy is one class here, or in a file of your own: `Policy` with its `emit`. `cogattn.nn.gate` exports whatever
policy stands in this file.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cogattn.errors import InputError, doors, shown
from cogattn.nn.gate.policy import (
    Display,
    Policy,
    Setting,
    checked_setting,
    display_of,
    gate_of,
    in_slots,
    most_slots,
    per_row,
    row_values,
    slot_width,
    whole_or_inf,
)
from cogattn.nn.gate.state import GateState


class Race(Policy):
    """Bundesen's race for a few slots, a whole batch at once.

        v_x = C w_x / sum_z w_z,  w_x = exp(gain logit_x),  finish_x = t0 + Exp(v_x)

    An element is stored iff it finishes before the exposure ends and is among the K first. The order of
    finishing is Plackett-Luce in w whatever C and t0 are. A K that is not whole is, in each row, its floor
    or its ceiling, so that the mean is K. Rates are fixed by all elements on display; with
    `reallocate=True` the rates of the unfinished always sum to C: the same order, other times.

    >>> import torch
    >>> logits, chance = torch.zeros(1, 6), torch.Generator().manual_seed(0)
    >>> gate = Race(capacity=60.0, slots=3, threshold=0.01)(logits, exposure=10.0, generator=chance)
    >>> int(gate.keep.sum())
    3
    """

    capacity: Setting
    slots: Setting
    threshold: Setting
    gain: Setting
    reallocate: bool

    def __init__(
        self,
        capacity: Setting,
        slots: Setting,
        threshold: Setting = 0.0,
        gain: Setting = 1.0,
        reallocate: bool = False,
    ) -> None:
        """capacity C [items/s], slots K, threshold t0 [s] and gain: numbers, or one per row (B,)."""
        super().__init__()
        if not isinstance(reallocate, bool):
            raise InputError(f"reallocate must be True or False, got {shown(reallocate)}")
        self._hold(
            capacity=checked_setting("capacity", capacity, infinite=True, unit="items/s"),
            slots=checked_setting("slots", slots, infinite=True, unit="items"),
            threshold=checked_setting("threshold", threshold, unit="s"),
            gain=checked_setting("gain", gain),
            reallocate=reallocate,
        )
        self._most = most_slots(self.slots)

    def emit(self, display: Display) -> GateState:
        """Who is stored; nothing at all if no limit can bind."""
        if self._nothing_limits(display.exposure):
            return GateState(keep=display.mask)
        return self._encode(*self._draw(display), display)

    def play(
        self,
        logits: Tensor,
        *,
        exposure: Setting | None = None,
        generator: torch.Generator | None = None,
        mask: Tensor | None = None,
    ) -> tuple[GateState, Tensor]:
        """The gate and, from the same race, every finish time (B, S) in seconds; inf = never."""
        display = display_of(logits, exposure, generator, mask)
        work, log_p = self._draw(display)
        return self._encode(work, log_p, display), self._seconds(work, log_p)

    def times(
        self, logits: Tensor, *, generator: torch.Generator | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """When every element would finish, (B, S) seconds; inf = never. The same draws as a call would use."""
        return self._seconds(*self._draw(display_of(logits, None, generator, mask)))

    def _nothing_limits(self, exposure: Setting | None) -> bool:
        """No limit can bind, known without reading a tensor."""
        settings = (self.capacity, self.slots, self.threshold, self.gain)
        if isinstance(exposure, Tensor) or any(isinstance(x, Tensor) for x in settings):
            return False
        return settings == (math.inf, math.inf, 0.0, 1.0) and (exposure is None or exposure > 0.0)

    def _draw(self, display: Display) -> tuple[Tensor, Tensor]:
        """Log of each element's finish at unit capacity, Exp(1) / p, and log p. (B, S) both.

        Logs, so that the order survives any spread of weights; float32, for in bfloat16 4 % of displays tie.
        """
        log_w = display.logits.detach().float()
        if isinstance(self.gain, Tensor) or self.gain != 1.0:
            log_w = log_w * per_row("gain", self.gain, log_w)
        if display.mask is not None:
            log_w = log_w.masked_fill(~display.mask, -math.inf)
        log_p = torch.log_softmax(log_w, -1)  # (B, S)
        work = torch.empty_like(log_p).exponential_(generator=display.generator).log_()
        return work.sub_(log_p), log_p

    def _encode(self, work: Tensor, log_p: Tensor, display: Display) -> GateState:
        """The K first to finish, if they finish in time."""
        width = slot_width(self._most, work)
        if self.reallocate:
            done, order = _shared_out(work, log_p)  # (B, S) both, by order of finishing
            done, order = done[:, :width].log(), order[:, :width]
        else:
            done, order = work.topk(width, dim=-1, largest=False, sorted=True)  # (B, Kmax) both
        stored = done < self._log_bound(display.exposure, work)  # False for NaN: rows without any weight
        return gate_of(order, in_slots(stored, self.slots, display.generator), work.shape[1])

    def _log_bound(self, exposure: Setting | None, like: Tensor) -> Setting:
        """Log of the work that the exposure allows, (tau - t0) C; -inf or NaN: nothing can finish."""
        tau = math.inf if exposure is None else per_row("exposure", exposure, like)
        capacity = per_row("capacity", self.capacity, like)
        bound = (tau - per_row("threshold", self.threshold, like)) * capacity
        if isinstance(bound, Tensor):
            return bound.log()
        return math.log(bound) if bound > 0 else -math.inf

    def _seconds(self, work: Tensor, log_p: Tensor) -> Tensor:
        done = work.exp()
        if self.reallocate:
            done, order = _shared_out(work, log_p)
            done = torch.empty_like(done).scatter_(1, order, done)
        # A weight may be too small for a float, but with unlimited capacity it is done at once all the same.
        done = done.clamp(max=torch.finfo(done.dtype).max)
        seconds = done / per_row("capacity", self.capacity, work)
        seconds = seconds + per_row("threshold", self.threshold, work)  # (B, S)
        return torch.where(work < math.inf, seconds, math.inf)


class TopK(Policy):
    """The k heaviest keys, always: selection without chance or time. Slots are in order of weight.

    >>> import torch
    >>> TopK(2)(torch.tensor([[0.0, 3.0, 1.0]])).index.tolist()
    [[1, 2]]
    """

    k: float

    def __init__(self, k: float) -> None:
        super().__init__()
        self._hold(k=whole_or_inf("k", k))

    def emit(self, display: Display) -> GateState:
        if math.isinf(self.k):
            return GateState(keep=display.mask)
        weight = display.logits.detach()
        if display.mask is not None:
            weight = weight.masked_fill(~display.mask, -math.inf)
        best, order = weight.topk(slot_width(self.k, weight), dim=-1)  # (B, Kmax) both
        return gate_of(order, in_slots(best > -math.inf, self.k, None), weight.shape[1])


class Soft(Policy):
    """A sharper or blunter softmax: one inverse temperature, no limit on how many or how fast.

    >>> import torch
    >>> Soft(0.5)(torch.zeros(1, 4)).gain.tolist()
    [0.5]
    """

    gain: Setting

    def __init__(self, gain: Setting) -> None:
        super().__init__()
        self._hold(gain=checked_setting("gain", gain))

    def emit(self, display: Display) -> GateState:
        if not isinstance(self.gain, Tensor) and self.gain == 1.0:
            return GateState(keep=display.mask)
        return GateState(gain=row_values("gain", self.gain, display.logits), keep=display.mask)


class Lapse(Policy):
    """The mind is elsewhere with probability p: nothing is granted to that row (share = 0).

    >>> import torch
    >>> Lapse(1.0)(torch.zeros(2, 4), generator=torch.Generator().manual_seed(0)).share.tolist()
    [0.0, 0.0]
    """

    p: Setting

    def __init__(self, p: Setting) -> None:
        super().__init__()
        self._hold(p=checked_setting("p", p, most=1.0))

    def emit(self, display: Display) -> GateState:
        if not isinstance(self.p, Tensor) and self.p == 0.0:
            return GateState(keep=display.mask)
        logits = display.logits
        chance = torch.rand(logits.shape[0], device=logits.device, generator=display.generator)  # (B,)
        return GateState(share=(chance >= row_values("p", self.p, logits)).float(), keep=display.mask)


class Slots(Policy):
    """Room for k keys: the first to finish if their times are known, else k at random, whatever they weigh.

    >>> import torch
    >>> gate = Slots(2)(torch.zeros(1, 4), generator=torch.Generator().manual_seed(0))
    >>> int(gate.keep.sum())
    2
    """

    k: Setting

    def __init__(self, k: Setting) -> None:
        super().__init__()
        self._hold(k=checked_setting("k", k, infinite=True))
        self._most = most_slots(self.k)

    def emit(self, display: Display) -> GateState:
        times, logits = display.times, display.logits
        if times is None and not isinstance(self.k, Tensor) and math.isinf(self.k):
            return GateState(keep=display.mask)
        if times is None:
            times = torch.rand(logits.shape, device=logits.device, generator=display.generator)  # (B, S)
        if display.mask is not None:
            times = times.masked_fill(~display.mask, math.inf)
        first, order = times.topk(slot_width(self._most, times), dim=-1, largest=False)  # (B, Kmax) both
        stored = in_slots(first < math.inf, self.k, display.generator)
        return gate_of(order, stored, times.shape[1])


class Compose(Policy):
    """Policies one after the other: each sees only the keys that those before it kept.

    >>> both = Compose(Race(capacity=60.0, slots=3), Lapse(0.1))
    """

    def __init__(self, *policies: Policy) -> None:
        super().__init__()
        for policy in policies:
            if not isinstance(policy, Policy):
                raise InputError(f"Compose takes policies such as Race(...), got {type(policy).__name__}")
        self.policies = nn.ModuleList(policies)

    def emit(self, display: Display) -> GateState:
        """Every policy draws from the same generator, in order; entry into slots is the time of those after."""
        gate = GateState(keep=display.mask)
        for policy in self.policies:
            assert isinstance(policy, Policy)
            times = display.times if gate.index is None else _ranks(gate.index, display.logits.shape[1])
            gate = gate.then(policy.emit(replace(display, mask=gate.keep, times=times)))
        return gate


def _shared_out(work: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor]:
    """Finish times at unit capacity when the unfinished share it all, in order of finishing, and that order.

    Given the order, the r-th spacing of the fixed-rate race is Exp(1) / R_r with R_r the weight still
    unfinished. Under reallocation the hazard is 1 instead of R_r, so each spacing shrinks by R_r:
    u_r = sum_{i <= r} (e_i - e_{i-1}) R_i, taken in logs because e may exceed and R fall below any float.
    """
    log_e, order = work.sort(-1)  # (B, S)
    left = log_p.gather(1, order).flip(-1).logcumsumexp(-1).flip(-1)  # log R_r
    before = F.pad(log_e, (1, 0), value=-math.inf)[:, :-1]
    spacing = (log_e + left).exp() * -torch.expm1(before - log_e)
    spacing = torch.where(log_e < math.inf, spacing, math.inf)
    return spacing.cumsum(-1), order


def _ranks(index: Tensor, keys: int) -> Tensor:
    """The order of entry as a rank per key, (B, S); inf where a key has no slot."""
    spot = torch.where(index < 0, keys, index)
    rank = torch.arange(index.shape[1], dtype=torch.float32, device=index.device).expand(index.shape)
    room = torch.full((index.shape[0], keys + 1), math.inf, device=index.device)
    return room.scatter(1, spot, rank)[:, :keys]


doors(__name__, unless=torch.compiler.is_compiling, arrays=True)
