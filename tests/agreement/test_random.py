"""Random programs: the CPU, the reference machine and Python itself agree."""

import numpy as np
from hypothesis import given, settings, strategies as st

from tests.agreement.programs import Statement, compile_source, interpret, programs


@settings(max_examples=80)
@given(programs, st.integers(-4, 4), st.integers(0, 2**32 - 1))
def test_integer_programs_agree(program: list[Statement], n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-(2**31), 2**31, (3, 16), dtype=np.int64).astype(np.int32)
    x[:, :8] //= 2**29
    expected = interpret(program, [tuple(map(int, column)) for column in x.T], n)
    kernel = compile_source(program)
    for device in ("cpu", "vm"):
        y = np.zeros_like(x)
        kernel(x, y, n, device=device)
        assert y.tolist() == expected, device
