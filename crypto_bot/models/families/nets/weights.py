"""Weights as bytes: state dicts, never a pickle that could run code."""

from __future__ import annotations

import pickle
from io import BytesIO
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.models.families.family import Files
from crypto_bot.models.spec import Scaler

_ZIP = b"PK\x03\x04"
"""How a state dict begins. Older pickles are not even looked into."""


def packed(net: nn.Module) -> bytes:
    """The state dict of `net`, as `torch.load(weights_only=True)` reads it."""
    content = BytesIO()
    torch.save({name: value.cpu() for name, value in net.state_dict().items()}, content)
    return content.getvalue()


def restore(net: nn.Module, name: str, files: Files) -> None:
    """Puts the weights of the file `name` into `net`. Raises ModelIncompatible, `net` unharmed."""
    state = _loaded(name, files)
    if not _is_state_of(net, state):
        raise _refused(name)
    net.load_state_dict(state)


def stored_number(name: str, files: Files, key: str, otherwise: int) -> int:
    """A whole number in the file `name`, `otherwise` where it is not there.

    Raises ModelIncompatible.
    """
    state = _loaded(name, files)
    if not isinstance(state, dict):
        raise _refused(name)
    held = state.get(key, otherwise)
    return int(held) if isinstance(held, Tensor) and held.numel() == 1 else otherwise


def _loaded(name: str, files: Files) -> Any:
    if name not in files:
        raise ModelIncompatible(f"{name} is missing: train the model again")
    if not files[name].startswith(_ZIP):
        raise _refused(name)
    try:
        return torch.load(BytesIO(files[name]), map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,  # also what would run code
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise _refused(name) from error


def _refused(name: str) -> ModelIncompatible:
    return ModelIncompatible(f"{name} is damaged or of another architecture: train the model again")


class Scaling(Protocol):
    """A network that scales its `columns` [k] by `mean` and `scale` [k]."""

    columns: Tensor
    mean: Tensor
    scale: Tensor


def is_scaled_by(net: Scaling, scaler: Scaler) -> bool:
    """Whether `net` scales by the numbers that `scaler` has for its columns."""
    return all(
        torch.equal(own, torch.tensor(numbers).float()[net.columns])
        for own, numbers in ((net.mean, scaler.mean), (net.scale, scaler.scale))
    )


def _is_state_of(net: nn.Module, state: object) -> bool:
    """Same names, shapes and types, and everything finite."""
    own = net.state_dict()
    return (
        isinstance(state, dict)
        and state.keys() == own.keys()
        and all(
            isinstance(value, Tensor)
            and value.layout is torch.strided
            and value.shape == own[name].shape
            and value.dtype == own[name].dtype
            and bool(torch.isfinite(value).all())
            for name, value in state.items()
        )
    )
