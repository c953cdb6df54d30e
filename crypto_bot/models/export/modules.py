"""What turns windows of raw features into calibrated probabilities, as modules of torch.

Both formats are made from these. All numbers are in single precision, so a probability is never
written as 1 minus another one: its log would be lost where that is nearly 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.families.cnn_lstm.net import BLOCK_BARS, Tower
from crypto_bot.models.families.ensemble.model import Share
from crypto_bot.models.families.logistic import LinearPart

_TINY = torch.finfo(torch.float32).tiny


class Heads(nn.Module):
    """The logits [n] of a move and of a rise among the moves, to P of each class [n, 3]."""

    def __init__(self, direction: Direction) -> None:
        super().__init__()
        (down,), (neutral,), (rise,) = direction
        self.order = [(down, neutral, rise).index(at) for at in range(3)]

    def forward(self, move: Tensor, up: Tensor) -> Tensor:
        moves = _share(move)
        p = (moves * _share(-up), _share(-move), moves * _share(up))
        return torch.stack([p[at] for at in self.order], dim=1)


class Calibrated(nn.Module):
    """Probabilities [n, classes] of a model, calibrated as `Calibration.probabilities`."""

    def __init__(self, calibration: Calibration, label: LabelSpec) -> None:
        super().__init__()
        self.temperature, self.shrink = calibration.temperature, calibration.shrink
        self.way, self.single = label.direction, label.three_way is not None
        self.heads = Heads(label.three_way) if label.three_way is not None else None
        self.classes = len(label.classes)

    def forward(self, p: Tensor) -> Tensor:
        if self.way is None:
            return torch.softmax(_log(p) / self.temperature, dim=1)
        fall, neutral, rise = (_side(p, classes) for classes in self.way)
        score = (_log(rise) - _log(fall)) * self.shrink
        if self.heads is not None:
            moves = (_log(rise + fall) - _log(neutral)) / self.temperature
            known: Tensor = self.heads(moves, score)
            return known
        scaled = torch.softmax(_log(p) / self.temperature, dim=1)
        fall, rise = _side(scaled, self.way.down), _side(scaled, self.way.up)
        factors = {at: (fall + rise) * _share(-score) / _least(fall) for at in self.way.down}
        factors |= {at: (fall + rise) * _share(score) / _least(rise) for at in self.way.up}
        columns = [scaled[:, at] * factors.get(at, 1.0) for at in range(self.classes)]
        return torch.stack(columns, dim=1)


class Linear(nn.Module):
    """The scores [n, outputs] of a linear part, from the newest row of windows."""

    columns: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, part: LinearPart) -> None:
        super().__init__()
        self.register_buffer("columns", torch.from_numpy(part.columns))
        self.register_buffer("weights", torch.from_numpy(part.weights).float())
        self.register_buffer("bias", torch.from_numpy(part.bias).float())

    def forward(self, windows: Tensor) -> Tensor:
        return windows[:, -1].index_select(1, self.columns) @ self.weights + self.bias


class Towers(nn.Module):
    """The two towers of a CNN-LSTM on whole windows [n, window_bars, columns]."""

    def __init__(self, move: Tower, up: Tower, direction: Direction) -> None:
        super().__init__()
        self.move, self.up = move, up
        self.heads = Heads(direction)

    def forward(self, windows: Tensor) -> Tensor:
        p: Tensor = self.heads(_logit(self.move, windows), _logit(self.up, windows))
        return p


class LinearHeads(nn.Module):
    """A logistic model of both heads."""

    def __init__(self, move: LinearPart, up: LinearPart, direction: Direction) -> None:
        super().__init__()
        self.move, self.up, self.heads = Linear(move), Linear(up), Heads(direction)

    def forward(self, windows: Tensor) -> Tensor:
        p: Tensor = self.heads(self.move(windows)[:, 0], self.up(windows)[:, 0])
        return p


class Joined(nn.Module):
    """P [n, 3] of an ensemble of a label that is `three_way`, from those of its members.

    `shares` as `ensemble.model.joined` takes them.
    """

    def __init__(self, shares: Sequence[Share], direction: Direction) -> None:
        super().__init__()
        self.shares, self.way, self.heads = shares, direction, Heads(direction)
        self.spread = sum(each.direction_weight * each.direction_spread for each in shares)

    def forward(self, *answers: Tensor) -> Tensor:
        move, up = [], []
        for share, p in zip(self.shares, answers, strict=True):
            fall, neutral, rise = (_side(p, classes) for classes in self.way)
            move.append(share.weight * (_log(rise + fall) - _log(neutral)))
            factor = share.direction_weight * self.spread / share.direction_spread
            up.append(factor * (_log(rise) - _log(fall)))
        joined: Tensor = self.heads(sum(move), sum(up))
        return joined


class Softmax(nn.Module):
    """The softmax of the scores [n, classes] of `scores`, a module of windows or of scores."""

    def __init__(self, scores: nn.Module) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, given: Tensor) -> Tensor:
        return torch.softmax(self.scores(given), dim=1)


def _logit(tower: Tower, windows: Tensor) -> Tensor:
    blocks = tower.scaled(windows).reshape(windows.shape[0], -1, BLOCK_BARS * tower.width)
    logit: Tensor = tower(blocks.transpose(0, 1))
    return logit


def _side(p: Tensor, classes: tuple[int, ...]) -> Tensor:
    """P of any of `classes`, [n]."""
    if not classes:
        return torch.zeros_like(p[:, 0])
    return torch.stack([p[:, at] for at in classes], dim=1).sum(dim=1)


def _share(logit: Tensor) -> Tensor:
    """The sigmoid; as an operator of its own it is 0 below about -18 in ONNX Runtime."""
    return 1.0 / (1.0 + (-logit).exp())


def _log(p: Tensor) -> Tensor:
    return _least(p).log()


def _least(p: Tensor) -> Tensor:
    return p.clamp(min=_TINY)
