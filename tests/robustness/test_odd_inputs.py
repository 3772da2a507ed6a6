"""Every command meets every odd file, place and value: one message, the right exit code, nothing left, in seconds."""

import random

import pytest
from forked import ask
from odd_files import PLACES, write_files

#: Commands that read a table: one that is odd and still a table is no mistake.
#: And commands that write one, where nothing stands yet.
TABLES = [
    ("data", "{}"),
    ("data", "{}", "--target", "y"),
    ("profile", "save", "{}", "out.json"),
    ("card", "init", "{}"),
    ("data", "wine", "--save", "{}"),
]
#: Commands that read a file of another kind: none of these is one.
OTHERS = [
    ("gate", "{}", "--policy", "standard"),
    ("gate", "good.csv", "--policy", "{}"),
    ("render", "{}"),
    ("render", "good.csv", "-o", "{}"),
    ("profile", "show", "{}"),
    ("card", "diff", "{}", "{}"),
    ("track", "{}"),
    ("verify", "{}"),
    ("reproduce", "{}"),
    ("data", "good.csv", "--schema", "{}"),
    ("run", "{}"),
    ("params", "{}"),
    ("register", "{}", "name", "--by", "me"),
    ("approve", "{}", "--by", "me"),
    ("rollback", "{}", "--by", "me"),
    ("history", "{}"),
    ("run", "drift", "-f", "{}"),
]
#: Values of parameters; of each the name is right.
VALUES = [
    ("seed", "-1"), ("seed", "x"), ("test_size", "2"), ("test_size", "-0.1"), ("test_size", "nan"),
    ("metric", "nosuch"),
    ("positive", "nosuch"), ("sensitive", "y"), ("sensitive", "nosuch"), ("time", "nosuch"), ("group", "y"),
    ("policy", "nosuch"), ("policy", "*" * 30), ("threshold", "7"), ("cost_false_negative", "-1"), ("split", "nosuch"),
    ("target", "nosuch"), ("target", ""), ("data", "\x1b[2J"), ("nosuch", "1"), ("Seed", "1"),
]  # fmt: skip


def cases(files):
    """List (command, exit codes that are right)."""
    every = []
    for name in [*files, *PLACES]:
        every += [([part.format(name) for part in form], (0, 2)) for form in TABLES]
        every += [([part.format(name) for part in form], (2,)) for form in OTHERS]
    given = ["run", "experiment", "-p", "data", "good.csv", "-p", "target", "y"]
    every += [([*given, "-p", name, value], (2,)) for name, value in VALUES]
    return every


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Write the files, and import here what every command needs, so that no child has to."""
    import toolkit.card.diff
    import toolkit.cli
    import toolkit.drift.profile
    import toolkit.registry.lifecycle
    import toolkit.report.render
    import toolkit.runs.publish
    import toolkit.runs.reproduce  # noqa: F401

    place = tmp_path_factory.mktemp("odd")
    return place, cases(write_files(place))


def faults(folder, picked):
    found = []
    for command, codes in picked:
        answer = ask(*command, folder=folder)
        for left in answer.left:
            if (folder / left).is_file():
                (folder / left).unlink()
        if wrong := answer.faults(codes):
            found.append((wrong, [part[:40] for part in command], answer.err[-300:]))
    return found


def test_some_of_them(odd):
    folder, every = odd
    assert faults(folder, random.Random(20).sample(every, 60)) == []


def test_names_without_a_home_or_an_end_and_seeds_below_zero(odd):
    folder, _ = odd
    once = [
        (["data", "wine", "--save", "~nosuch/x.csv"], (2,)),
        (["profile", "show", "~nosuch/x.csv"], (2,)),
        (["data", "good.csv", "--schema", "~nosuch/x.csv"], (2,)),
        *((["render", path], (2,)) for path in ("", ".", "/")),
        (["run", "experiment", "-p", "data", "good.csv", "-p", "seed", "-1"], (2,)),
        (["run", "experiment", "-p", "data", "wine", "-p", "seed", str(2**32)], (2,)),
    ]
    assert faults(folder, once) == []


@pytest.mark.slow
def test_all_of_them(odd):
    folder, every = odd
    assert len(every) > 2000
    found = faults(folder, every)
    print(f"{len(every):,} commands, {len(found)} wrong")
    assert found == [], "\n".join(map(str, found))
