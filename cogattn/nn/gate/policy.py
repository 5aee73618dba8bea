"""What a policy is (a rule that turns the logits of a batch of displays into a gate), what it is given, its slots."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cogattn.errors import InputError, doors, number
from cogattn.nn.gate.state import GateState

Setting = float | Tensor
"""A number for everybody, or a tensor (B,) with one number per observer."""


@dataclass(frozen=True)
class Display:
    """What a policy is given: a batch of displays, how long they stay, and where chance comes from."""

    logits: Tensor
    """(B, S): log weights."""
    exposure: Setting | None
    """[s], one number or (B,); None = until all is done."""
    generator: torch.Generator | None
    mask: Tensor | None
    """(B, S) bool: True where a key exists."""
    times: Tensor | None
    """(B, S): when each key finished, or any rank, where that is known; inf = never."""


class Policy(nn.Module):
    """A rule that turns the logits of a batch of displays into a gate. Settings are frozen once made.

    Call it as `policy(logits, exposure=, generator=, mask=)`; each rule reads what concerns it. On a CPU
    the values are looked at (NaN is refused); on a GPU they are not, because reading them would stall it.
    Seed a generator per call where two arms shall share their draws. Your own policy writes `emit`.
    """

    _held: tuple[str, ...] = ()

    def forward(
        self,
        logits: Tensor,
        *,
        exposure: Setting | None = None,
        generator: torch.Generator | None = None,
        mask: Tensor | None = None,
        times: Tensor | None = None,
    ) -> GateState:
        """Check what came, then emit the gate. All randomness is spent here."""
        return self.emit(display_of(logits, exposure, generator, mask, times))

    def emit(self, display: Display) -> GateState:
        """The rule itself."""
        raise NotImplementedError(f"{type(self).__name__} must say what it emits")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._held:
            raise InputError(
                f"{name} of {type(self).__name__} is frozen: make a new one with the other value"
            )
        super().__setattr__(name, value)

    def _hold(self, **settings: Any) -> None:
        for name, value in settings.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value, persistent=False)  # moves with the module, is not saved
            else:
                super().__setattr__(name, value)
        object.__setattr__(self, "_held", (*self._held, *settings))

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._held)


# --- settings ---


def checked_setting(
    name: str, value: Any, *, most: float | None = None, infinite: bool = False, unit: str = ""
) -> Setting:
    """A number >= 0, or a (B,) tensor of such numbers, checked once, here."""
    if not isinstance(value, Tensor):
        return number(name, value, least=0.0, most=most, infinite=infinite, unit=unit)
    if value.ndim != 1 or value.numel() == 0 or not value.is_floating_point():
        got = f"{value.dtype} with shape {tuple(value.shape)}"
        raise InputError(f"{name} must be a number or a floating tensor (B,), got {got}")
    rows = value.detach().float()
    for extreme in (rows.min(), rows.max()):  # NaN comes out of both
        number(name, float(extreme), least=0.0, most=most, infinite=infinite, unit=unit)
    return rows


def whole_or_inf(name: str, value: Any) -> float:
    """A whole number >= 0, or infinity."""
    k = number(name, value, least=0.0, infinite=True)
    if not math.isinf(k) and k != math.floor(k):
        raise InputError(f"{name} must be a whole number or infinity, got {value}")
    return k


def row_values(name: str, x: Setting, like: Tensor) -> Tensor:
    """One number per row, (B,)."""
    if not isinstance(x, Tensor):
        return torch.full((like.shape[0],), x, device=like.device)
    if x.shape != like.shape[:1]:
        raise InputError(f"{name} must be one number or one per row ({like.shape[0]},), got {tuple(x.shape)}")
    if x.device != like.device:
        raise InputError(
            f"{name} must lie where the logits are, {like.device}, got {x.device}: policy.to({str(like.device)!r})"
        )
    return x


def per_row(name: str, x: Setting, like: Tensor) -> Any:
    """A number stays, (B,) becomes (B, 1) to stand beside (B, S)."""
    return row_values(name, x, like)[:, None] if isinstance(x, Tensor) else x


# --- slots ---


def gate_of(order: Tensor, stored: Tensor, keys: int) -> GateState:
    """keep and index from the candidates in order (B, Kmax) and whether each is stored (B, Kmax)."""
    keep = torch.zeros(order.shape[0], keys, dtype=torch.bool, device=order.device)
    return GateState(keep=keep.scatter(1, order, stored), index=torch.where(stored, order, -1))


def in_slots(stored: Tensor, slots: Setting, generator: torch.Generator | None) -> Tensor:
    """Candidates in order (B, Kmax): those beyond their row's K are out."""
    if not isinstance(slots, Tensor) and slots >= stored.shape[1]:
        return stored
    room = per_row("slots", _whole_slots(slots, stored, generator), stored)
    return stored & (torch.arange(stored.shape[1], device=stored.device) < room)


