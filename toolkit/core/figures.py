"""One house style for every figure, and the HTML that carries it with a caption and its words."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from toolkit.core.result import Picture, Result, table_html
from toolkit.errors import InputError, listed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Okabe & Ito (2008), "Color Universal Design": told apart with every common colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#6b6b6b",
)
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY)

NO_FIGURES_MIME = "application/vnd.toolkit.no-figures+json"  # tells a report that nothing was to be shown
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?=[ \n\",)])")
PIXELS = 96  # CSS pixels an inch
MOST_ROWS = 20
SMALLEST_PNG = 20_000  # bytes; no figure in the house style has been seen to be smaller as PNG
STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#767676",
    "axes.labelcolor": "#222222",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "font.size": 10,
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # each text of a drawing names them all
    "figure.facecolor": "white",
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "toolkit",
}


def axes_for(result: Result, kind: str, ax: Axes | None) -> Axes:
    """Return the axes to draw one kind of figure of a result on: those given, or new ones.

    Raises
    ------
    InputError
        Where the result has no such figure.
    """
    check_kind(result, kind)
    return new_axes() if ax is None else ax


def check_kind(result: Result, kind: str) -> None:
    """Refuse a kind of figure that the result does not have."""
    kinds = result.pictures()
    if kind not in kinds:
        has = f"It has: {listed(kinds)}." if kinds else "There is nothing to draw."
        raise InputError(f"{type(result).__name__} has no figure {kind!r}. {has}")


def new_axes() -> Axes:
    """Make axes on a new pyplot figure, in the house style, so that a notebook shows it."""
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        return plt.subplots(figsize=(6.4, 4.0), layout="constrained")[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure with its words and, where the result gives it, its data; shows itself in a notebook and a report.

    Attributes
    ----------
    picture : Picture
    image : str
        Address that holds the drawing itself.
    width, height : int
        Size of the drawing in CSS pixels.
    data : DataFrame or None
        What is drawn.
    """

    picture: Picture
    image: str
    width: int
    height: int
    data: pd.DataFrame | None = None

    def __repr__(self) -> str:
        """Say what the figure shows, for places without HTML."""
        return f"{self.picture.title}. {self.picture.alt}"

    def _repr_html_(self) -> str:
        picture = self.picture
        drawn = (
            f'<figure class="tk-figure" style="margin:1em 0"><img src="{self.image}" alt="{escape(picture.alt)}" '
            f'width="{self.width}" height="{self.height}" style="max-width:100%;height:auto;background:#fff">'
            f"<figcaption><strong>{escape(picture.title)}.</strong> {escape(picture.caption)}</figcaption></figure>"
        )
        if self.data is None:
            return drawn
        table = table_html(self.data, f"Data of the figure “{picture.title}”", most=MOST_ROWS)
        return f'{drawn}<details class="tk-data"><summary>Data of this figure</summary>{table}</details>'


def figure(result: Result, kind: str, *, width: float = 6.4, height: float = 4.0) -> Figure:
    """Draw one figure of a result with its caption and alternative text.

    The data stand below their figure, folded, and as CSV: what the result's ``figure_data(kind)`` returns, where it has
    that method, else its ``frame()``.

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
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    check_kind(result, kind)
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        result.plot(kind, ax=canvas.subplots())
        image = _smaller_image(canvas)
    data = getattr(result, "figure_data", lambda _: result.frame())
    size = round(width * PIXELS), round(height * PIXELS)
    return Figure(result.pictures()[kind], image, *size, data(kind))


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a result, one below the other; where there is none, a report leaves out the question too."""

    figures: tuple[Figure, ...]

    def __repr__(self) -> str:
        """Say what each figure shows, for places without HTML."""
        return "\n".join(map(repr, self.figures)) or "There is nothing to draw."

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        if not self.figures:
            return {NO_FIGURES_MIME: {}, "text/plain": repr(self)}
        return {"text/html": "".join(drawn._repr_html_() for drawn in self.figures), "text/plain": repr(self)}


def figures(result: Result) -> Figures:
    """Draw every figure of a result: each of ``result.pictures()``, as ``figure`` draws it.

    Parameters
    ----------
    result : Result
        What a step returned.

    Examples
    --------
    >>> from toolkit.core.applicable import NotApplicable
    >>> figures(NotApplicable("explain", "There is no model."))
    There is nothing to draw.
    """
    return Figures(tuple(figure(result, kind) for kind in result.pictures()))


def _smaller_image(canvas: Any) -> str:
    svg, png = io.StringIO(), io.BytesIO()
    canvas.savefig(svg, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawing = _compact(svg.getvalue()).encode()
    if len(drawing) > SMALLEST_PNG:
        canvas.savefig(png, format="png", dpi=200)
    if len(drawing) <= max(SMALLEST_PNG, len(png.getvalue())):
        return "data:image/svg+xml;base64," + base64.b64encode(drawing).decode()
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def _compact(svg: str) -> str:
    """Leave out of a drawing what nobody sees: comments, line breaks, and all but two decimals of a point.

    Its texts stay as they are, except for characters that no XML may hold.
    """
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<[^>]*>", lambda tag: _LONG_NUMBER.sub(_two_decimals, tag[0]), svg)
    svg = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\N{REPLACEMENT CHARACTER}", svg)
    return re.sub(r"\s*\n\s*", " ", svg)


def _two_decimals(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
