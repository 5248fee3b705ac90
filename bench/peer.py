"""The other side of the benchmark: PyTorch and transformers doing the same work.

`peer.py DIR NUMBERS` takes commands for the model there, in float32 or bfloat16, or in float32 with bfloat16 products (autocast);
`peer.py make DIR CONFIG` writes one with random weights instead.
"""

import json
import sys

import torch
from limits import bandwidth, products
from serve import THREADS, serve
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2Config, Qwen2ForCausalLM

if sys.argv[1] == "make":
    torch.manual_seed(0)
    Qwen2ForCausalLM(Qwen2Config(**json.loads(sys.argv[3]))).save_pretrained(sys.argv[2])
    sys.exit()

torch.set_num_threads(THREADS)
numbers = sys.argv[2]
model = Qwen2ForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16 if numbers == "bfloat16" else torch.float32).eval()
autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=numbers == "autocast")
optimizer = None


def generate(prompts, new_tokens, eos, **options):
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    with torch.no_grad():
        out = model.generate(
            ids,
            attention_mask=mask,
            max_new_tokens=new_tokens,
            do_sample=False,
            eos_token_id=eos,
            pad_token_id=0,
            return_dict_in_generate=True,
            **options,
        )
    return out.sequences[:, longest:].tolist(), out.logits


def decode(prompts, newTokens, margins=False):
    ids, logits = generate(prompts, newTokens, None, output_logits=margins)
    if not margins:
        return {"ids": ids}
    top = torch.stack([step.topk(2).values for step in logits], dim=1)
    return {"ids": ids, "margins": (top[..., 0] - top[..., 1]).tolist()}


def starts(prompt, response, places):
    """The response up to each place, with each of the model's first two other tokens there."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    out = []
    for t in places:
        order = torch.sort(logits[t], descending=True, stable=True).indices[:3].tolist()
        out += [response[:t] + [i] for i in [i for i in order if i != response[t]][:2]]
    return out


def rollouts(prompt, response, places, maxNewTokens, eos, batch):
    """The definition: each alternative continued greedily, `batch` of them at a time, each with its prefix computed anew."""
    out = starts(prompt, response, places)
    unfinished = [i for i, ids in enumerate(out) if ids[-1] not in eos and len(ids) < maxNewTokens]
    for first in range(0, len(unfinished), batch):
        chunk = unfinished[first : first + batch]
        longest = max(maxNewTokens - len(out[i]) for i in chunk)
        for i, ids in zip(chunk, generate([prompt + out[i] for i in chunk], longest, eos)[0]):
            ids = ids[: maxNewTokens - len(out[i])]
            ends = [n for n, token in enumerate(ids) if token in eos]
            out[i] += ids[: ends[0] + 1] if ends else ids
    return {"rollouts": out}


def train(ids, labels, steps=1):
    """Steps of plain SFT: forward, backward, clipping, AdamW. Tells the first loss."""
    global optimizer
    if optimizer is None:
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    losses = []
    for _ in range(steps):
        with autocast:
            loss = model(input_ids=torch.tensor(ids), labels=torch.tensor(labels)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return {"loss": losses[0]}


def compile():
    """Makes the steps that follow compiled ones, or says what is missing."""
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return {"missing": "torch.compile needs a C++ compiler (Debian: apt-get install g++)"}
    model.compile()
    return {}


def flops(ids):
    """What forward and backward pass over whole sequences multiply and add, as PyTorch counts it."""
    model.set_attn_implementation("eager")
    counter = FlopCounterMode(display=False)
    with counter:
        model(torch.tensor(ids)).logits.sum().backward()
    return {"flops": counter.get_total_flops()}


serve(
    {
        "decode": decode,
        "rollouts": rollouts,
        "train": train,
        "compile": compile,
        "flops": flops,
        "products": products,
        "bandwidth": bandwidth,
    }
)
