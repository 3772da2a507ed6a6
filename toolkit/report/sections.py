"""What an executed notebook is made into: sections of blocks, what is seen of them, and what is folded away."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from toolkit.report.sanitize import Heading


class Block(NamedTuple):
    """One piece of the body: prose, the code of a cell (``label`` says which), or something it printed or showed.

    The content of an explorer is what it shows without a script; its ``data`` is JSON for the script.
    """

    kind: Literal["prose", "code", "output", "figure", "text", "error", "explorer"]
    content: str
    label: str = ""
    data: str = ""


@dataclass(slots=True)
class Section:
    """What stands between one heading and the next.

    Attributes
    ----------
    headings : list of Heading
        One, as a rule; none before the first.
    answer : str
        The sentence that answers its question: what its first result says of itself.
    first, rest : list of Block
        What is seen, and what a reader unfolds.
    quiet : bool
        Whether a cell of it said that there is nothing to show.
    """

    headings: list[Heading] = field(default_factory=list)
    answer: str = ""
    first: list[Block] = field(default_factory=list)
    rest: list[Block] = field(default_factory=list)
    quiet: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it asks, and has nothing to show."""
        blocks = [*self.first, *self.rest]
        return not blocks or (self.quiet and not self.answer and all(one.kind in ("prose", "code") for one in blocks))

    def fold(self, answer: str) -> None:
        """Leave the heading, the answer and the first figure to be seen; one with neither, or an error, stays open."""
        asked = [block for block in self.rest[:1] if block.kind == "prose"]
        figure = [block for block in self.rest if block.kind == "figure"][:1]
        opened = not (answer or figure) or any(block.kind == "error" for block in self.rest)
        self.answer, self.first = answer, self.rest if opened else [*asked, *figure]
        self.rest = [block for block in self.rest if block not in self.first]


class Failure(NamedTuple):
    """The error a notebook stopped at, where it happened, and all that Python said about it."""

    name: str
    message: str
    cell: str
    section: str
    traceback: str
    cells_not_run: int
