"""Compiles the kernels of triton_kernels.py for sm_80, without a GPU, into PTX beside this file."""

import os
import tempfile
from pathlib import Path

os.environ["TRITON_CACHE_DIR"] = tempfile.mkdtemp()
os.environ["TRITON_DEFAULT_FP_FUSION"] = "1"
import triton
import triton_kernels as kernels
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

HERE = Path(__file__).parent
ALIGNED = [["tt.divisibility", 16]]


def product(kind, tile, inner):
    """A matrix product of one type of number, with the type that its sums are stored in."""
    sizes = dict.fromkeys(("M", "N", "K", "row_a", "row_b", "row_c"), "i32")
    result = {"fp32": "*fp32", "i8": "*i32"}.get(kind, f"*{kind}")
    total = triton.language.int32 if kind == "i8" else triton.language.float32
    types = {"a": f"*{kind}", "b": f"*{kind}", "c": result, **sizes}
    return kernels.matmul, types, {"BM": tile, "BN": tile, "BK": inner, "SUM": total}


ODD = ("n", "columns", "M", "count", "seed")  # numbers that 16 need not divide


CASES = {
    "add": ((kernels.add, {"x": "*fp32", "y": "*fp32", "out": "*fp32", "n": "i32"}, {"BLOCK": 1024}), 4, 1),
    "softmax": ((kernels.softmax, {"x": "*fp32", "out": "*fp32", "columns": "i32"}, {"BLOCK": 1024}), 4, 1),
    "matmul_f16": (product("fp16", 128, 32), 4, 3),
    "matmul_bf16": (product("bf16", 64, 32), 4, 3),
    "matmul_tf32": (product("fp32", 64, 32), 4, 3),
    "matmul_s8": (product("i8", 64, 64), 4, 3),
    "scan_and_sort": (
        (kernels.scan_and_sort, {"x": "*fp32", "sums": "*fp32", "ordered": "*fp32", "places": "*i32"}, {"BLOCK": 128}),
        4,
        1,
    ),
    "casts": (
        (
            kernels.casts,
            {"x": "*fp32", "half": "*fp16", "brain": "*bf16", "small": "*fp8e5", "whole": "*i32", "count": "i32"},
            {"BLOCK": 256},
        ),
        4,
        1,
    ),
    "random_counts": (
        (kernels.random_counts, {"counts": "*i32", "draws": "*i32", "seed": "i32"}, {"BLOCK": 128}),
        4,
        1,
    ),
    "attention": (
        (
            kernels.attention,
            {"q": "*fp16", "k": "*fp16", "v": "*fp16", "out": "*fp16", "scale": "fp32", "length": "i32"},
            {"BM": 64, "BN": 64, "D": 64, "CAUSAL": True},
        ),
        4,
        2,
    ),
}

for name, ((function, types, constants), warps, stages) in CASES.items():
    names = [*types, *constants]
    signature = {**types, **dict.fromkeys(constants, "constexpr")}
    even = [i for i, n in enumerate(names) if n in types and types[n] != "fp32" and n not in ODD]
    aligned = {(i,): ALIGNED for i in even}
    source = ASTSource(
        fn=function, signature=signature, constexprs={(names.index(n),): v for n, v in constants.items()}, attrs=aligned
    )
    made = triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": warps, "num_stages": stages})
    text = made.asm["ptx"]
    (HERE / f"triton_{name}.ptx").write_text(text.replace(str(HERE), "tests/emulator/ptx"))
    print(name, triton.__version__, len(text), made.metadata.shared)
