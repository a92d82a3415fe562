"""Pictures, with matplotlib where it is installed: how they are written, and those of inspections."""

from __future__ import annotations

import io
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_lstm.cli.aligning import shown
from nlp_lstm.cli.files import output_place
from nlp_lstm.errors import UsageError
from nlp_lstm.inspection import GradientReport, Inspection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")


def check_plot(path: Path) -> None:
    """See that a picture can be drawn and written, before anything is computed.

    Raises:
        UsageError: the ending is not known, there is no such folder, or matplotlib is missing.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--plot {path}: expected a name that ends in {' or '.join(ENDINGS)}")
    output_place(path, flag="--plot")
    if find_spec("matplotlib") is None:
        raise UsageError('--plot needs matplotlib: pip install "nlp-lstm[plot]"')


def save_plot(figure: Figure, path: Path) -> None:
    """Write a picture; an older one stays until it is whole."""
    place = output_place(path, flag="--plot")
    held = io.BytesIO()
    dated = {".svg": "Date", ".pdf": "CreationDate"}.get(path.suffix.lower())
    metadata: dict[str, Any] = {} if dated is None else {dated: None}  # the same picture has the same bytes
    figure.savefig(held, format=path.suffix.lower()[1:], bbox_inches="tight", dpi=150, metadata=metadata)
    beside = place.with_name(f"{place.name}.partial")
    beside.write_bytes(held.getvalue())
    beside.replace(place)


def draw_inspection(found: Inspection) -> Figure:
    """Return the shares as bars over a map of tokens by gates, a map for each layer and direction."""
    from matplotlib.figure import Figure  # heavy: only when it is used

    n_maps, time = len(found.layers), len(found.tokens)
    width = min(60.0, max(6.0, 0.25 * time + 2.0))
    figure = Figure(figsize=(width, 2.5 + 2.2 * n_maps), layout="constrained")
    axes = figure.subplots(1 + n_maps, 1, squeeze=False)[:, 0]
    values = found.attribution.values
    axes[0].bar(range(time), values, color=["#174ea6" if value > 0 else "#963400" for value in values])
    axes[0].axhline(0.0, color="#888", linewidth=0.5)
    axes[0].set_ylabel(f"share, {found.attribution.unit}".rstrip(", "))
    axes[0].set_xlim(-0.5, time - 0.5)
    axes[0].set_title(_plain(found.attribution.of), fontsize="medium")
    for axis, layer in zip(axes[1:], found.layers, strict=True):
        rows = [part.mean if part.low else [x / max(1e-12, *part.norm) for x in part.norm] for part in layer.parts]
        shaded = axis.imshow(rows, aspect="auto", vmin=0.0, vmax=1.0, cmap="Blues", interpolation="nearest")
        axis.set_yticks(range(len(rows)), [part.title if part.low else f"|{part.title}|" for part in layer.parts])
        axis.set_title(f"{layer.title}: means of gates, |states| to their largest", fontsize="medium")
        figure.colorbar(shaded, ax=axis)
    below = [found.times or found.tokens, *(found.steps_of(layer) for layer in found.layers)]
    for place, (axis, steps) in enumerate(zip(axes, below, strict=True)):
        named = steps != below[place + 1] if place < n_maps else True  # else the steps stand below the next
        names = [_plain(shown(step)) for step in steps] if named else []
        axis.set_xticks(range(len(steps)) if named else [], names, rotation=90, fontsize="small")
    return figure


def draw_gradients(report: GradientReport) -> Figure:
    """Return the norms over the steps back, on a logarithmic scale."""
    from matplotlib.figure import Figure  # heavy: only when it is used

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    axis = figure.subplots()
    for number, curve in enumerate(report.curves):
        shape = {"linewidth": 2.5, "color": "black"} if number == 0 else {"linewidth": 1.2}
        norms = [norm if math.isfinite(norm) and norm > 0.0 else math.nan for norm in curve.norms]
        axis.plot(range(len(norms)), norms, label=curve.name, **shape)
    axis.set_yscale("log")
    axis.set_xlabel("k, steps before the last")
    axis.set_ylabel("norm of ∂loss/∂h, k steps back")
    axis.set_title(_plain(f"layer {report.layer}; loss: minus the {report.of}"), fontsize="medium")
    axis.legend()
    return figure


def _plain(text: str) -> str:
    r"""Return a text in which no sign begins a formula.

    >>> _plain("a $ b")
    'a \\$ b'
    """
    return text.replace("$", r"\$")
