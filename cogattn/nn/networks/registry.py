"""Networks that take an experiment: what each kind must be able to do, how one is found, and its weights.

A reader (`Reader`) sees what a person would see. Two phases put it under human limits without any change to it:
`weigh` gives its own attention logit per item, from which the mind takes the weights of the race

    w_x = exp(gain · logit_x),    gain = ln(1 / alpha) / gap,    gap = mean logit(target) - mean logit(distractor)

(Bundesen 1990, Psychol Rev 97:523: filtering acts through w), so that a distractor weighs alpha times a target
on average and the network's own noise does the rest; then `read` answers through the gate that the race leaves
open. A judge (`Judge`) takes one letter after the other and says whether each is the one n back, under what a memory
holds. A specialist (`Specialist`) brings a task of its own, whose elements (words, sentences, frames, patches) reach
the mind as a stream. Each is one Python file that defines `load(device)`: one of `models/` by its name, or anybody's
own by its path.

>>> {"digit_reader", "nback_reader"} <= set(names())
True
>>> find_reader("digit_reader", device="cpu").places
8
>>> find_judge("nback_reader", device="cpu").judge(np.array([[3, 5, 3, 5]]), n=2)
array([[-1, -1,  1,  1]], dtype=int8)
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from cogattn import files, seals
from cogattn._renamed import old_names, told
from cogattn.errors import OWN_FILE, InputError, number, own_file, shown, whole
from cogattn.nn.networks.shelf import about as about
from cogattn.nn.networks.shelf import names as names
from cogattn.nn.networks.shelf import ours, path_of

if TYPE_CHECKING:
    import torch

    from cogattn.nn.gate import GateState
    from cogattn.nn.memory import Plan
    from cogattn.world.stream import TaskStream

Labels = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

TARGET, DISTRACTOR, EMPTY = 1, 0, -1  #: what the item at a place is; EMPTY is also its label
NOTHING = -1  #: the answer at a place where nothing is reported

#: Counters of the DISPLAY stream from here on belong to the picture (which exemplar, which noise); those below
#: to the experiment (which label, which place). So a picture never leans on the draw that chose its label.
PICTURE = 2**40


class Reader(Protocol):
    """What an experiment asks of a network. B displays, S places (S <= places)."""

    name: str
    places: int  #: how many items a display may hold
    alphabet: int  #: how many identities it tells apart
    gap: float  #: mean attention logit of targets minus that of distractors, on training pictures

    def show(self, labels: Labels, roles: Labels, keys: Keys) -> Any:
        """The displays: identity (or -1) and role per place (B, S), trial keys (B,). Pure, row by row."""

    def weigh(self, display: Any) -> npt.NDArray[np.float64]:
        """The network's own attention logit per item (B, S); -inf where there is none."""

    def read(self, display: Any, gate: GateState | None) -> npt.NDArray[np.int64]:
        """The answer per place (B, S), -1 = nothing, when attention passes only what the gate leaves open."""


class Judge(Protocol):
    """What an experiment asks of a network that takes sequences. B sequences, T letters (T <= places)."""

    name: str
    places: int  #: the longest sequence
    alphabet: int  #: how many letters it tells apart

    def judge(self, letters: npt.NDArray[np.int64], n: int, plan: Plan | None = None) -> npt.NDArray[np.int8]:
        """Is each letter (B, T) the one n back? 1 = same, 0 = different, -1 = unknown, under what the plan holds."""


@dataclass(frozen=True)
class TaskDesign:
    """What a specialist's task varies and measures, in plain words and numbers."""

    title: str  #: "Sentiment of a review"
    column: str  #: what varies from condition to condition, a column of the long table: "distractors"
    values: tuple[float, ...]  #: its conditions
    label: str  #: of its axis: "sentences about something else"
    measure: str  #: what a trial's score is: "right", "share of key facts"
    chance: float = math.nan  #: the score of one who knows nothing
    perfect: float = 1.0  #: the score of one who knows all (0 for an error)
    source: str = ""  #: who did it before
    #: The gate says when each element was there (t_on, t_off), not only what is left at the end.
    timed: bool = False
    trials: int = 100  #: of a person in each condition, as is usual: fewer where a trial is dear

    def __post_init__(self) -> None:
        values = tuple(self.values)
        for word in ("title", "column", "label", "measure"):
            if not isinstance(getattr(self, word), str) or not getattr(self, word):
                raise InputError(f"{word} of a task design must be a text, got {shown(getattr(self, word))}")
        if not self.column.isidentifier():
            raise InputError(
                f"column of a task design must be a name without spaces, got {shown(self.column)}"
            )
        for value in values:
            number(f"each of the values of {self.column}", value)
        whole("trials", self.trials, least=1, most=10**6)
        if not values or len(set(values)) < len(values):
            raise InputError(f"values of {self.column} must be some, and differ, got {values}")
        object.__setattr__(self, "values", values)

    def count(self, value: object, least: int = 1, most: int = 2**31 - 1) -> int:
        """A value of what varies, where it is a number of things."""
        n = int(value) if isinstance(value, float) and value.is_integer() else value
        return whole(self.column, n, least=least, most=most)


