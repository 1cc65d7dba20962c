"""The demo's figures, drawn from simulated readings with fixed seeds."""

from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib
import numpy as np

matplotlib.use("agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

INK, BLUE, ORANGE, GREY = "#1f2733", "#2457a6", "#c2571a", "#9aa5b1"


def running_mean(axes: Axes) -> None:
    """The mean of the first n of 400 readings, and the band of one standard error around the true value."""
    readings = np.random.default_rng(27).normal(10.0, 1.0, 400)
    n = np.arange(1, 401)
    axes.fill_between(
        n, 10 - n**-0.5, 10 + n**-0.5, color=BLUE, alpha=0.15, lw=0, label="true value ± one standard error"
    )
    axes.plot(n, readings, ".", color=GREY, ms=2.5, label="single readings")
    axes.plot(n, np.cumsum(readings) / n, color=BLUE, lw=1.8, label="mean of the first n readings")
    axes.axhline(10, color=INK, lw=0.8)
    axes.set(xlim=(1, 400), ylim=(7.5, 12.5), xlabel="number of readings n", ylabel="reading")
    axes.legend(loc="lower right", frameon=False, fontsize=8)


def noisy_step(axes: Axes) -> None:
    """A step with noise, smoothed with 5 and with 25 samples."""
    rng = np.random.default_rng(3)
    time = np.arange(160)
    signal = np.where(time < 70, 0.0, 1.0)
    noisy = signal + rng.normal(0, 0.25, time.size)
    axes.plot(time, noisy, ".", color=GREY, ms=3, label="samples")
    for length, colour in ((5, ORANGE), (25, BLUE)):
        smooth = np.convolve(noisy, np.ones(length) / length)[: time.size]
        axes.plot(time[length:], smooth[length:], color=colour, lw=1.8, label=f"moving average, M = {length}")
    axes.step(time, signal, color=INK, lw=0.8, where="post", label="the signal itself")
    axes.set(xlim=(0, 159), xlabel="sample t", ylabel="value")
    axes.legend(loc="upper left", frameon=False, fontsize=8)


FIGURES: dict[str, Callable[[Axes], None]] = {"running_mean": running_mean, "noisy_step": noisy_step}


def png(name: str, width: float, height: float) -> bytes:
    """A figure as a PNG picture; width and height in inches."""
    figure, axes = plt.subplots(figsize=(width, height), dpi=160, layout="constrained")
    FIGURES[name](axes)
    axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True})
    plt.close(figure)
    return out.getvalue()
