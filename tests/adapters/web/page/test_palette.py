"""The colours can be read and differ from each other."""

from itertools import product

import numpy as np
import pytest

from crypto_bot.adapters.web.page.palette import (
    PALETTES,
    Directions,
    Palette,
    Theme,
    palette_of,
    tokens,
)

# Machado, Oliveira and Fernandes 2009, severity 1.0: protan, deutan, tritan.
SIMULATIONS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (float(linear(each) @ [0.2126, 0.7152, 0.0722]) + 0.05 for each in (one, other)),
        reverse=True,
    )
    return light / dark


def lab(rgb: np.ndarray) -> np.ndarray:
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.fixture(params=list(Theme))
def palette(request: pytest.FixtureRequest) -> Palette:
    return PALETTES[request.param]


@pytest.mark.parametrize("directions", Directions)
@pytest.mark.parametrize("theme", Theme)
def test_texts_reach_4_5_to_1(theme: Theme, directions: Directions) -> None:
    palette = palette_of(theme, directions)
    inks = (palette.text, palette.muted, palette.long, palette.short, palette.warn, palette.crit)
    for ink, paper in product(inks, (palette.panel, palette.bg)):
        assert contrast(ink, paper) >= 4.5, (ink, paper)
    for fill in (palette.long, palette.short, palette.crit):
        assert contrast(palette.on_fill, fill) >= 4.5, fill
    assert contrast(palette.muted, palette.raised) >= 4.5


@pytest.mark.parametrize("eyes", SIMULATIONS)
def test_long_and_short_differ_for_colour_blind_eyes(palette: Palette, eyes: str) -> None:
    seen = [
        lab(np.array(SIMULATIONS[eyes]) @ linear(each)) for each in (palette.long, palette.short)
    ]
    assert np.linalg.norm(seen[0] - seen[1]) > 60


def test_the_style_sheet_names_every_colour_of_both_themes() -> None:
    css = tokens()
    for theme, directions in product(Theme, Directions):
        assert f"[data-theme={theme.value}]" in css
        assert all(colour in css for colour in palette_of(theme, directions))
    assert "--on-fill:" in css