class Specialist(Protocol):
    """A network with a task of its own. B trials, S elements, in the order of its stream."""

    name: str
    design: TaskDesign
    gap: float  #: mean attention logit of what matters minus that of what does not, on training data

    def stream(self, value: float) -> TaskStream:
        """The world of one trial: S elements, when each comes and goes, and the task that they belong to."""

    def show(self, value: float, keys: Keys) -> Any:
        """The trials of these keys (B,). Pure, row by row."""

    def weigh(self, display: Any) -> npt.NDArray[np.float64]:
        """The network's own attention logit per element (B, S); -inf where there is none."""

    def answer(self, display: Any, gate: GateState | None) -> dict[str, npt.NDArray[Any]]:
        """Columns (B,) of the long table, `score` among them, when attention passes only what the gate leaves."""

    def allocate(self, display: Any, gate: GateState | None) -> npt.NDArray[np.float64]:
        """How much of its attention each element got (B, S), in all queries and heads; rows sum to 1 at most."""

    def elements(self, display: Any, row: int) -> list[str] | npt.NDArray[np.float32]:
        """What the elements of one trial are: words, or little pictures (S, h, w) or (S, h, w, 3), 0 to 1."""


#: What can take an experiment.
Network = Reader | Judge | Specialist


def find(name_or_path: str, device: str = "auto") -> Network:
    """The network of that name, or the one in that file, its weights on `device` (auto: CUDA if there is any)."""
    path = path_of(name_or_path)
    place = _device(device)
    loaded = module(name_or_path)
    if not callable(getattr(loaded, "load", None)):
        raise InputError(f"{path} must define load(device) -> Reader, Judge or Specialist, and does not")
    with own_file():
        made = loaded.load(place)
    return _checked(made, path)


def module(name_or_path: str) -> ModuleType:
    """The file of that network, imported."""
    return _import(path_of(name_or_path))


def find_reader(name_or_path: str, device: str = "auto") -> Reader:
    """`find`, for an experiment that shows displays."""
    network: Reader = _of_kind(name_or_path, device, is_reader, "reads displays")
    return network


def find_judge(name_or_path: str, device: str = "auto") -> Judge:
    """`find`, for an experiment that plays sequences."""
    judge: Judge = _of_kind(name_or_path, device, is_judge, "judges sequences")
    return judge


def find_specialist(name_or_path: str, device: str = "auto") -> Specialist:
    """`find`, for a network that takes its own task."""
    specialist: Specialist = _of_kind(name_or_path, device, is_specialist, "has a task of its own")
    return specialist


def _of_kind(name_or_path: str, device: str, is_one: Callable[[object], bool], does: str) -> Any:
    found: Any = find(name_or_path, device)
    if not is_one(found):
        raise InputError(
            f"{found.name} {doing(found)}, and this experiment needs one that {does}: take another model, or none"
        )
    return found


def doing(network: object) -> str:
    """What this kind of network does."""
    if is_specialist(network):
        return "has a task of its own"
    return "judges sequences" if is_judge(network) else "reads displays"


def is_reader(network: object) -> bool:
    """Is it shown displays?"""
    return not is_specialist(network) and all(callable(getattr(network, word, None)) for word in _READS)


def is_specialist(network: object) -> bool:
    """Does it bring a task of its own?"""
    return isinstance(getattr(network, "design", None), TaskDesign)


def looks(network: object) -> bool:
    """Does it look at displays of pixels under an instruction, and give the mind its evidence? Who watches a film looks
    at its own task."""
    return callable(getattr(network, "look", None)) and not is_specialist(network)


def is_judge(network: object) -> bool:
    """Does it take sequences?"""
    return callable(getattr(network, "judge", None))


