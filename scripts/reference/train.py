"""Reference values for masked fine-tuning, computed by PyTorch and transformers in fp32.

Writes trainer/train/testdata: a tiny Qwen2 model, and for each scenario its settings, the sequences of each optimizer step, what PyTorch
measured at each step (JSON), and the weights after the last one (safetensors). It is the plain definition: every sequence runs alone and
whole through the model, the loss is summed over all its tokens, and one backward pass covers the whole optimizer step.

    python scripts/reference/train.py        # needs torch, transformers, safetensors
"""

import json
import math
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM, get_cosine_schedule_with_warmup

OUT = Path(__file__).resolve().parents[2] / "trainer/train/testdata"
VOCAB, STEPS = 48, 20

CONFIG = Qwen2Config(
    vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True, eos_token_id=1, pad_token_id=0,
    bos_token_id=None,
)

DEFAULTS = dict(
    batchSize=4, gradientAccumulationSteps=1, learningRate=1e-2, warmupRatio=0.1, weightDecay=0.0, decay="all", maxGradNorm=0.0,
    beta1=0.9, beta2=0.999, epsilon=1e-8, lossNormalization="step", lora=None,
)
SCENARIOS = {
    "clipped": dict(weightDecay=0.1, maxGradNorm=0.5),
    "accumulated": dict(batchSize=2, gradientAccumulationSteps=3, maxGradNorm=1.0, emptyShare=0.3),
    "per-sequence": dict(batchSize=3, gradientAccumulationSteps=2, lossNormalization="per-sequence", emptyShare=0.2),
    "all-tokens": dict(lossNormalization="all-tokens", fractional=True, emptyShare=0.2),
    "matrices": dict(weightDecay=0.2, decay="matrices", beta1=0.8, beta2=0.95, epsilon=1e-6),
    "lora": dict(lora=dict(rank=4, alpha=8, targetModules=["q_proj", "v_proj", "down_proj"]), weightDecay=0.05, maxGradNorm=1.0),
}


def make_model(seed):
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(CONFIG).float()
    with torch.no_grad():
        for name, p in model.named_parameters():
            spread = torch.randn_like(p)
            p.copy_(1 + 0.1 * spread if "norm" in name else (0.1 if "bias" in name else 0.3) * spread)
    return model


def make_data(seed, step_size, empty_share, fractional):
    """Ragged sequences with sparse weights, and for each step the numbers of its own: they come again, so that there is something to learn."""
    rng = random.Random(seed)
    pool = []
    for _ in range(14):
        prompt, response = rng.randint(1, 8), rng.randint(1, 30)
        ids = [rng.randrange(2, VOCAB) for _ in range(prompt + response)]
        empty = rng.random() < empty_share
        weights = [0.0] * prompt
        for _ in range(response):
            weight = rng.choice([0.25, 0.5, 2.0]) if fractional else 1.0
            weights.append(0.0 if empty or rng.random() < 0.6 else weight)
        if not empty and sum(weights) == 0:
            weights[prompt] = 1.0
        pool.append(dict(ids=ids, weights=weights, promptLength=prompt))
    steps = []
    while len(steps) < STEPS:
        step = [rng.randrange(len(pool)) for _ in range(step_size)]
        if any(sum(pool[i]["weights"]) > 0 for i in step):
            steps.append(step)
    return pool, steps


class LoraLinear(torch.nn.Module):
    """y = base(x) + alpha / rank * B A x, initialised as PEFT does: A uniform, B zero."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.lora_A = torch.nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = torch.nn.Parameter(torch.zeros(base.out_features, rank))
        torch.nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x):
        return self.base(x) + self.scale * ((x @ self.lora_A.T) @ self.lora_B.T)


def add_lora(model, lora):
    for p in model.parameters():
        p.requires_grad_(False)
    adapters = {}
    for name, module in list(model.named_modules()):
        if name.split(".")[-1] in lora["targetModules"]:
            wrapped = LoraLinear(module, lora["rank"], lora["alpha"])
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, wrapped)
            adapters[name] = wrapped
    return adapters


def adapter_tensors(adapters):
    """By PEFT's names."""
    return {
        f"base_model.model.{name}.{part}.weight": getattr(module, part).detach().clone()
        for name, module in adapters.items()
        for part in ("lora_A", "lora_B")
    }


def full_tensors(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def nll(model, sequence):
    ids = torch.tensor(sequence["ids"])
    if len(ids) < 2:
        return torch.zeros(0)
    logits = model(ids[None, :-1]).logits[0]
    return F.cross_entropy(logits, ids[1:], reduction="none")


def step_loss(model, sequences, normalization):
    sums, totals, tokens = [], [], 0
    for sequence in sequences:
        weights = torch.tensor(sequence["weights"][1:])
        tokens += len(sequence["ids"]) - sequence["promptLength"]
        if weights.sum() > 0:
            sums.append((nll(model, sequence) * weights).sum())
            totals.append(weights.sum())
    if normalization == "step":
        return sum(sums) / sum(totals)
    if normalization == "per-sequence":
        return sum(s / t for s, t in zip(sums, totals)) / len(sums)
    return sum(sums) / tokens


def optimizer_of(model, s):
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    decays = lambda p: s["decay"] == "all" or p.ndim >= 2
    groups = [
        dict(params=[p for _, p in trained if decays(p)], weight_decay=s["weightDecay"]),
        dict(params=[p for _, p in trained if not decays(p)], weight_decay=0.0),
    ]
    return torch.optim.AdamW(groups, lr=s["learningRate"], betas=(s["beta1"], s["beta2"]), eps=s["epsilon"])


def run(name, overrides, index):
    options = dict(overrides)
    empty_share, fractional = options.pop("emptyShare", 0.0), options.pop("fractional", False)
    s = {**DEFAULTS, **options}
    model = make_model(0)
    pool, steps = make_data(100 + index, s["batchSize"] * s["gradientAccumulationSteps"], empty_share, fractional)
    adapters = add_lora(model, s["lora"]) if s["lora"] else None
    if adapters:
        save_file(adapter_tensors(adapters), OUT / f"{name}.initial.safetensors")
    optimizer = optimizer_of(model, s)
    schedule = get_cosine_schedule_with_warmup(optimizer, math.ceil(STEPS * s["warmupRatio"]), STEPS)
    trained = [p for p in model.parameters() if p.requires_grad]
    measured = []
    for step in steps:
        optimizer.zero_grad()
        loss = step_loss(model, [pool[i] for i in step], s["lossNormalization"])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, s["maxGradNorm"] or math.inf)
        measured.append(dict(loss=loss.item(), gradNorm=norm.item(), learningRate=schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    (OUT / f"{name}.json").write_text(json.dumps(dict(settings=s, sequences=pool, steps=steps, measured=measured)) + "\n")
    save_file(adapter_tensors(adapters) if adapters else full_tensors(model), OUT / f"{name}.safetensors")
    print(name, *(f"{m['loss']:.4f}" for m in measured[:: STEPS // 4]), f"{measured[-1]['loss']:.4f}")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    make_model(0).save_pretrained(OUT / "model")
    (OUT / "model/generation_config.json").unlink(missing_ok=True)
    for index, (name, overrides) in enumerate(SCENARIOS.items()):
        run(name, overrides, index)


if __name__ == "__main__":
    main()
