"""Weights as bytes: state dicts, never a pickle that could run code."""

from __future__ import annotations

import pickle
from io import BytesIO

import torch
from torch import Tensor, nn

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.models.families.family import Files

_ZIP = b"PK\x03\x04"
"""How a state dict begins. Older pickles are not even looked into."""


def packed(net: nn.Module) -> bytes:
    """The state dict of `net`, as `torch.load(weights_only=True)` reads it."""
    content = BytesIO()
    torch.save({name: value.cpu() for name, value in net.state_dict().items()}, content)
    return content.getvalue()


def restore(net: nn.Module, name: str, files: Files) -> None:
    """Puts the weights of the file `name` into `net`. Raises ModelIncompatible, `net` unharmed."""
    if name not in files:
        raise ModelIncompatible(f"{name} is missing: train the model again")
    refused = f"{name} is damaged or of another architecture: train the model again"
    if not files[name].startswith(_ZIP):
        raise ModelIncompatible(refused)
    try:
        state = torch.load(BytesIO(files[name]), map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,  # also what would run code
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise ModelIncompatible(refused) from error
    if not _is_state_of(net, state):
        raise ModelIncompatible(refused)
    net.load_state_dict(state)


def _is_state_of(net: nn.Module, state: object) -> bool:
    """Same names, shapes and types, and everything finite."""
    own = net.state_dict()
    return (
        isinstance(state, dict)
        and state.keys() == own.keys()
        and all(
            isinstance(value, Tensor)
            and value.shape == own[name].shape
            and value.dtype == own[name].dtype
            and bool(torch.isfinite(value).all())
            for name, value in state.items()
        )
    )
