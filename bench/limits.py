"""What PyTorch gets out of this machine: fp32 matrix products and large copies."""

import time

import torch
from torch.nn.functional import linear

FLOATS = 2**27


def best(repetitions, work):
    times = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def products(shapes, repetitions):
    """FLOP/s at most, of rows multiplied with two weights in turn, each as a linear layer holds it."""
    rates = []
    for rows, inner, outer in shapes:
        x, up, down = (torch.rand(*shape) - 0.5 for shape in ((rows, inner), (outer, inner), (inner, outer)))
        with torch.no_grad():
            taken = best(repetitions, lambda: linear(linear(x, up), down))
        rates.append(4 * rows * inner * outer / taken)
    return {"flops": max(rates)}


def bandwidth(repetitions):
    """Bytes a second, read and written: b = a, and c = a + 3 b, on arrays that no cache holds."""
    a, b, c = (torch.ones(FLOATS) for _ in range(3))
    copy = best(repetitions, lambda: b.copy_(a))
    triad = best(repetitions, lambda: torch.add(a, b, alpha=3, out=c))
    return {"copy": 2 * 4 * FLOATS / copy, "triad": 3 * 4 * FLOATS / triad}
