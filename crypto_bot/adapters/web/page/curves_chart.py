"""Learning curves: loss by epoch, on what was fitted and on what was held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crypto_bot.adapters.web.page.axes import Grid, Options, canvas, legend, line, middle, point
from crypto_bot.adapters.web.page.palette import Palette

HEADS = ("move", "direction")
PARTS = ("fit", "validation")


def curves_options(palette: Palette, curves: Mapping[str, Sequence[float]]) -> Options:
    """One panel for each head (`move`, `direction`), its best epoch marked.

    Heads differ in scale by far, so each has an axis of its own. A curve's name is that of
    `ml.fit`: `validation, move head`.
    """
    found = {(part, head): curves.get(f"{part}, {head} head", ()) for part, head in _NAMES}
    epochs = max((len(values) for values in found.values()), default=0)
    numbers = [str(epoch) for epoch in range(1, epochs + 1)]
    titles = [
        {"text": text, "left": left, "top": 0, "textStyle": {"color": palette.muted, **_SMALL}}
        for text, left in (("will it move", "7%"), ("which way", "57%"))
    ]
    return canvas(
        palette,
        f"Learning curves over {epochs} epochs: log loss in nats, by head.",
        *(
            Grid(
                {"left": left, "right": right, "top": 30, "bottom": 56},
                {"type": "category", "data": numbers, **middle("epoch", 24)},
                {"scale": True, "axisLabel": {"formatter": "{value}"}},
            )
            for left, right in (("7%", "55%"), ("57%", "3%"))
        ),
        title=titles,
        legend=legend(palette, PARTS, left="center", bottom=0),
        series=[_curve(palette, part, head, found[part, head]) for part, head in _NAMES],
    )


_NAMES = tuple((part, head) for head in HEADS for part in PARTS)
_SMALL = {"fontSize": 11.5, "fontWeight": 600}


def _curve(palette: Palette, part: str, head: str, losses: Sequence[float]) -> Options:
    held = part == "validation"
    best = min(range(len(losses)), key=lambda at: losses[at], default=None)
    marks = []
    if held and best is not None:
        marks = [{"coord": [best, round(losses[best], 5)], "value": round(losses[best], 4)}]
    return line(
        part,
        [round(loss, 5) for loss in losses],
        palette.text if held else palette.muted,
        2 if held else 1.5,
        grid=HEADS.index(head),
        markPoint=point(marks, palette.text, 7, "top"),
    )
