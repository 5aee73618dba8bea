"""The vision transformer: the same numbers as an independent one, with and without a gate; its reader is in
test_readers.py."""

from __future__ import annotations

import sys

import pytest
import torch

import cogattn as ca
from cogattn.errors import InputError
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry

B, WIDTH, HEADS, DEPTH, CLASSES = 3, 32, 4, 2, 7
PATCHES = 16


@pytest.fixture(scope="module")
def file():
    return sys.modules[type(registry.find("vision_transformer", device="cpu").network).__module__]


@pytest.fixture(scope="module")
def net(file):
    torch.manual_seed(0)
    sizes = {"side": 32, "patch": 8, "channels": 3, "width": WIDTH, "depth": DEPTH, "heads": HEADS}
    net = file.VisionTransformer(**sizes, classes=CLASSES).eval()
    for p in net.parameters():  # far from what a network is born with: nothing is 0, or 1
        torch.nn.init.normal_(p, 0.1, 0.3)
    return net


@pytest.fixture(scope="module")
def pictures():
    return torch.randn(B, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def other(net):
    """transformers' own, with the same weights."""
    hf = pytest.importorskip("transformers", reason="needs the extra: pip install 'cogattn[huggingface]'")
    config = hf.ViTConfig(
        image_size=32, patch_size=8, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=DEPTH,
        num_attention_heads=HEADS, layer_norm_eps=1e-6, num_labels=CLASSES,
    )  # fmt: skip
    model = hf.ViTForImageClassification(config).eval()
    mine, theirs = net.state_dict(), model.state_dict()
    parts = {"norm1": "layernorm_before", "norm2": "layernorm_after", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
             "attn.out_proj": "attention.o_proj"}  # fmt: skip
    new = {
        "vit.embeddings.cls_token": mine["cls_token"],
        "vit.embeddings.position_embeddings": mine["pos_embed"],
        "classifier.weight": mine["head.weight"],
        "classifier.bias": mine["head.bias"],
    }
    for kind in ("weight", "bias"):
        new[f"vit.embeddings.patch_embeddings.projection.{kind}"] = mine[f"patch_embed.proj.{kind}"]
        new[f"vit.layernorm.{kind}"] = mine[f"norm.{kind}"]
    stem = next(name.split("0.")[0] for name in theirs if ".0." in name)
    for i in range(DEPTH):
        for kind in ("weight", "bias"):
            for ours, called in parts.items():
                new[f"{stem}{i}.{called}.{kind}"] = mine[f"blocks.{i}.{ours}.{kind}"]
            for part, called in zip(mine[f"blocks.{i}.attn.in_proj_{kind}"].chunk(3), "qkv", strict=True):
                new[f"{stem}{i}.attention.{called}_proj.{kind}"] = part
    assert set(new) == set(theirs)
    model.load_state_dict(new)
    return model


def gates():
    keep = torch.rand(B, 1 + PATCHES, generator=torch.Generator().manual_seed(2)) < 0.4
    keep[:, 0] = True
    bias = torch.randn(B, 1 + PATCHES, generator=torch.Generator().manual_seed(3))
    return {"keep": GateState(keep=keep), "all": GateState(keep=keep, bias=bias, gain=torch.full((B,), 0.5))}


def test_it_is_the_vision_transformer_of_another_library(net, other, pictures):
    with torch.no_grad():
        assert net(pictures) == pytest.approx(other(pictures).logits, abs=1e-5)


@pytest.mark.parametrize("name", ["keep", "all"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_gate_does_the_same_to_both(net, other, pictures, name, layer):
    """`nn.limit` on torch's attention, `nn.huggingface.limit` on transformers': two ways to one number."""
    gate = gates()[name]
    with torch.no_grad():
        with ca.nn.limit(net, gate, where=[layer]):
            mine = net(pictures)
        with ca.nn.huggingface.limit(other, gate, layers=[layer]):
            theirs = other(pictures).logits
        assert mine == pytest.approx(theirs, abs=1e-5)
        assert not torch.allclose(mine, net(pictures), atol=1e-3)


def test_weights_of_timm_are_taken_by_name(net, file):
    """As timm calls the parts of its vit_*_patch* models."""
    mine = net.state_dict()
    timm = {
        name.replace("attn.in_proj_", "attn.qkv.").replace("attn.out_proj.", "attn.proj."): w
        for name, w in mine.items()
    }
    assert {
        "patch_embed.proj.weight",
        "blocks.1.attn.qkv.bias",
        "blocks.0.mlp.fc2.weight",
        "norm.bias",
    } <= set(timm)
    again = file.renamed(timm)
    assert list(again) == list(mine)
    assert all(torch.equal(again[name], w) for name, w in mine.items())


def test_patches_part_the_picture_evenly(file):
    with pytest.raises(InputError, match="patch must part side evenly, got 5 of 32 pixels"):
        file.VisionTransformer(side=32, patch=5, channels=1, width=8, depth=1, heads=1)


def test_the_reader_mixes_nothing_before_its_gate():
    """A window never sees its neighbour: what it says of an item is the same whatever stands beside it."""
    network = registry.find("vision_transformer", device="cpu").network
    pixels = torch.rand(4, 8, 2, 64, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        alone = network.vit(pixels[:, 2:3].sum(2).reshape(4, 1, 8, 8))
        among = network.vit(pixels.sum(2).reshape(32, 1, 8, 8)).reshape(4, 8, -1)[:, 2]
        assert among == pytest.approx(alone, abs=1e-5)
        weighed = network.weigh(pixels, torch.ones(4, 8, dtype=torch.bool))
        other = pixels.clone()
        other[:, 3] = 0.0
        beside = network.weigh(other, torch.ones(4, 8, dtype=torch.bool))
        rest = [0, 1, 2, 4, 5, 6, 7]
        assert weighed[:, rest] == pytest.approx(beside[:, rest], abs=1e-6)