def _whole_slots(slots: Setting, like: Tensor, generator: torch.Generator | None) -> Setting:
    """K itself if it is one whole number, else (B,): floor or ceiling, with mean K."""
    if not isinstance(slots, Tensor) and slots == math.floor(slots):
        return slots
    chance = torch.rand(like.shape[0], device=like.device, generator=generator)  # (B,)
    floor = slots.floor() if isinstance(slots, Tensor) else float(math.floor(slots))
    return floor + (chance < slots - floor)  # inf - inf is NaN, which no chance is below


def slot_width(most: float, like: Tensor) -> int:
    """Kmax: as many slots as any row could fill, at least one (then empty)."""
    return int(max(1.0, min(math.ceil(most) if math.isfinite(most) else most, like.shape[1])))


def most_slots(slots: Setting) -> float:
    """The largest K of any row."""
    return float(slots.max()) if isinstance(slots, Tensor) else slots


# --- the door ---


def display_of(
    logits: Tensor,
    exposure: Setting | None,
    generator: torch.Generator | None,
    mask: Tensor | None,
    times: Tensor | None = None,
) -> Display:
    """The door of every policy."""
    _check_logits(logits)
    if mask is not None:
        _same_shape("mask", mask, logits)
        if mask.dtype != torch.bool:
            raise InputError(f"mask must be bool, True where a key exists, got {mask.dtype}")
    if times is not None:
        _same_shape("times", times, logits)
    return Display(logits, _exposure(exposure, logits), generator, mask, times)


def _check_logits(logits: object) -> None:
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"logits must be a floating tensor (B, S), got {got}")
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise InputError(f"logits must be (B, S) with S >= 1, got shape {tuple(logits.shape)}")
    # One maximum sees both NaN and +inf; -inf (no weight at all) is allowed.
    if _readable(logits) and logits.numel() and not float(logits.detach().max()) < math.inf:
        raise InputError("logits must be numbers below infinity, got NaN or inf: mend what computed them")


def _exposure(exposure: Setting | None, logits: Tensor) -> Setting | None:
    if exposure is None:
        return None
    if not isinstance(exposure, Tensor):
        return number("exposure", exposure, least=0.0, infinite=True, unit="s")
    rows = row_values("exposure", exposure, logits).float()
    if _readable(rows) and not bool((rows >= 0).all()):
        raise InputError(f"exposure must be >= 0 s in every row, got {float(rows[~(rows >= 0)][0])}")
    return rows


def _same_shape(name: str, x: Tensor, logits: Tensor) -> None:
    if x.shape != logits.shape:
        raise InputError(f"{name} must be (B, S) = {tuple(logits.shape)} like logits, got {tuple(x.shape)}")


def _readable(x: Tensor) -> bool:
    """Values may be looked at: on a CPU, outside a compiler."""
    mapped = torch._C._functorch.is_batchedtensor(x)  # within torch.vmap no value is there to be read
    return x.device.type == "cpu" and not mapped and not torch.compiler.is_compiling()


doors(__name__, "Policy", unless=torch.compiler.is_compiling, arrays=True)
