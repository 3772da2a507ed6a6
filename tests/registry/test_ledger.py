"""The ledger keeps every record, whoever writes at the same time and whenever a process is killed."""

import json
import multiprocessing
import os
import random
import signal
import time
from unittest.mock import Mock

import pytest
from test_lifecycle import aliases, model, reports  # noqa: F401  # fixtures

from toolkit.errors import InputError
from toolkit.registry import lifecycle
from toolkit.registry.ledger import Ledger, folder_hash

FORK = multiprocessing.get_context("fork")


def _write(out, who, count):
    for number in range(count):
        Ledger(out).add(who, "approve", "churn", str(number), "fine")


def test_eight_processes_at_once_lose_no_record(tmp_path):
    writers = [FORK.Process(target=_write, args=(tmp_path, f"p{number}", 12)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    entries = Ledger(tmp_path).entries()
    assert Ledger(tmp_path).faults() == []
    assert len({(one.who, one.version) for one in entries}) == len(entries) == 96


def test_nothing_is_added_to_a_ledger_that_was_changed(tmp_path):
    _write(tmp_path, "ann", 3)
    path = Ledger(tmp_path).path
    path.write_text(path.read_text(encoding="utf-8").replace("fine", "poor", 1), encoding="utf-8")
    with pytest.raises(InputError, match="Record 1 was changed after it was written"):
        _write(tmp_path, "bob", 1)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_any_byte_that_changes_is_found(tmp_path):
    _write(tmp_path, "ann", 3)
    ledger, draw = Ledger(tmp_path), random.Random(0)
    whole = ledger.path.read_bytes()
    ledger.heads = {"churn": ledger.entries()[-1].hash}
    for place in draw.sample(range(len(whole)), 200):
        ledger.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert ledger.faults(), place
    ledger.path.write_bytes(whole)
    assert ledger.faults() == []


def test_a_lost_end_stays_found_when_another_record_is_written_after_it(tmp_path):
    ledger = Ledger(tmp_path)
    heads = [ledger.add("ann", what, "churn", "1", "fine", head="").hash for what in ("register", "reject")]
    lines = ledger.path.read_text(encoding="utf-8").splitlines(keepends=True)
    ledger.path.write_text(lines[0], encoding="utf-8")
    assert ledger.faults() == []  # nothing in the file tells
    ledger.heads = {"churn": heads[1]}
    with pytest.raises(InputError, match="last record of 'churn' that MLflow knows is not in it"):
        ledger.add("bob", "promote", "churn", "1", "")
    ledger.heads = {}
    ledger.add("bob", "promote", "churn", "1", "", head=heads[1])  # as a version that did not look wrote it
    assert ledger.faults() == ["Record 2 follows one of 'churn' that is missing: records were cut off."]


def test_hashes_of_a_folder_are_of_names_and_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"1")
    first = folder_hash(tmp_path)
    (tmp_path / "registered_model_meta").write_text("what MLflow adds", encoding="utf-8")
    assert folder_hash(tmp_path) == first
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert folder_hash(tmp_path) != first


def _decide(out):
    draw = random.Random()
    while True:
        step = draw.choice(["approve", "promote", "rollback", "retire"])
        try:
            if step == "approve":
                lifecycle.approve(f"salt/{draw.choice('12')}", by="bob", reason="fine", out=out)
            elif step == "promote":
                lifecycle.promote(f"salt/{draw.choice('12')}", by="bob", out=out)
            elif step == "rollback":
                lifecycle.rollback("salt", by="bob", reason="", out=out)
            else:
                lifecycle.retire(f"salt/{draw.choice('12')}", by="bob", reason="", out=out)
        except InputError:
            continue


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing(model):  # noqa: F811
    draw, before = random.Random(1), 0
    for _ in range(100):
        worker = FORK.Process(target=_decide, args=(model,))
        worker.start()
        time.sleep(draw.uniform(0.05, 1.5))
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        entries, faults = lifecycle.history("salt", out=model)
        assert faults == []
        assert len(entries) >= before
        before = len(entries)
        now = aliases(model, "salt")
        champion = [one.facts["champion.after"] for one in entries if "champion.after" in one.facts][-1]
        assert now.get("champion", "") == champion
    print(f"{before} records after 100 kills")
    assert before > 100
    assert all(json.loads(line) for line in Ledger(model).path.read_text(encoding="utf-8").splitlines())


def test_a_reason_may_hold_any_sign_that_ends_a_line_elsewhere(tmp_path):
    for why in ("pasted\u2028from a letter", "\u2029", "\x85", "two\nlines", "plain"):
        Ledger(tmp_path).add("ann", "approve", "churn", "1", why)
    assert next(one.why for one in Ledger(tmp_path).trusted()) == "pasted\u2028from a letter"


def test_a_full_disk_leaves_the_ledger_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    ledger.add("ann", "register", "sugar", "1", "")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    monkeypatch.setattr("os.fsync", Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        ledger.add("bob", "approve", "sugar", "1", "tried")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
