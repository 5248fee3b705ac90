"""Random tiny models with what transformers computes for them: reference values for trainer/model.

  python scripts/reference/model.py fixtures     writes trainer/model/testdata, or only the cases named behind it
                                                 (then: biome format --write trainer/model)
  python scripts/reference/model.py cases        reads {directory: case} from standard input and writes each
  python scripts/reference/model.py logits       reads [{"model", "adapter"?, "batch", "ids"}] from standard input, loads each
                                                 model (and PEFT adapter) and prints [{"dtype", "logits"}]

A case is {"family": "qwen2", "config": {...keys of its config}, "seed": n, "batch": n, "time": n, "dtype": "float32", "shard": "10KB",
"gradients": true, "greedy": n}. Its directory gets the model as save_pretrained writes it, inputs.json {"batch", "time", "ids"}, and
expected.safetensors: logits [batch * time, vocab] in fp32; with gradients `loss` (mean cross-entropy of the next token),
`grad.<weight>`, and `stepped`, the logits after an update by AdamW; with greedy the ids [batch, n] of the n tokens that generate chooses after each sequence.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

# An epsilon of the gradients' own size: the first step of Adam would else be their sign, which rounding can turn.
STEP = dict(lr=0.05, betas=(0.9, 0.95), eps=1e-2, weight_decay=0.1)

FIXTURES = {
    "tied-gqa2": {
        "config": dict(vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, tie_word_embeddings=True, eos_token_id=[2, 3], bos_token_id=1, pad_token_id=0),
        "gradients": True, "greedy": 12,
    },
    "untied-mha-theta1e6": {
        "config": dict(vocab_size=37, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                       num_key_value_heads=3, rope_parameters={"rope_theta": 1e6, "rope_type": "default"}, rms_norm_eps=1e-5),
    },
    "sharded-gqa4": {
        "config": dict(vocab_size=40, hidden_size=48, intermediate_size=32, num_hidden_layers=2, num_attention_heads=8,
                       num_key_value_heads=2, eos_token_id=7),
        "shard": "40KB",
    },
    "bfloat16-headdim8": {
        "config": dict(vocab_size=33, hidden_size=20, intermediate_size=52, num_hidden_layers=3, num_attention_heads=4,
                       num_key_value_heads=1, head_dim=8, tie_word_embeddings=True),
        "dtype": "bfloat16",
    },
    "float16": {
        "config": dict(vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
                       num_key_value_heads=1, rope_parameters={"rope_theta": 500.0, "rope_type": "default"}),
        "dtype": "float16",
    },
    "llama3-biases": {
        "family": "llama",
        "config": dict(vocab_size=31, hidden_size=24, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3,
                       num_key_value_heads=1, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, eos_token_id=2,
                       max_position_embeddings=64, rope_parameters={"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0,
                       "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8}),
        "batch": 1, "time": 24, "greedy": 12, "gradients": True,
    },
    "mistral-window": {
        "family": "mistral",
        "config": dict(vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
                       num_key_value_heads=2, head_dim=6, sliding_window=5, eos_token_id=2, max_position_embeddings=64),
        "batch": 1, "time": 20, "greedy": 12, "gradients": True,
    },
    "qwen3-headnorm": {
        "family": "qwen3",
        "config": dict(vocab_size=30, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
                       num_key_value_heads=1, head_dim=12, use_sliding_window=True, sliding_window=6, max_window_layers=2,
                       tie_word_embeddings=True, eos_token_id=2, max_position_embeddings=64),
        "batch": 1, "time": 20, "greedy": 12, "gradients": True,
    },
    "olmo2-postnorm": {
        "family": "olmo2",
        "config": dict(vocab_size=28, hidden_size=24, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3,
                       num_key_value_heads=3, eos_token_id=2, pad_token_id=1, max_position_embeddings=64,
                       rope_parameters={"rope_type": "default", "rope_theta": 5e5}),
        "batch": 1, "time": 20, "greedy": 12, "gradients": True,
    },
    "phi3-partial-rotary": {
        "family": "phi3",
        "config": dict(vocab_size=27, hidden_size=32, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, eos_token_id=2, pad_token_id=0, sliding_window=9, max_position_embeddings=64,
                       rope_parameters={"rope_type": "default", "rope_theta": 1e3, "partial_rotary_factor": 0.75}),
        "batch": 1, "time": 20, "greedy": 12, "gradients": True,
    },
}


def random_model(config: PreTrainedConfig, generator: torch.Generator, dtype: torch.dtype) -> PreTrainedModel:
    """Weights large enough that a wrong rotation, mask or norm moves the logits far more than 1e-4."""
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            scale = 0.5 / weight.shape[-1] ** 0.5 if weight.ndim == 2 else 0.2
            if name.endswith("embed_tokens.weight"):
                scale = 2 / weight.shape[-1] ** 0.5
            weight.copy_(noise * scale + (1.0 if "norm" in name else 0.0))
    return model.to(dtype)


def write_case(directory: Path, case: dict) -> None:
    generator = torch.Generator().manual_seed(case.get("seed", 0))
    config = AutoConfig.for_model(case.get("family", "qwen2"), **case["config"])
    model = random_model(config, generator, getattr(torch, case.get("dtype", "float32")))
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory, max_shard_size=case.get("shard", "5GB"))
    # Read back rather than widened in place: that would keep the rotary frequencies as rounded to 16 bits.
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    batch, time = case.get("batch", 2), case.get("time", 9)
    ids = torch.randint(0, config.vocab_size, (batch, time), generator=generator)
    if config.pad_token_id is not None:  # PyTorch's embedding keeps gradients from its row, in sequences as in padding
        ids[ids == config.pad_token_id] = (config.pad_token_id + 1) % config.vocab_size
    expected = {}
    logits = model(ids, use_cache=False).logits
    expected["logits"] = logits.detach().reshape(batch * time, -1).contiguous()
    if "greedy" in case:
        model.generation_config.eos_token_id = None  # every sequence gets as many
        all_of_it = torch.ones_like(ids)
        chosen = model.generate(ids, attention_mask=all_of_it, max_new_tokens=case["greedy"], do_sample=False, pad_token_id=0)
        expected["greedy"] = chosen[:, time:].to(torch.float32).contiguous()
    if case.get("gradients"):
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, config.vocab_size), ids[:, 1:].reshape(-1))
        loss.backward()
        expected["loss"] = loss.detach().reshape(1)
        for name, weight in model.named_parameters():
            expected[f"grad.{name}"] = weight.grad.clone().contiguous()
        torch.optim.AdamW(model.parameters(), **STEP).step()
        with torch.no_grad():
            expected["stepped"] = model(ids, use_cache=False).logits.reshape(batch * time, -1).contiguous()
    save_file(expected, directory / "expected.safetensors")
    (directory / "inputs.json").write_text(json.dumps({"batch": batch, "time": time, "ids": ids.flatten().tolist()}) + "\n")


def logits_of(request: dict) -> dict:
    stored = str(AutoModelForCausalLM.from_pretrained(request["model"]).dtype)
    model = AutoModelForCausalLM.from_pretrained(request["model"], dtype=torch.float32)
    if "adapter" in request:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, request["adapter"])
    ids = torch.tensor(request["ids"]).reshape(request["batch"], -1)
    with torch.no_grad():
        logits = model.eval()(ids, use_cache=False).logits
    return {"dtype": stored, "logits": logits.flatten().tolist()}


def main() -> None:
    command = sys.argv[1]
    if command == "fixtures":
        root = Path(__file__).resolve().parents[2] / "trainer/model/testdata"
        chosen = sys.argv[2:] or FIXTURES
        for seed, (name, case) in enumerate(FIXTURES.items()):
            if name in chosen:
                write_case(root / name, {"seed": seed, **case})
    elif command == "cases":
        for directory, case in json.load(sys.stdin).items():
            write_case(Path(directory), case)
    elif command == "logits":
        print(json.dumps([logits_of(request) for request in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