def fingerprint(name_or_path: str) -> str:
    """SHA-256 of the network's file and of the weights beside it: what a run's provenance records."""
    path = path_of(name_or_path)
    weights = path.with_suffix(".safetensors")
    parts = (path, weights) if weights.is_file() else (path,)
    dated = tuple(_dated(part) for part in parts)
    settled = all(time.time_ns() - written > _SETTLED for _, written, *_ in dated)
    return (_hashed if settled else _hashed.__wrapped__)(dated)


_SETTLED = 2 * 10**9  # ns: a file that was written just now may be written again under the same date


def _dated(path: Path) -> tuple[Path, int, int, int, int]:
    """A file, and what changes when it is written again."""
    known = path.stat()
    return path, known.st_mtime_ns, known.st_ctime_ns, known.st_size, known.st_ino


@lru_cache(maxsize=32)
def _hashed(files: tuple[tuple[Path, int, int, int, int], ...]) -> str:
    """Each cell of a run asks for it, and weights are megabytes: they are read again when they have been written."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path, *_ in files)).hexdigest()


_named: set[Path] = set()  # files that the user gave to this very process


def named(name_or_path: str) -> str:
    """The user names this file, here and now: it may be run."""
    _named.add(path_of(name_or_path))
    return name_or_path


def vouched(name_or_path: str, sha: str | None = None, trust: bool = False) -> None:
    """Refuse to run a network's file that merely stands in a file of settings or a run folder, which may be anybody's.

    One of ours may be run, one that the user named (`named`), or with trust=True one that stands there. sha: of the
    network that the run was made with; a user's own file must be that one.
    """
    path, own = path_of(name_or_path), ours(name_or_path)
    if not own and not trust and path not in _named:
        raise InputError(
            f"{name_or_path} is the file of a network, and a run is not asked for code: name it yourself "
            f"(--model {path.name}, or load(folder, model={path.name!r})) or say --trust, if you trust it"
        )
    if sha is not None and (now := fingerprint(name_or_path)) != sha:
        text = (
            f"the network {name_or_path} is not the one of this run (SHA-256 {sha[:12]} then, {now[:12]} now)"
        )
        if not own:
            raise InputError(f"{text}: bring that file back, with its weights")
        seals.changed(f"{text}: what is played with it may differ")
    _named.add(path)


def load_weights(network: torch.nn.Module, path: Path, make: str) -> dict[str, str]:
    """Put the weights at `path` into `network` and return the file's notes; `make` is the command that makes it."""
    tensors, notes = read_weights(path, make)
    _fits(network, tensors, path, make)
    network.load_state_dict(tensors)
    return notes


