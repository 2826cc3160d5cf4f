"""Code that was assembled elsewhere for the benchmark's kernels: a card is given it, and nothing is assembled."""

from __future__ import annotations

import os
import tempfile
from unittest.mock import patch

import numpy as np
import pytest

from tests.cuda.standin import Stub
from tilevm.backends.ptx import assemble
from tilevm.bench import kernels
from tilevm.bench.gpu.setting import target_of

TILES = {"BM": 64, "BN": 64, "BK": 32, "stages": 3, "num_warps": 4}


@pytest.mark.skipif(not assemble.at_hand(), reason="no assembler of PTX here")
def test_a_card_is_given_the_code_that_was_carried(stub: Stub) -> None:
    os.environ["TILEVM_CUBINS"] = tempfile.mkdtemp()
    x, code = np.zeros((128, 128), np.float16), target_of((9, 0))
    text = kernels.matmul.compile(x, x, x, target=code, **TILES).stages["ptx"]
    carried = assemble.assemble(text, "sm_90")
    with patch.object(assemble, "assembler", lambda: None), patch.object(assemble, "linker", lambda: None):
        found = kernels.matmul.compile(x, x, x, device="cuda:0", target=code, **TILES)
        assert found.binary == carried.cubin
        found(x, x, x.copy())
    assert "cuModuleLoadDataEx cubin" in stub.log()
