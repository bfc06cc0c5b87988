"""The plots: a measurement's medians as bars, and its ratios against the bars that they should reach."""

from pathlib import Path
from typing import Any

from bench.ratios import Measured


def draw(measured: Measured, machine: dict[str, Any], file: Path) -> None:
    """Draw one measurement, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "postroom"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 2.6), width_ratios=(3, 2))
    names = list(measured.runs)
    medians = [measured.median(name) for name in names]
    spread = [
        [median - min(measured.runs[name]) for name, median in zip(names, medians, strict=True)],
        [max(measured.runs[name]) - median for name, median in zip(names, medians, strict=True)],
    ]
    left.barh(names, medians, xerr=spread, color="#4c78a8", ecolor="#333333", capsize=3)
    left.invert_yaxis()
    left.set_title(f"{measured.name}: {measured.unit}", loc="left", fontsize=10)
    for place, median in enumerate(medians):
        left.text(median, place, f" {median:,.0f}" if median > 10 else f" {median:.2f}", va="bottom", fontsize=8)
    if measured.ratios:
        _draw_ratios(right, measured)
    else:
        right.set_axis_off()
    figure.suptitle(
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, {machine['date'][:10]}", fontsize=9
    )
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None})


def _draw_ratios(right: Any, measured: Measured) -> None:
    labels = [ratio.name for ratio in measured.ratios]
    colours = ["#54a24b" if ratio.reached else "#e45756" for ratio in measured.ratios]
    right.barh(labels, [ratio.value / ratio.bar for ratio in measured.ratios], color=colours)
    right.axvline(1, color="#333333", linewidth=1)
    right.invert_yaxis()
    right.set_title("ratio, as a part of its bar", loc="left", fontsize=10)
    for place, ratio in enumerate(measured.ratios):
        right.text(0, place, f" {ratio.value:.2f} of {ratio.bar:g}", va="center", fontsize=8)
