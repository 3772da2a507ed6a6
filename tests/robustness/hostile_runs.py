"""Run every command that writes a page, with a payload in every place that a user or a table can fill."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import yaml
from forked import Answer, ask
from nbformat.v4 import new_code_cell, new_markdown_cell
from payloads import PAYLOADS
from sample_notebook import notebook_of

from toolkit.card.content import QUESTIONS

#: What a terminal would obey or a spreadsheet would run, beside what a page would.
TERMINAL = ("\x1b]0;pwned\x07", "\x1b[31mred\x1b[2J", "\x9b31m\x90", "\u202e\x1b[8mhidden")
FORMULAS = ("+1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1+1", "\r=1+1", "-2+3")
NAMES = (*PAYLOADS, *TERMINAL, *FORMULAS)
ROWS = 300


@dataclass
class World:
    """A folder with hostile tables, the reports made of them, and what each command answered."""

    folder: Path
    names: list[str]
    answers: list[tuple[tuple[str, ...], Answer]] = field(default_factory=list)

    def toolkit(self, *arguments: str, codes: tuple[int, ...] = (0, 1)) -> str:
        """Run a command, which must end with one of the codes; return the last line of its output."""
        answer = ask(*arguments, folder=self.folder, limit=400)
        self.answers.append((arguments, answer))
        assert answer.code in codes, (arguments, answer.code, answer.err[-2000:])
        return (answer.out.splitlines() or [""])[-1]

    def run(self, template: str, *flags: str, codes: tuple[int, ...] = (0, 1), **parameters: object) -> str:
        """Run a template and return the folder of its report."""
        given = []
        for name, value in parameters.items():
            for one in value if isinstance(value, list) else [value]:
                given += ["-p", name, one if isinstance(one, str) else json.dumps(one)]
        return str(Path(self.toolkit("run", template, *given, *flags, codes=codes)).parent)

    def save(self, name: str, content: object) -> str:
        """Write a table, or what YAML can hold, into the folder; return the name."""
        path = self.folder / name
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False, lineterminator="\r\n")  # so that a name with either is quoted
        else:
            path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return name


def table(names: list[str], shift: float = 0) -> pd.DataFrame:
    """Return a table whose columns, classes, groups, categories, and texts are payloads."""
    rng = np.random.default_rng(int(shift))
    target, sex, time, unit, weight, kind, text, *rest = names
    measured = {name: rng.normal(shift * (at < 3), 1, ROWS) for at, name in enumerate(rest)}
    signal = measured[rest[0]] - measured[rest[-1]] + rng.normal(0, 0.5, ROWS)
    return pd.DataFrame(
        {
            target: np.where(signal > 0, names[7], names[8]),
            sex: rng.choice(names[:3], ROWS),
            time: pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d"),
            unit: [f"{names[at % len(names)]} {at // 3}" for at in range(ROWS)],
            weight: rng.integers(1, 5, ROWS),
            kind: rng.choice(names[9:14], ROWS),
            text: list(islice(cycle(NAMES), ROWS)),
            **measured,
        }
    )


def own_notebook(world: World, name: str, *, failing: bool) -> str:
    """Write a notebook whose words and outputs are payloads."""
    payloads = json.dumps(list(NAMES))
    shown = (
        "import sys\nimport pandas as pd\nfrom IPython.display import HTML, Latex, Markdown, SVG, display\n"
        f"names = {payloads}\n"
        "for one in names:\n"
        "    print(one)\n    print(one, file=sys.stderr)\n"
        "    display(HTML(one), Markdown(one), Latex(one), pd.DataFrame({one: [one]}))\n"
        "    display({'image/svg+xml': f'<svg>{one}</svg>', 'text/plain': one}, raw=True)\n"
        "    display({'application/javascript': one, 'text/plain': one}, raw=True)"
    )
    cells = [
        new_markdown_cell(f"# {world.names[0]}\n\n{world.names[1]}"),
        new_code_cell(f"given: str = {world.names[2]!r}  # {world.names[3]}", metadata={"tags": ["parameters"]}),
        *(new_markdown_cell(f"## {one}\n\n{one}") for one in NAMES),
        new_code_cell(shown),
        *([new_code_cell("raise ValueError('\\n'.join(names))")] if failing else []),
    ]
    nbformat.write(notebook_of(*cells), world.folder / name)
    return name


def policy(world: World) -> dict[str, object]:
    """Return a policy whose words are payloads, and which an experiment of the table fails."""
    names = world.names
    rule = {"max": 0.001, "why": names[4], "optional": True}
    groups = {f"fairness.{names[1]}.*.recall": {"min": 0.99, "why": names[5], "optional": True}}
    return {"title": names[3], "numbers": {"test.log_loss": rule, **groups}, "approval": "independent"}


def experiment(world: World) -> None:
    """Make the report that the others begin with, and the champion of a model with a hostile name."""
    names = world.names
    report = world.run("experiment", *POLICY, data=TABLE, candidates="logistic", positive=names[7], **roles(names))
    by, said = f"<svg onload=pwned()>{TERMINAL[0]}", f"{names[9]}{TERMINAL[1]}"
    decided = ("--by", by, "--reason", said)
    world.toolkit("register", report, MODEL, *decided)
    world.toolkit("approve", f"{MODEL}/1", *decided)
    world.toolkit("promote", f"{MODEL}/1", *decided, "--override")
    world.toolkit("reject", f"{MODEL}/1", *decided)
    world.toolkit("history", MODEL)
    world.toolkit("history", MODEL, "--html", "history <b>.html")
    world.toolkit("gate", report, *POLICY)
    world.toolkit("verify", report)
    world.toolkit("data", TABLE, "--target", names[0], "--sensitive", names[1])
    world.toolkit("profile", "save", TABLE, "profile.json")
    world.toolkit("profile", "show", "profile.json")
    world.toolkit("render", f"{report}/notebook.ipynb", "-o", "rendered <b>.html")


def drift(world: World) -> None:
    """Compare with later rows, by months; evidently's page too."""
    model = f"models:/{MODEL}@champion"
    more = {"current": LATER, "reference": TABLE, "model": model, "weight": world.names[4], "window": "month"}
    report = world.run("drift", **more, **roles(world.names))
    assert (Path(report) / "evidently.html").is_file() or (world.folder / report / "evidently.html").is_file()


