"""A tiny random model of many of transformers' model types, and what becomes of it under a gate.

    python tests/nn/configurations.py FILE.csv [TYPE ...]    # the types of docs/configurations.csv, or these

"limited": under the gate without limits every bit is that of the model alone, on whatever attention it has by itself;
where a gate limits the second row of the batch, that row changes and the first does not. "refused": InputError. The
gate closes a token; where the input is no text, it grants half (which a norm after attention undoes: Gemma 2).
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch

from cogattn.errors import InputError
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import limit

B, S, V = 2, 8, 50
TABLE = Path(__file__).parents[2] / "docs" / "configurations.csv"
TYPES = [line.split(",")[0] for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
SIZES = {
    32: "hidden_size n_embd d_model dim embedding_size word_embed_proj_dim moe_intermediate_size "
    "shared_expert_intermediate_size max_length decoder_hidden_size",
    2: "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_decoder_layers "
    "num_key_value_heads num_kv_heads num_experts_per_tok top_k eos_token_id",
    4: "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads num_experts "
    "num_local_experts n_routed_experts patch_size sliding_window num_frames decoder_num_attention_heads "
    "num_conv_pos_embeddings attention_window",
    64: "intermediate_size ffn_dim d_ff dff encoder_ffn_dim decoder_ffn_dim hidden_dim max_position_embeddings "
    "n_positions n_ctx max_source_positions max_target_positions decoder_intermediate_size",
    8: "head_dim d_kv rotary_dim qk_rope_head_dim qk_nope_head_dim v_head_dim d_head",
    16: "image_size num_mel_bins q_lora_rank kv_lora_rank",
    1: "decoder_num_hidden_layers n_group topk_group first_k_dense_replace bos_token_id decoder_start_token_id",
    0: "pad_token_id",
    V: "vocab_size",
}
SMALL = {name: size for size, names in SIZES.items() for name in names.split()}
SMALL |= {
    "conv_dim": [32, 32],
    "conv_kernel": [4, 4],
    "conv_stride": [2, 2],
    "num_conv_pos_embedding_groups": 2,
}
OWN = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 4},
    "swin": {
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [2, 2],
        "window_size": 2,
        "patch_size": 2,
        "num_attention_heads": None,
    },
    "convnext": {"depths": [1, 1], "hidden_sizes": [8, 16], "num_stages": 2},
    "deepseek_v3": {"num_key_value_heads": 4},
    "hubert": {"feat_extract_norm": "group"},
    "esm": {"mask_token_id": 3, "position_embedding_type": "rotary"},
    "big_bird": {"attention_type": "original_full"},
    "mpt": {"max_seq_len": 64},
    "falcon": {"head_dim": None},
    "mamba": {"conv_kernel": 4, "state_size": 4},
    "xlnet": {"max_position_embeddings": None},
    "yolos": {"image_size": [16, 16]},
    "wav2vec2": {"num_feat_extract_layers": 2},
    "whisper": {"max_source_positions": 16},
}


def made(kind):
    """A random model of that type in evaluation, on the attention that it has by itself."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    transformers.logging.set_verbosity_error()
    maker = CONFIG_MAPPING[kind]
    there = maker()
    own = OWN.get(kind, {})
    wanted = SMALL | own
    config = maker(**{k: v for k, v in wanted.items() if v is not None and (k in own or _has(there, k))})
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(config).eval()
    for p in model.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.2)
    return model


def _has(config, name):
    try:
        return hasattr(config, name)
    except NotImplementedError:  # XLNet's length
        return False


def inputs_of(model):
    """What it takes by its own account."""
    dice, config = torch.Generator().manual_seed(0), model.config
    ids = torch.randint(3, V, (B, S), generator=dice)
    if model.main_input_name == "pixel_values":
        frames = (config.num_frames,) if hasattr(config, "num_frames") else ()
        size = config.image_size
        size = size if isinstance(size, int) else size[0]
        return {"pixel_values": torch.randn(B, *frames, 3, size, size, generator=dice)}
    if model.main_input_name == "input_values":
        if hasattr(config, "num_mel_bins"):
            return {"input_values": torch.randn(B, config.max_length, config.num_mel_bins, generator=dice)}
        return {"input_values": torch.randn(B, 120, generator=dice)}
    both = {"decoder_input_ids": ids} if config.is_encoder_decoder else {}
    if model.main_input_name == "input_features":
        return {"input_features": torch.randn(B, config.num_mel_bins, 32, generator=dice)} | both
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)} | both


@torch.no_grad()
def _run(model, call):
    torch.manual_seed(1)  # some mask at random
    return model(**call)[0]


def _second_row(call):
    """A gate that limits the second sequence alone."""
    if "input_ids" not in call:
        return GateState(share=torch.tensor([1.0, 0.5]))
    open_ = torch.ones(B, S, dtype=torch.bool)
    open_[1, 2] = False
    return GateState(keep=open_)


def outcome(kind):
    """(attention layers limited, "limited" or "refused", what was said)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = made(kind)
        call = inputs_of(model)
        free = _run(model, call)
        try:
            with limit(model, GateState(), "all") as names:
                same = _run(model, call)
            with limit(model, _second_row(call), "all"):
                half = _run(model, call)
        except InputError as error:
            return 0, "refused", str(error).splitlines()[0]
        assert torch.equal(same, free), (
            f"{kind}: not the bits of the model alone, {(same - free).abs().max():.1e}"
        )
        assert torch.equal(_run(model, call), free), f"{kind}: not as before after the block"
        assert (half[1] - free[1]).abs().max() > 1e-4, f"{kind}: a limit has no effect"
        rest = (half[0] - free[0]).abs().max()
        assert rest < 1e-4, f"{kind}: what is granted in full differs by {rest:.1e}"
        return len(names), "limited", ""


def main():
    target, kinds = Path(sys.argv[1]), sys.argv[2:] or TYPES
    rows = ["type,layers,outcome,said"]
    for kind in kinds:
        try:
            layers, what, said = outcome(kind)
        except Exception as error:
            layers, what, said = (
                0,
                "FAILED",
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            )
        rows.append(f"{kind},{layers or ''},{what},{said.replace(',', ';')}")
        print(rows[-1][:150], flush=True)
    target.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
