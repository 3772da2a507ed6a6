"""One house style for every figure, and the HTML that carries it with a caption and its words."""

from __future__ import annotations

import base64
import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.core.estimate import Estimate
from toolkit.core.face import FIGURES_MIME, NOTHING_MIME, face_macros, table_html
from toolkit.core.resources import templates_folder
from toolkit.core.result import Result
from toolkit.core.words import shorten
from toolkit.errors import instance

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes as Axes
else:
    Axes = Any  # only drawing needs it, and it is slow to load

# Okabe & Ito (2008), "Color Universal Design": told apart with every common colour vision.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#6b6b6b")
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = PALETTE

_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?=[ \n\",)])")
_FONTS = "'DejaVu Sans', 'Verdana', sans-serif"
_UNSEEN = re.compile(rf'(?<=<g) id="[^"]*"| transform="rotate\(-0 [^"]*"|font-family: {_FONTS}; ')
_STYLE = templates_folder() / "review" / "figures.mplstyle"
PIXELS = 96  # CSS pixels an inch
MOST_ROWS = 20
SMALLEST_PNG = 40_000  # bytes of a drawing up to which it is not tried whether it would be smaller as PNG


class Picture(NamedTuple):
    """What a figure says besides its drawing.

    Attributes
    ----------
    title, caption : str
        What is shown, and how to read it.
    alt : str
        The same in words and numbers, for those who cannot see it.
    """

    title: str
    caption: str
    alt: str


class Drawing(NamedTuple):
    """One figure of a result, declared once: its kind, its words, what draws it, and its data.

    Attributes
    ----------
    kind : str
        Its name among the figures of the result.
    words : Picture
    draw : callable
        Draws onto the axes that it is given, and leaves their style as it is.
    data : DataFrame
        What is drawn; its cells may be Estimates.
    grid : {"xy", "x", "y", ""}
        Which lines of the grid the house style draws.
    """

    kind: str
    words: Picture
    draw: Callable[[Axes], object]
    data: pd.DataFrame
    grid: str = "xy"

    def on(self, ax: Axes | None = None) -> Axes:
        """Draw onto given axes, or in the house style and with its title onto a new figure, as a notebook shows it."""
        import matplotlib.pyplot as plt

        if ax is None:
            with plt.rc_context(fname=_STYLE):
                ax = self.styled(plt.subplots(figsize=(6.4, 4.0), layout="constrained")[1])
                ax.figure.suptitle(shorten(self.words.title, 60), x=0.01, ha="left")  # above a legend, too
        else:
            self.draw(ax)
        return ax

    def figure(self, width: float = 6.4, height: float = 4.0) -> Figure:
        """Draw it for a page, with its words and its data; the size is in inches."""
        import matplotlib.figure

        with matplotlib.rc_context(fname=_STYLE), warnings.catch_warnings():
            # The reader's own fonts draw the texts, in whatever script they are.
            warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
            canvas = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
            self.styled(canvas.subplots())
            return Figure(self.words, _smaller_image(canvas), round(width * PIXELS), round(height * PIXELS), self.data)

    def styled(self, ax: Axes) -> Axes:
        """Draw onto new axes, with the grid in the house style."""
        ax.xaxis.grid(visible="x" in self.grid)
        ax.yaxis.grid(visible="y" in self.grid)
        self.draw(ax)
        return ax


def draw_intervals(
    ax: Axes, places: Iterable[float], numbers: Iterable[Estimate], *, upright: bool = False, **style: Any
) -> None:
    """Draw numbers as markers with their intervals as lines; one without an end reaches to the edge of the axes.

    Each has its place along the other axis; ``upright`` tells that numbers run upwards rather than to the right, and
    ``style`` how markers are drawn and, in colour and width, the lines: words that ``Axes.plot`` takes.
    """
    import numpy as np

    at = np.array(list(places), dtype=float)
    style = dict[str, Any](color=BLUE, marker="o", markersize=6, linewidth=2, linestyle="none") | style
    values, low, high = np.array([[one.value, one.low, one.high] for one in numbers]).reshape(-1, 3).T
    lines = partial(ax.vlines if upright else ax.hlines, color=style["color"], linewidth=style["linewidth"])
    known, endless = np.isfinite(low + high), np.isinf(low) | np.isinf(high)
    lines(at[known], low[known], high[known])
    ax.plot(*((at, values) if upright else (values, at)), **style)
    if endless.any():
        edges = ax.get_ylim() if upright else ax.get_xlim()
        lines(at[endless], *np.clip([low[endless], high[endless]], *edges))
        (ax.set_ylim if upright else ax.set_xlim)(edges)


def name_rows(ax: Axes, names: Sequence[str], beside: float = 0.6) -> None:
    """Name the rows of a figure, the first one on top at 0."""
    ax.set_yticks(range(len(names)), names)
    if len(names) > 23:  # else one would lie on another
        ax.tick_params(labelsize=210 / len(names))
    ax.set_ylim(len(names) - 1 + beside, -beside)


