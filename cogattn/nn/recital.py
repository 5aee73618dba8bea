"""A list said again by a causal language model: which of its words is still known when its turn comes?

The text is "..., a, b, c. <again>, a, b, c" with the right words after <again> (teacher forcing): a whole list is right
exactly if the model alone would have said it so. A gate over the words of the first list closes those that were lost,
in the limited layers; what follows <again> stays open, as a person hears what he says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from cogattn.errors import InputError
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import limit
from cogattn.nn.text_tasks import Asker

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
AGAIN = "\nI repeat, they are:"


def recited(
    asker: Asker,
    lists: npt.NDArray[np.int64],
    words: Sequence[str],
    keep: npt.NDArray[np.bool_] | None = None,
    start: str = "The words are:",
    again: str = AGAIN,
) -> npt.NDArray[np.int64]:
    """(B, n): which of `words` the model takes at each place of the lists (B, n); keep (B, n): what is left of them.

    Each word must be one token; then all lists of a length are one batch, without padding.
    """
    ids = [asker._tokens(f" {word}") for word in words]
    if any(len(x) != 1 for x in ids):
        raise InputError(
            f"words must be one token each, got {[w for w, x in zip(words, ids, strict=True) if len(x) != 1]}"
        )
    token, comma = torch.tensor([x[0] for x in ids]), asker._tokens(",")
    begin, middle = [asker.start, *asker._tokens(start)], asker._tokens(again)
    B, n = lists.shape
    said = token[torch.from_numpy(lists)]  # (B, n)
    between = torch.tensor(comma).expand(B, n, -1)
    run = torch.cat([said[..., None], between], 2).flatten(1)  # (B, n (1 + commas))
    step = 1 + len(comma)
    tokens = torch.cat(
        [torch.tensor([begin] * B), run[:, : 1 - step or None], torch.tensor([middle] * B), run], 1
    )
    tokens = tokens[:, : 1 - step or None]
    gate = None
    if keep is not None:
        left = torch.ones(tokens.shape, dtype=torch.bool)
        at = len(begin) + step * torch.arange(n)
        left[:, at] = torch.from_numpy(keep)
        gate = GateState(keep=left)
    places = tokens.shape[1] - 1 - step * torch.arange(n - 1, -1, -1) - 1  # whoever expects the word
    out = []
    for first in range(0, B, asker.batch):
        rows = slice(first, first + asker.batch)
        with torch.no_grad(), limit(asker.model, None if gate is None else gate[rows], asker.layers, sinks=1):
            logits = asker.model(
                input_ids=tokens[rows].to(asker.device),
                logits_to_keep=places.to(asker.device),
                use_cache=False,
            ).logits
        out.append(logits[..., token.to(asker.device)].argmax(-1).cpu())
    found: npt.NDArray[np.int64] = torch.cat(out).numpy()
    return found
