"""Checkpoints of a network's fit: all that the next epoch depends on, bit by bit."""

from __future__ import annotations

import io
from typing import Any

import torch

from crypto_bot.models.checkpoint_store import CheckpointStore

State = dict[str, Any]
"""Tensors, numbers, texts, lists and dictionaries of them: what loads without unpickling code."""


class Checkpoints:
    """The states of a fit's heads, the newest of each, in one checkpoint.

    `settings` names everything that the fit depends on: a checkpoint of another one is not read.
    """

    def __init__(self, store: CheckpointStore, settings: str) -> None:
        self.store = store
        self._settings = settings
        self._heads: dict[str, State] = {}
        content = store.load()
        if content is not None:
            held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            if held["settings"] == settings:
                self._heads = held["heads"]

    def of(self, head: str) -> State | None:
        """The newest state of `head`; None where it has not finished an epoch."""
        return self._heads.get(head)

    def keep(self, head: str, state: State) -> None:
        """Replaces the state of `head`."""
        self._heads[head] = state
        kept = io.BytesIO()
        torch.save({"settings": self._settings, "heads": self._heads}, kept)
        self.store.save(kept.getvalue())