def read_weights(path: Path, make: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors and the notes of a weights file, or one line that says why not."""
    if not path.is_file():
        raise InputError(f"no weights at {path}; make them with: {make}")
    try:
        return read_tensors(path)
    except OSError as error:
        raise InputError(f"{path} is not a readable safetensors file; make it anew with: {make}") from error


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """All tensors of a safetensors file, and its notes; an OSError where it cannot be read."""
    from safetensors import SafetensorError, safe_open

    files.afford(path.stat().st_size, f"reading {path}", "take a smaller network")
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
            return tensors, dict(file.metadata() or {})
    except SafetensorError as error:
        raise OSError(str(error)) from error


def noted(notes: Mapping[str, str], word: str, path: Path, make: str) -> float:
    """A number that the notes of a weights file must say."""
    try:
        return float(notes[word])
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} does not say its {word}; make it anew with: {make}") from error


def row_chunks(
    trials: int, gate: GateState | None = None, device: str = "cpu", size: int = 256
) -> Iterator[tuple[npt.NDArray[np.int64], GateState | None]]:
    """The rows of each forward pass and their part of the gate: always `size` rows, filled up with the last.

    So that an answer depends on no other trial of the call.
    """
    import torch

    gate = None if gate is None else gate.expand(trials).to(device)
    for start in range(0, trials, size):
        rows = np.arange(start, start + size).clip(max=trials - 1)
        yield rows, None if gate is None else gate[torch.from_numpy(rows).to(device)]


def in_chunks(
    call: Callable[..., torch.Tensor],
    parts: tuple[npt.NDArray[Any], ...],
    gate: GateState | None = None,
    device: str = "cpu",
    chunk: int = 256,
) -> npt.NDArray[np.float64]:
    """What `call(*tensors, gate)` makes of B rows (each part is (B, ...)), `row_chunks` at a time."""
    import torch

    B = len(parts[0])
    if B == 0:  # the shape of nothing
        parts, gate = tuple(np.zeros((1, *part.shape[1:]), part.dtype) for part in parts), None
    found = []
    with torch.inference_mode():
        for rows, mine in row_chunks(max(B, 1), gate, device, chunk):
            tensors = [torch.from_numpy(part[rows]).to(device) for part in parts]
            found.append(call(*tensors, mine).double().cpu().numpy())
    return np.concatenate(found)[:B]


def packed(network: torch.nn.Module, notes: dict[str, str]) -> bytes:
    """The weights as a safetensors file, its header sorted: the same weights are the same bytes."""
    from safetensors.torch import save as pack

    raw = pack(network.state_dict(), notes)
    start = 8 + int.from_bytes(raw[:8], "little")  # of the numbers; before them the header and its length
    header = json.dumps(json.loads(raw[8:start]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + raw[start:]


def save(network: torch.nn.Module, notes: dict[str, str], path: Path) -> None:
    """The whole file or none."""
    files.place(path, lambda part: part.write_bytes(packed(network, notes)))


def _fits(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: Path, make: str) -> None:
    """Say which tensor is missing, left over, misshapen or not finite."""
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    got = {key: tuple(value.shape) for key, value in tensors.items()}
    for key in sorted(wanted.keys() | got.keys()):
        if wanted.get(key) != got.get(key):
            want, have = wanted.get(key, "no such tensor"), got.get(key, "none")
            raise InputError(f"{key} in {path} must be {want}, got {have}; make the file anew with: {make}")
        if not bool(tensors[key].isfinite().all()):
            raise InputError(f"{key} in {path} must be finite, and is not; make the file anew with: {make}")


_DEVICE = "device must be auto, cpu or one that torch finds here (cuda, mps), got {!r}"


def device_named(name: str) -> str:
    """A name that a device can have, without asking torch: where no network is loaded, that is all there is to check.

    >>> device_named("cuda:1")
    'cuda:1'
    """
    if not re.fullmatch(r"auto|(cpu|cuda|mps|xpu)(:\d{1,3})?", name):
        raise InputError(_DEVICE.format(name))
    return name


def _device(name: str) -> str:
    """`auto` resolved, and any other name tried, so that a wrong one fails here and not inside the network."""
    import torch

    if device_named(name) == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise InputError(_DEVICE.format(name)) from error
    return name


def _import(path: Path) -> ModuleType:
    """Run the file as a module of its own name, so that two users' `model.py` do not meet."""
    kind = "cogattn_model_" if ours(str(path)) else f"{OWN_FILE}model_"
    name = f"{kind}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it is being run
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's file does at its top, leaving Python too
        del sys.modules[name]
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


_READS = ("show", "weigh", "read")
_JUDGES = ("judge",)
_WORKS = ("stream", "show", "weigh", "answer", "allocate", "elements")


def _checked(network: Any, path: Path) -> Network:
    """Nothing but a whole Reader, a whole Judge or a whole Specialist leaves here."""
    if isinstance(getattr(network, "exam", None), TaskDesign) and not hasattr(network, "design"):
        told(f"{path.name}: exam", "design", 2)
        object.__setattr__(network, "design", network.exam)
    has: tuple[str, ...] = ("name", "places", "alphabet", "gap")
    does: tuple[str, ...] = _READS
    kind = "Reader (or a Judge, or a Specialist)"
    if is_specialist(network):
        kind, has, does = "Specialist", ("name", "design", "gap"), _WORKS
    elif is_judge(network) and not any(hasattr(network, word) for word in _READS):
        kind, has, does = "Judge", ("name", "places", "alphabet"), _JUDGES
    missing = [word for word in has if not hasattr(network, word)]
    missing += [f"{word}()" for word in does if not callable(getattr(network, word, None))]
    if missing:
        raise InputError(
            f"load() of {path} must return a {kind}, and what it returns lacks {', '.join(missing)}"
        )
    for word, least in (("places", 1), ("alphabet", 2)):
        if word in has:
            whole(f"{word} of {path}", getattr(network, word), least=least)
    if "gap" in has:
        number(f"gap of {path}", network.gap, above=0)
    found: Network = network
    return found


old_names(__name__, Subject="Reader", Exam="TaskDesign")
