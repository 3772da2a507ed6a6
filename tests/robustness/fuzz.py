"""Feed a reader of files what nobody would write, guided by its coverage: ``python fuzz.py READER RUNS``.

Half of the inputs are bytes, spliced into a file that is right; half are such a file with values of its tree replaced.
Whatever a reader is given, it returns, or raises the error that has a message for the user. Needs ``atheris``.
"""

import contextlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import atheris
import pandas as pd
import yaml

with atheris.instrument_imports(include=["toolkit"]):
    import toolkit as tk
    from toolkit.card.model_card import make_card, read_card
    from toolkit.core.resources import templates_folder
    from toolkit.core.results import read_results
    from toolkit.data.schema import Schema
    from toolkit.drift.profile import load_profile
    from toolkit.errors import ToolkitError
    from toolkit.policy.policy import read_policy
    from toolkit.registry.ledger import Ledger
    from toolkit.runs import parameters

#: What takes the place of a value.
ODD = [
    *(None, True, -1, 0, 1e308, float("nan"), float("inf"), 10**40, "", "\x00", "\ud800", "x" * 5000, "*" * 40),
    *([], {}, [[]], {"": None}, [None] * 50, {"a": {"b": {"c": {}}}}, "1e999", "2026-13-45T99:99", "${HOME}"),
    *("%d/%m/%Y", "<script>"),
]

#: A table with a column of each kind; the smaller its files, the more often each part of them is hit.
SMALL = pd.DataFrame(
    {
        "age": range(20, 60),
        "price": [one / 7 for one in range(40)],
        "sex": ["f", "m"] * 20,
        "day": pd.date_range("2026-01-01", periods=40).strftime("%Y-%m-%d"),
        "bought": ["no", "yes", "no", "no"] * 10,
    }
)


def seeds(place: Path) -> dict[str, tuple[Callable[[Path], object], Path]]:
    """Write a file that is right for each reader."""
    data = tk.load_dataset(SMALL, target="bought", time="day", sensitive=["sex"], name="small")
    report = tk.publish(data, template="fuzz", parameters={}, out=place / "reports").folder
    (place / "card.json").write_text(make_card(report).to_json())
    (place / "schema.yaml").write_text(yaml.safe_dump(data.schema.plain()))
    Ledger(place).add("me", "register", "small", "1", "first", **{"model.sha256": "m"})
    return {
        "policy": (read_policy, templates_folder() / "policies" / "standard.yaml"),
        "profile": (load_profile, tk.summarize(data).save(place / "profile.json")),
        "results": (read_results, report / "results.json"),
        "card": (read_card, place / "card.json"),
        "schema": (Schema.load, place / "schema.yaml"),
        "parameters": (parameters.Schema, parameters.find_template("experiment")),
        "ledger": (lambda path: Ledger(path.parent).entries(), place / "ledger.jsonl"),
    }


def replaced(tree: Any, chance: atheris.FuzzedDataProvider) -> Any:
    """Walk down a tree by chance, and put something odd in the place of what is found, or take it away."""
    if not isinstance(tree, dict | list) or not tree or chance.ConsumeIntInRange(0, 5) == 0:
        return deepcopy(chance.PickValueInList(ODD)) if chance.ConsumeBool() else chance.ConsumeUnicode(20)
    keys = sorted(tree, key=str) if isinstance(tree, dict) else list(range(len(tree)))
    key = chance.PickValueInList(keys)
    if chance.ConsumeIntInRange(0, 9) == 0:
        tree.pop(key)
    else:
        tree[key] = replaced(tree[key], chance)
    return tree


def main(name: str, runs: int) -> None:
    """Fuzz a reader."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        reader, right = seeds(Path(folder))[name]
        content, ending = right.read_text(encoding="utf-8"), right.suffix
        path = Path(folder) / "given" / right.name
        path.parent.mkdir()
        write = yaml.safe_dump if ending in (".yaml", ".yml") else json.dumps
        plain = json.loads if ending == ".ipynb" else yaml.safe_load if write is yaml.safe_dump else json.loads

        def once(given: bytes) -> None:
            chance = atheris.FuzzedDataProvider(given)
            if chance.ConsumeBool():
                tree = plain(content)
                for _ in range(chance.ConsumeIntInRange(1, 3)):
                    tree = replaced(tree, chance)
                try:
                    path.write_text(write(tree), encoding="utf-8", errors="replace")
                except (yaml.YAMLError, TypeError, ValueError):
                    return
            else:
                start, end = (chance.ConsumeIntInRange(0, len(content)) for _ in range(2))
                middle = chance.ConsumeBytes(chance.remaining_bytes())
                path.write_bytes(content[:start].encode() + middle + content[end:].encode())
            with contextlib.suppress(ToolkitError):
                reader(path)

        atheris.Setup(
            [sys.argv[0], f"-runs={runs}", "-timeout=20", "-max_len=400", "-len_control=0", "-print_final_stats=1"],
            once,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
