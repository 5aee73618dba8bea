"""Torch's own samples of its attention modules, through ours: the same bits without limits, the same numbers if open.

The samples are those of torch's module tests (`torch.testing._internal.common_modules`), which need `expecttest`; the
table below adds what torch's test of multi-head attention goes through: widths, masks, weights, precision, layouts.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from cogattn.errors import InputError
from cogattn.nn import MultiheadAttention, limit
from cogattn.nn.gate import GateState

IDENTITY = GateState()
pytestmark = pytest.mark.filterwarnings(
    "ignore:enable_nested_tensor", "ignore:The PyTorch API of nested tensors"
)


def told(call):
    """Outputs, and the gradients of their sum; or the error that torch gives."""
    inputs, parameters, run = call
    try:
        out = run()
    except (RuntimeError, AssertionError, ValueError) as error:
        return type(error).__name__
    seen = [x for x in (out if isinstance(out, tuple) else (out,)) if x is not None]
    wanted = [x for x in (*inputs, *parameters) if x.requires_grad]
    total = sum(x.double().square().sum() for x in seen)
    return [*seen, *torch.autograd.grad(total, wanted, allow_unused=True)]


def assert_same(a, b, what, exact=True):
    assert isinstance(a, str) == isinstance(b, str), f"{what}: {a} and {b}"
    if isinstance(a, str):
        return
    for x, y in zip(a, b, strict=True):
        assert (x is None) == (y is None), what
        if x is not None and exact:
            assert torch.equal(x.nan_to_num(7.0), y.nan_to_num(7.0)), what
        elif x is not None and not x.isnan().any():
            torch.testing.assert_close(x, y, msg=lambda said, what=what: f"{what}: {said}")


def both(options, inputs, call, training, dtype=torch.float32):
    """Torch's module, ours with the same numbers and no limits, ours through a gate that is open."""
    torch.manual_seed(0)
    plain = nn.MultiheadAttention(**options, dtype=dtype).train(training)
    ours = MultiheadAttention(**options, dtype=dtype).train(training)
    ours.load_state_dict(plain.state_dict())
    wanted = told((inputs, plain.parameters(), lambda: plain(*inputs, **call)))
    free = told((inputs, ours.parameters(), lambda: ours(*inputs, **call, gate=IDENTITY)))
    assert_same(wanted, free, f"{options} {call}")
    with limit(plain, IDENTITY, "all"):
        assert_same(
            wanted, told((inputs, plain.parameters(), lambda: plain(*inputs, **call))), f"limit {options}"
        )
    batch = 1 if inputs[1].ndim == 2 else inputs[1].shape[0 if options.get("batch_first") else 1]
    keys = inputs[1].shape[0 if inputs[1].ndim == 2 or not options.get("batch_first") else 1]
    gate = GateState(keep=torch.ones(batch, keys, dtype=torch.bool))
    if options.get("add_bias_kv") or options.get("add_zero_attn"):
        with pytest.raises(InputError, match="add a key that no gate knows"):
            ours(*inputs, **call, gate=gate)
    elif not options.get("dropout"):
        opened = told((inputs, ours.parameters(), lambda: ours(*inputs, **call, gate=gate)))
        assert_same(wanted, opened, f"open {options} {call}", exact=False)


def test_torchs_samples_of_multi_head_attention():
    modules = pytest.importorskip(
        "torch.testing._internal.common_modules", reason="expecttest is not installed"
    )
    for training in (False, True):
        samples = modules.module_inputs_torch_nn_MultiheadAttention(
            None, "cpu", torch.float32, True, training
        )
        assert len(samples) == 64
        for sample in samples[training::2]:
            call = sample.forward_input
            both(sample.constructor_input.kwargs, call.args, call.kwargs, training)


def test_torchs_samples_of_the_layers_that_hold_it():
    modules = pytest.importorskip(
        "torch.testing._internal.common_modules", reason="expecttest is not installed"
    )
    count = 0
    for name in ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"):
        made = getattr(modules, f"module_inputs_torch_nn_{name}")
        for training in (False, True):
            for sample in made(None, "cpu", torch.float32, True, training)[training::6]:
                of, call = sample.constructor_input, sample.forward_input
                torch.manual_seed(0)
                plain = getattr(nn, name)(*of.args, **of.kwargs).train(training)
                parameters = list(plain.parameters())

                def run(plain=plain, call=call):
                    torch.manual_seed(1)
                    return plain(*call.args, **call.kwargs)

                with_grad = [x for x in call.args if x.requires_grad]
                wanted = told((with_grad, parameters, run))
                fast = run_without_grad(run)
                with limit(plain, IDENTITY, "all") as names:
                    assert names
                    assert_same(wanted, told((with_grad, parameters, run)), f"{name} {sample.desc}")
                    assert_same(fast, run_without_grad(run), f"{name} {sample.desc}, fast path")
                count += 1
    assert count > 20


@torch.no_grad()
def run_without_grad(run):
    out = run()
    return [out]


def test_widths_masks_weights_precision_and_layouts():
    """What torch's test_multihead_attention goes through, in one table."""
    L, S, N, E = 4, 6, 3, 8
    dice = torch.Generator().manual_seed(0)
    ahead = torch.ones(L, S, dtype=torch.bool).triu(2)
    padding = torch.zeros(N, S, dtype=torch.bool)
    padding[1, -2:] = True
    masks = {
        "none": {},
        "bool": {"attn_mask": ahead},
        "numbers": {"attn_mask": torch.zeros(L, S).masked_fill(ahead, -torch.inf)},
        "per head": {"attn_mask": ahead.expand(2 * N, L, S)},
        "padding": {"key_padding_mask": padding},
        "both": {"attn_mask": ahead, "key_padding_mask": padding},
        "wrong": {"attn_mask": ahead[:2]},
        "wrong padding": {"key_padding_mask": padding[:, :2]},
    }
    weights = ({}, {"need_weights": False}, {"average_attn_weights": False})
    count = 0
    for first, widths, bias, dtype in itertools.product(
        (False, True), ({}, {"kdim": 5, "vdim": 7}), (True, False), (torch.float32, torch.float64)
    ):
        options = {"embed_dim": E, "num_heads": 2, "batch_first": first, "bias": bias} | widths
        sizes = ((L, E), (S, widths.get("kdim", E)), (S, widths.get("vdim", E)))
        inputs = [
            torch.randn(*((N, n, e) if first else (n, N, e)), generator=dice, dtype=dtype).requires_grad_()
            for n, e in sizes
        ]
        for (name, mask), say in itertools.product(masks.items(), weights):
            if dtype == torch.float64 and name not in ("none", "both"):
                continue
            call = mask | say
            if name.startswith("wrong"):
                plain = nn.MultiheadAttention(**options)
                with pytest.raises((RuntimeError, AssertionError)):
                    plain(*inputs, **call)
                with pytest.raises((RuntimeError, AssertionError, InputError)):
                    MultiheadAttention(**options)(*inputs, **call, gate=GateState(share=torch.ones(N)))
                continue
            both(options, inputs, call, training=False, dtype=dtype)
            count += 1
    assert count > 150
