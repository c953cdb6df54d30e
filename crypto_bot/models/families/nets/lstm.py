"""The LSTM family: three LSTMs one on the other, and a dense layer on the last state."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.families.family import FitOptions
from crypto_bot.models.families.nets.family import Body, WindowFamily, size_of, training_of
from crypto_bot.models.families.nets.training import TrainingSettings

Dropouts = tuple[float, float, float, float]


class Size(NamedTuple):
    """Units of each LSTM and of the dense layer; how many LSTMs a batch norm follows."""

    units: tuple[int, int, int]
    dense: int
    norms: int = 0


SIZES = {
    "default": Size((128, 64, 32), 16),
    "hybrid": Size((128, 64, 32), 16, norms=2),
    "small": Size((64, 32, 16), 16),
    "tiny": Size((16, 16, 16), 16),
}


@dataclass(frozen=True, slots=True)
class LstmSettings(TrainingSettings):
    """How it is trained; `dropouts`: after each LSTM and after the dense layer."""

    dropouts: Dropouts = (0.2, 0.2, 0.2, 0.2)

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        if not all(0.0 <= each < 1.0 for each in self.dropouts):
            raise ConfigError(f"dropouts {self.dropouts}: use numbers from 0 to below 1")


class StackedLstm(nn.Module):
    """Windows [batch, bars, inputs] to [batch, dense]."""

    def __init__(self, inputs: int, size: Size, dropouts: Dropouts) -> None:
        super().__init__()
        widths = (inputs, *size.units)
        self.lstms = nn.ModuleList(
            nn.LSTM(before, after, batch_first=True) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(units) for units in size.units[: size.norms])
        *between, last = dropouts
        self.dropouts = nn.ModuleList(nn.Dropout(share) for share in between)
        self.dense = nn.Linear(size.units[-1], size.dense)
        self.dropout = nn.Dropout(last)

    def forward(self, windows: Tensor) -> Tensor:
        states = windows
        for layer, (lstm, dropout) in enumerate(zip(self.lstms, self.dropouts, strict=True)):
            states, _ = lstm(states)
            if layer < len(self.norms):
                states = self.norms[layer](states.transpose(1, 2)).transpose(1, 2)
            states = dropout(states)
        mixed: Tensor = self.dropout(self.dense(states[:, -1]).relu())
        return mixed


@dataclass(frozen=True)
class LstmFamily(WindowFamily):
    """The stacked LSTM."""

    settings: LstmSettings = field(default_factory=LstmSettings)

    file: ClassVar[str] = "lstm.pth"

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> LstmSettings:
        return training_of(LstmSettings(), options, fine_tuning=fine_tuning)

    @staticmethod
    def body(inputs: int, steps: int, size: str, settings: LstmSettings) -> Body:
        del steps
        chosen: Size = size_of(SIZES, size)
        return Body(StackedLstm(inputs, chosen, settings.dropouts), chosen.dense)
