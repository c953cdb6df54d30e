"""What the matrix products of a training step take on the CPU, and what this processor has."""

from __future__ import annotations

from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]

from crypto_bot.domain.errors import ConfigError

FLOAT32, MIXED, BF16 = "float32", "mixed", "bf16"
"""`mixed`: float32 forward, bfloat16 back. Sums, states and weights are float32 in each of them."""
ARITHMETICS = (FLOAT32, MIXED, BF16)
_FAST = {"avx512bf16", "amx-bf16", "bf16"}
"""Names of LLVM for instructions that multiply bfloat16, of x86 and of ARM."""


def chosen_arithmetic(name: str) -> str:
    """`auto` is the fastest that has passed the gate of docs/results/training_speed.md.

    That is `mixed` where the processor multiplies bfloat16. Raises ConfigError for an unknown one.
    """
    if name == "auto":
        return MIXED if multiplies_bfloat16() else FLOAT32
    if name not in ARITHMETICS:
        raise ConfigError(f"unknown arithmetic '{name}': use auto, {', '.join(ARITHMETICS)}")
    return name


def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for it; without them it is slower than float32."""
    found = get_host_cpu_features()
    return any(found.get(name, False) for name in _FAST)
