"""Where a test of networks runs: on the CPU, and on a GPU where there is one."""

import pytest
import torch

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="this machine has no CUDA GPU"
        ),
    ),
]