def retrain(world: World) -> None:
    """Train the champion again, whatever the drift."""
    world.run("retrain", *POLICY, model=f"models:/{MODEL}@champion", current=LATER, at_least="ok")


def comparison(world: World) -> None:
    """Compare two models, by their addresses and by a table of their predictions."""
    world.toolkit("compare", "champion", "1", "--model", MODEL, "--data", LATER, *POLICY)
    names = world.names
    given = {"predictions": "predictions.csv", "y_true": names[0], "sensitive": names[1]}
    world.run("comparison", champion=names[15], challenger=names[16], **given)


def audit(world: World) -> None:
    """Audit a table of predictions."""
    names = world.names
    given = {"predictions": "predictions.csv", "y_true": names[0], "y_pred": names[15], "weight": names[4]}
    world.run("audit", *POLICY, sensitive=[names[1], names[5]], **given)


def ab_test(world: World) -> None:
    """Compare arms whose names are payloads."""
    names = world.names
    arms = {"data": "arms.csv", "outcome": names[0], "arm": names[1], "control": names[2], "unit": names[3]}
    more = {"covariate": names[5], "guardrails": {names[4]: "lower"}, "shares": {names[2]: 0.5, names[6]: 0.5}}
    world.run("ab_test", *POLICY, **arms, **more)


