"""The other side of the benchmark: PyTorch and transformers doing the same work, one command a line on standard input.

Each answer is a line of JSON with the seconds it took. Loading and warming up are commands of their own, so that they are not timed.
"""

import json
import sys
import time

import torch
from transformers import Qwen2ForCausalLM

torch.set_num_threads(2)
model = Qwen2ForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
optimizer = None


def generate(prompts, new_tokens, eos):
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    with torch.no_grad():
        out = model.generate(
            ids, attention_mask=mask, max_new_tokens=new_tokens, do_sample=False, eos_token_id=eos, pad_token_id=0
        )
    return out[:, longest:].tolist()


def decode(prompts, newTokens):
    return {"ids": generate(prompts, newTokens, None)}


def rollouts(prompt, response, maxNewTokens, eos):
    """The definition: for each token its first two alternatives, each continued greedily on its own."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    out = []
    for t, token in enumerate(response):
        order = torch.sort(logits[t], descending=True, stable=True).indices[:3].tolist()
        for alternative in [i for i in order if i != token][:2]:
            ids = response[:t] + [alternative]
            if alternative not in eos and len(ids) < maxNewTokens:
                ids += generate([prompt + ids], maxNewTokens - len(ids), eos)[0]
            out.append(ids)
    return {"rollouts": out}


def train(ids, labels):
    """One step of plain SFT: forward, backward, clipping, AdamW."""
    global optimizer
    if optimizer is None:
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    loss = model(input_ids=torch.tensor(ids), labels=torch.tensor(labels)).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {"loss": loss.item()}


COMMANDS = {"decode": decode, "rollouts": rollouts, "train": train}
print(json.dumps({"ready": torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    command = COMMANDS[request.pop("command")]
    start = time.perf_counter()
    result = command(**request)
    result["seconds"] = time.perf_counter() - start
    print(json.dumps(result), flush=True)
