"""Tiny random decoders of many architectures: two layers or three, nothing learned, seconds to run."""

from __future__ import annotations

from typing import Any

COMMON = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
}
MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 9}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "mistral": {"sliding_window": 9},
    "gemma2": {**MIXED, "head_dim": 8, "query_pre_attn_scalar": 8},
    "gemma3_text": {**MIXED, "head_dim": 8, "query_pre_attn_scalar": 8},
    "phi3": {},
    "olmo2": {},
    "smollm3": {"num_hidden_layers": 4},
    "granite": {"logits_scaling": 3.0, "attention_multiplier": 0.2, "residual_multiplier": 0.5},
    "cohere2": {**MIXED, "logit_scale": 0.3},
    "gpt_neox": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 8},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}


def tiny(name: str, *, seed: int = 0, **more: Any) -> Any:
    """A model of this architecture in fp32, dropout off, its attention as the training core needs it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from whet.train.attention import register

    config = AutoConfig.for_model(name, **{**COMMON, **ARCHITECTURES.get(name, {}), **more})
    register()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    for parameter in model.parameters():  # norms and biases that start at 1 or 0 would hide mistakes
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model