def model_card(world: World) -> None:
    """Make a card whose author answers with payloads, and compare it with another."""
    report = str(next((world.folder / "reports").glob("*-experiment-*")))
    texts = [one[:200] for one in NAMES]
    firsts = [one[:200] for one in world.names]
    answers = {key: [firsts[at % len(firsts)], *texts[at::20]] for at, key in enumerate(QUESTIONS)}
    card = world.run("model_card", report=report, author=world.save("author.yaml", answers), champion=report)
    world.toolkit("card", "diff", card, report)


#: The templates, in an order in which each finds what it needs.
TEMPLATES: dict[str, Callable[[World], None]] = {
    one.__name__: one for one in (experiment, drift, retrain, comparison, audit, ab_test, model_card)
}
TABLE, LATER, POLICY = (
    "<img src=x onerror=pwned()>.csv",
    "later'\"{{7*7}}.csv",
    ("--policy", "<svg onload=pwned()>.yaml"),
)
MODEL = "<img src=x onerror=pwned()>\"'{{7*7}}"


def roles(names: list[str]) -> dict[str, object]:
    """Return the parameters that say what the columns of the table are."""
    return {"target": names[0], "sensitive": names[1], "time": names[2], "group": names[3]}


def begin(folder: Path, names: list[str]) -> World:
    """Write the tables and the policy into a folder."""
    world, rng = World(folder, names), np.random.default_rng(0)
    before, later = table(names), table(names, 1)
    world.save(TABLE, before)
    world.save(LATER, later)
    world.save(POLICY[1], policy(world))
    judged = {names[at]: np.where(rng.random(ROWS) < 0.8, later[names[0]], names[8]) for at in (15, 16)}
    world.save("predictions.csv", later[[names[0], names[1], names[4], names[5]]].assign(**judged))
    columns = {names[0]: rng.integers(0, 2, ROWS), names[1]: rng.choice([names[2], names[6]], ROWS)}
    columns |= {names[3]: range(ROWS), names[4]: rng.normal(size=ROWS), names[5]: rng.normal(size=ROWS)}
    world.save("arms.csv", pd.DataFrame(columns))
    return world


def others(world: World) -> None:
    """Run notebooks of one's own, one after the other, and list what there is."""
    own = own_notebook(world, "own.ipynb", failing=False)
    world.toolkit("sweep", own, "--over", f"given={','.join(one for one in world.names[:2] if ',' not in one)}")
    failing(world)
    refused_later(world)
    world.toolkit("index", "reports")


def failing(world: World) -> None:
    """Run a notebook that shows payloads as all that a cell can show, and fails with them."""
    world.toolkit("run", own_notebook(world, "fails.ipynb", failing=True), codes=(3,))


def refused(world: World) -> None:
    """Give commands that end without a notebook a name that no terminal may obey, where each is wrong."""
    bad = "".join(TERMINAL)
    for given in (
        ["run", bad],
        ["run", "experiment", "-p", bad, "1"],
        ["run", "experiment", "-f", bad],
        ["run", "experiment", f"--{bad}"],
        ["data", bad],
        ["data", "arms.csv", "--target", bad],
        ["gate", "reports", "--policy", bad],
        ["params", bad],
        ["sweep", "experiment", "--over", f"{bad}=1"],
        ["sweep", "experiment", "--over", f"seed={bad}"],
        ["card", "diff", bad, bad],
        ["history", bad],
        ["render", bad],
        ["index", bad],
        ["verify", bad],
        ["register", bad, bad, "--by", bad],
        ["approve", bad, "--by", bad, "--reason", bad],
        ["new-template", bad],
        ["container", bad, "--out", bad],
        [bad],
    ):
        world.toolkit(*given, codes=(0, 2))


def refused_later(world: World) -> None:
    """The same, where only the notebook finds out."""
    bad = "".join(TERMINAL)
    world.run("experiment", codes=(2,), data=f"{bad}.csv")
    world.run("experiment", codes=(2,), data="wine", metric=bad)
