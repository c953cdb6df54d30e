"""What the last bits of a computed number depend on, besides the code."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("lightgbm", "numba", "numpy", "scikit-learn", "scipy", "torch")


def fingerprint() -> dict[str, str]:
    """Vendor and vector instructions of the CPU, and the versions of the numerical libraries."""
    found: dict[str, str] = {}
    cpu = Path("/proc/cpuinfo")
    for line in cpu.read_text("utf-8").splitlines() if cpu.exists() else ():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    vectors = [
        flag for flag in found.get("flags", "").split() if flag.startswith(("avx", "amx", "fma"))
    ]
    return {
        "machine": platform.machine(),
        "vendor": found.get("vendor_id", ""),
        "vectors": " ".join(sorted(vectors)),
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: version(name) for name in _LIBRARIES},
    }
