"""The device that a network is fitted or served on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto_bot.domain.errors import ConfigError

if TYPE_CHECKING:
    import torch

NAMES = ("auto", "cpu", "cuda")


def chosen_device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one. Raises ConfigError for an unknown or absent one."""
    import torch  # noqa: PLC0415 - a second and 200 MB that naming a device need not cost

    if name not in NAMES:
        raise ConfigError(f"unknown device '{name}': use {', '.join(NAMES[:-1])} or {NAMES[-1]}")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ConfigError("device cuda: this machine has no CUDA GPU; use cpu or auto")
    return torch.device("cuda" if found and name != "cpu" else "cpu")