def draw_beside(
    label: str, names: Sequence[str], numbers: Iterable[Estimate], middle: float = 0.0, **style: Any
) -> Callable[[Axes], None]:
    """Return what draws named numbers with their intervals, one a row, beside a line of what they are compared with.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> draw_beside("difference", ["accuracy"], [Estimate(0.1, 0.05, 0.15)])(ax)
    >>> ax.get_xlabel(), ax.get_yticklabels()[0].get_text()
    ('difference', 'accuracy')
    """

    def draw(ax: Axes) -> None:
        if math.isfinite(middle):
            ax.axvline(middle, color=GREY, linewidth=1, linestyle=":")
        draw_intervals(ax, range(len(names)), numbers, **style)
        name_rows(ax, names)
        ax.set_xlabel(label)

    return draw


def legend_above(ax: Axes) -> None:
    """Name what is drawn above the axes, where it hides nothing."""
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.2)


def name_windows(ax: Axes, names: Sequence[str]) -> None:
    """Name the windows along the axis of a figure, every so many of them where there are more than eight."""
    step = max(1, -(-len(names) // 8))
    ax.set_xticks(range(0, len(names), step), names[::step], rotation=30, ha="right")


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure with its words and its data; shows itself in a notebook and a report.

    Attributes
    ----------
    picture : Picture
    image : str
        Address that holds the drawing itself.
    width, height : int
        Size of the drawing in CSS pixels.
    data : DataFrame
        What is drawn.
    """

    picture: Picture
    image: str
    width: int
    height: int
    data: pd.DataFrame

    def __repr__(self) -> str:
        """Say what the figure shows, for places without HTML."""
        return f"{self.picture.title}. {self.picture.alt}"

    def html(self, data: str = "") -> str:
        """Write the drawing and its words as HTML, and its data where they are given."""
        return str(face_macros().figure(self.picture, self.image, self.width, self.height, data))

    def _repr_html_(self) -> str:
        return self.html(table_html(self.data, f"Data of the figure “{self.picture.title}”", most=MOST_ROWS))

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return Figures((self,))._repr_mimebundle_()


def figure(result: Result, kind: str, *, width: float = 6.4, height: float = 4.0) -> Figure:
    """Draw one figure of a result with its caption and alternative text.

    The data stand below their figure, folded, and as CSV.

    Parameters
    ----------
    result : Result
        What a step returned.
    kind : str
        One of ``result.pictures()``.
    width, height : float
        Size in inches.

    Raises
    ------
    InputError
        Where the result has no such figure.
    """
    instance(result, Result)
    return result.drawing(kind).figure(width, height)


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a result, one below the other; where there is none, a report leaves out the question too."""

    figures: tuple[Figure, ...]

    def __repr__(self) -> str:
        """Say what each figure shows, for places without HTML."""
        return "\n".join(map(repr, self.figures)) or "There is nothing to draw."

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        if not self.figures:
            return {NOTHING_MIME: {}, "text/plain": repr(self)}
        below = [f"{drawn.picture.title}. {drawn.picture.caption}" for drawn in self.figures]
        html = "".join(drawn._repr_html_() for drawn in self.figures)
        return {FIGURES_MIME: {"below": below}, "text/html": html, "text/plain": repr(self)}


def figures(result: Result) -> Figures:
    """Draw every figure of a result: each of ``result.pictures()``, as ``figure`` draws it.

    Parameters
    ----------
    result : Result
        What a step returned.

    Examples
    --------
    >>> from toolkit.core.result import NotApplicable
    >>> figures(NotApplicable("explain", "There is no model."))
    There is nothing to draw.
    """
    return Figures(tuple(drawing.figure() for drawing in instance(result, Result).drawings()))


def _smaller_image(canvas: Any) -> str:
    svg, png = io.StringIO(), io.BytesIO()
    canvas.get_layout_engine().execute(canvas)
    canvas.set_layout_engine(None)  # each saving would draw it once more to lay it out
    canvas.savefig(svg, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    if len(drawing := _compact(svg.getvalue()).encode()) > SMALLEST_PNG:
        canvas.savefig(png, format="png", dpi=200)
    is_small = len(drawing) <= max(SMALLEST_PNG, len(png.getvalue()))
    kind, content = ("svg+xml", drawing) if is_small else ("png", png.getvalue())
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _compact(svg: str) -> str:
    """Leave out of a drawing what nobody sees: comments, line breaks, names of parts, a third decimal of a point.

    Its texts stay as they are, except for characters that no XML may hold.
    """
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)

    def two_decimals(number: re.Match[str]) -> str:
        return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")

    svg = re.sub(r"<[^>]*>", lambda tag: _UNSEEN.sub("", _LONG_NUMBER.sub(two_decimals, tag[0])), svg)
    svg = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\N{REPLACEMENT CHARACTER}", svg)
    svg = svg[svg.index("<svg ") :].replace("<svg ", f'<svg font-family="{_FONTS}" ', 1)
    return re.sub(r"\s*\n\s*", " ", svg)
