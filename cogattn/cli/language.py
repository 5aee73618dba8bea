"""Commands about language models: a text read under human limits; what limits buy at equal budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import OUT, Device, Json, Out, Seed, Whole
from cogattn.cli.shared import new_folder, progress, tell
from cogattn.encodings import decoded
from cogattn.errors import InputError, whole
from cogattn.files import MOST_JSON, read_bytes


def read(
    file: Annotated[str, Parameter(help="a text, in UTF-8, UTF-16 or GB 18030")],
    /,
    *,
    model: Annotated[
        str, Parameter(help="a network that reads texts: smollm2, or your own .py file")
    ] = "smollm2",
    slots: Annotated[float, Parameter(help="how many chunks are held")] = 4.0,
    chunk: Annotated[Whole | None, Parameter(help="words of a chunk (default: a sentence)")] = None,
    question: Annotated[str | None, Parameter(help="asked at the end, with limits and without")] = None,
    capacity: Annotated[float, Parameter(help="C of the race, chunks/s (default: all are stored)")] = float(
        "inf"
    ),
    decay: Annotated[float, Parameter(help="how fast what is held fades, 1/s")] = 0.0,
    displaces: Annotated[
        str, Parameter(help="which chunk a new one displaces: random, oldest or weakest")
    ] = "random",
    seed: Seed = 0,
    device: Device = "cpu",
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Let a language model read a text, with human limits and without: what it knows, surprisal, where it attended."""
    from cogattn.nn.networks import registry
    from cogattn.reports.read import read as both

    if chunk is not None:
        whole("--chunk", chunk, least=1)
    path = Path(file).expanduser()
    if not path.is_file():
        raise InputError(f"FILE must be a text file that exists, got {file}")
    text = decoded(read_bytes(path, MOST_JSON))
    if text is None:
        raise InputError(f"FILE must be plain text in UTF-8, UTF-16 or GB 18030, and {file} is not")
    network = registry.find(model, device)
    reader = getattr(network, "reader", None)
    if reader is None:
        raise InputError(
            f"model must be a network that reads texts, such as smollm2, and {network.name} does not"
        )
    how: dict[str, Any] = {"slots": slots, "words": chunk, "question": question, "seed": seed}
    limits: dict[str, Any] = {"capacity": capacity, "decay": decay, "displaces": displaces}
    done = both(reader, text, title=path.name, **how, **limits)
    asked = {"kind": "read", "file": path.name, "model": model} | {
        k: v for k, v in (how | limits).items() if v is not None
    }
    folder = new_folder("read", asked, seed, 1, out)
    tell(done, json, done.save(folder), "reading.png")


def board(
    *,
    model: Annotated[
        str | None, Parameter(help="a network that reads texts (smollm2), or your own .py file")
    ] = None,
    seeds: Annotated[Whole, Parameter(help="how many; the intervals are over them")] = 5,
    count: Annotated[
        Whole, Parameter(help="items per seed and load (with a language model: 16 by default)")
    ] = 0,
    budget: Annotated[Whole, Parameter(help="how many elements are kept")] = 4,
    seed: Seed = 0,
    device: Device = "cpu",
    out: Out = OUT,
    resume: Annotated[bool, Parameter(negative=(), help="go on with the newest unfinished run")] = False,
    json: Json = False,
) -> None:
    """Compare human limits with six other ways to choose which keys are read, at the same number of keys."""
    from cogattn.nn.networks import registry
    from cogattn.reports.board import board as played
    from cogattn.reports.board_tasks import FactsTask, RetrievalTask
    from cogattn.runs import experiment

    tasks: list[Any] = [
        RetrievalTask(limits, displays, budget) for displays in (4000, 200) for limits in (False, True)
    ]
    registry.device_named(device)
    if model is not None:
        network = registry.find(model, device)
        own = getattr(network, "board_tasks", None)  # a network may bring tasks of its own
        asker: Any = getattr(network, "asker", None)
        if own is None and asker is None:
            raise InputError(f"model must read texts or bring board_tasks(), and {network.name} does neither")
        if own is not None:
            tasks = list(own(budget))
        else:
            tasks = [
                FactsTask(asker, budget=budget),
                FactsTask(asker, name="needle", count=1, loads=(8, 16, 32), budget=budget),
            ]
    items, seeds = count or (8 if model else 400), seeds or (3 if model else 5)
    asked = {
        "kind": "board",
        "model": model or "",
        "seeds": seeds,
        "count": items,
        "budget": budget,
        "seed": seed,
    }
    if resume:
        folder = experiment.run_folder(Path(out), "board", asked, resume=True)
    else:
        folder = new_folder("board", asked, seed, 1, out)
    with progress("board") as tick:
        done = played(tasks, seeds=seeds, count=items, seed=seed, folder=folder, progress=tick)
    tell(done, json, done.save(folder), "figure.png")
