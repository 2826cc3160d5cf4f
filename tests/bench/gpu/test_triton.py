"""Triton's kernels compute what ours are compared with: run by its interpreter, in a process of its own."""

import os
import subprocess
import sys

import pytest

from tilevm.bench.gpu.setting import PEERS
from tilevm.optional import optional

CHECK = """
import sys, torch
sys.path.insert(0, sys.argv[1])
import triton_kernels as t

torch.manual_seed(0)
half, f = torch.float16, torch.nn.functional


def near(found, exact, bound):
    worst = float((found.double() - exact.double()).abs().max())
    assert worst <= bound, (worst, bound)


def new(like, *shape):
    return torch.full(shape or like.shape, float("nan"), dtype=like.dtype)


x, y = torch.randn(2, 3000)
near(t.run_add(x, y, new(x)), x + y, 0.0)
x, w = torch.randn(5, 300), torch.randn(300)
near(t.run_softmax(x, new(x)), x.softmax(1), 1e-6)
near(t.run_rms_norm(x, w, new(x), 1e-5), f.rms_norm(x, (300,), w, 1e-5), 1e-5)
a, b = torch.randn(48, 80).to(half), torch.randn(80, 64).to(half)
near(t.run_matmul(a, b, new(a, 48, 64), BM=32, BN=32, BK=16), a.double() @ b.double(), 0.02)
for causal in (False, True):
    q, k, v = torch.randn(3, 1, 2, 64, 16).to(half)
    exact = f.scaled_dot_product_attention(q.double(), k.double(), v.double(), is_causal=causal, scale=0.25)
    near(t.run_attention(q, k, v, new(q), scale=0.25, causal=causal, BM=32, BN=16), exact, 3e-3)
x, w = torch.randn(3, 256).to(half), torch.randint(0, 256, (64, 128), dtype=torch.uint8)
scale = (2.0 ** torch.randint(-3, 1, (64, 2))).to(half)
codes = torch.stack([w & 15, w >> 4], 2).reshape(64, 256).double() - 8
exact = x.double() @ (codes * scale.double().repeat_interleave(128, 1)).T
near(t.run_w4(x, w.reshape(-1), scale, new(x, 3, 64), 128, BM=16, BN=32), exact, 0.1)
print("right")
"""
missing = optional("triton") is None or optional("torch") is None


@pytest.mark.skipif(missing, reason="triton or torch is not installed")
def test_launches_compute_what_they_say() -> None:
    run = [sys.executable, "-c", CHECK, str(PEERS.parent)]
    done = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "TRITON_INTERPRET": "1"})
    assert done.stdout.strip() == "right", done.stderr
