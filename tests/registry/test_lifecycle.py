"""From a report to the model in use and back, each step on record; what was changed since is found."""

import errno
import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

import toolkit as tk
from toolkit.cli import main
from toolkit.core import read_results
from toolkit.errors import InputError
from toolkit.registry import lifecycle
from toolkit.registry.ledger import Ledger
from toolkit.registry.store import connect, tracking_uri

EASY = "title: Easy\nnumbers:\n  test.r2: {min: 0.0}\napproval: independent\n"
HARD = "title: Hard\nnumbers:\n  test.r2: {min: 0.99}\n"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Three experiments on diabetes by ann: two pass, the last fails."""
    out = tmp_path_factory.mktemp("lifecycle") / "reports"
    parts = tk.split_dataset(tk.load_dataset("diabetes"))
    made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLKIT_AUTHOR", "ann")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for seed, text in ((1, EASY), (2, EASY), (3, HARD)):
            training = tk.train(parts, candidates=["ridge"], cv=2, seed=seed)
            evaluation = tk.evaluate(training.model, parts, latency=False)
            policy = out.parent / f"{seed}.yaml"
            policy.write_text(text, encoding="utf-8")
            verdict = tk.check(str(policy), evaluation)
            given = {"template": "experiment", "parameters": {"seed": seed}, "out": out, "name": f"run {seed}"}
            made.append(tk.publish(parts, training, evaluation, verdict, **given).folder)
        yield out, made


def aliases(out, name):
    with connect(tracking_uri(out)) as client:
        return {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}


def test_the_whole_story(reports):
    out, (first, second, third) = reports
    by_bob = {"by": "bob", "reason": "tried on June", "out": out}
    assert lifecycle.register(first, "sugar", by="ann", out=out).version == "1"
    with pytest.raises(InputError, match="Nobody approved"):
        lifecycle.promote("sugar/1", by="bob", out=out)
    with pytest.raises(InputError, match="Say why"):
        lifecycle.approve("sugar/1", by="bob", reason=" ", out=out)
    lifecycle.approve("sugar/1", **{**by_bob, "by": "ann"})
    with pytest.raises(InputError, match="Only ann, its author"):
        lifecycle.promote("sugar/1", by="bob", out=out)
    lifecycle.approve("sugar/1", **by_bob)
    lifecycle.promote("sugar@challenger", by="bob", out=out)
    assert aliases(out, "sugar") == {"champion": "1"}

    lifecycle.register(third, "sugar", by="ann", out=out)
    with pytest.raises(InputError, match=r"verdict of its report is fail\. An override needs a --reason"):
        lifecycle.promote("sugar/2", by="bob", override=True, out=out)
    lifecycle.register(second, "sugar", by="ann", out=out)
    lifecycle.reject("sugar/3", **by_bob)
    with pytest.raises(InputError, match=r"bob rejected it: tried on June\. --override with a --reason"):
        lifecycle.promote("sugar/3", by="bob", out=out)
    lifecycle.approve("sugar/3", **by_bob)
    lifecycle.promote("sugar/3", by="bob", out=out)
    assert aliases(out, "sugar") == {"champion": "3", "previous": "1"}
    lifecycle.reject("sugar/1", **by_bob)
    with pytest.raises(InputError, match=r"not brought back: bob rejected it: tried on June\. `toolkit promote sug"):
        lifecycle.rollback("sugar", **by_bob)
    assert aliases(out, "sugar") == {"champion": "3", "previous": "1"}
    lifecycle.approve("sugar/1", **by_bob)
    lifecycle.rollback("sugar", **by_bob)
    assert aliases(out, "sugar") == {"champion": "1"}
    lifecycle.promote("sugar/2", **by_bob, override=True)
    with connect(tracking_uri(out)) as client:
        client.set_registered_model_alias("sugar", "trial", "2")
    lifecycle.retire("sugar/2", **by_bob)
    assert aliases(out, "sugar") == {"previous": "1"}
    with pytest.raises(InputError, match=r"Version 2 of 'sugar' is out of use already: it has no alias\."):
        lifecycle.retire("sugar/2", **by_bob)

    entries, faults = lifecycle.history("sugar", out=out)
    assert faults == []
    told = [(one.what, one.version) for one in entries]
    assert told[-6:-3] == [("promote", "3"), ("reject", "1"), ("approve", "1")]
    assert told[-3:] == [("rollback", "1"), ("promote", "2"), ("retire", "2")]
    assert entries[-2].facts["override"] == "The verdict of its report is fail."


@pytest.fixture(scope="module")
def model(reports):
    """Two approved versions of "salt", of which the first is the champion."""
    out, (first, second, _) = reports
    for report in (first, second):
        lifecycle.register(report, "salt", by="ann", out=out)
        lifecycle.approve("salt@challenger", by="bob", reason="fine", out=out)
    lifecycle.promote("salt/1", by="bob", out=out)
    return out


@pytest.mark.parametrize(
    ("a", "b", "name", "said"),
    [
        ("champion", "newest", "salt", "'salt' has no version called 'newest'. It has: challenger, champion"),
        ("7", "champion", "salt", "'salt' has no version 7. It has: 1, 2"),
        ("champion", "1", "slat", "There is no model 'slat'. Did you mean 'salt'?"),
        ("a b", "1", "salt", "'models:/salt@a b' names no version of a model."),
    ],
)
def test_a_comparison_of_a_version_that_is_not_there_does_not_begin(model, a, b, name, said, monkeypatch):
    monkeypatch.setattr("toolkit.run", lambda *_, **__: pytest.fail("The notebook began."))
    done = CliRunner().invoke(main, ["compare", a, b, "--model", name, "--data", "diabetes", "--out", str(model)])
    assert (done.exit_code, done.stderr.count("\n"), said in done.stderr) == (2, 1, True), done.stderr


def test_without_an_earlier_champion_a_rollback_says_so(model):
    with pytest.raises(
        InputError,
        match=r"No earlier champion of 'salt' is kept: a rollback goes back one promotion\. Promote a version",
    ):
        lifecycle.rollback("salt", by="bob", reason="worse", out=model)
    with pytest.raises(InputError, match=r"There is no model 'slat'\. Did you mean 'salt'"):
        lifecycle.rollback("slat", by="bob", reason="worse", out=model)


def test_a_card_bears_the_decisions_about_its_very_report(model, reports):
    first = reports[1][0]
    lifecycle.reject("salt/1", by="carl", reason="June <b>failed</b>", out=model)
    signed = tk.make_card(first).record().sign_off
    mine = [one for one in signed if (one["who"], one["why"]) in (("bob", "fine"), ("carl", "June <b>failed</b>"))]
    assert [(one["who"], one["what"]) for one in mine] == [("bob", "approve"), ("carl", "reject")]
    ledger = {one.hash: one for one in Ledger(model).entries()}
    assert {ledger[one["hash"]].version for one in mine} == {"1"}
    assert tk.make_card(reports[1][2]).record().sign_off == []
    results = tk.publish(tk.make_card(first), template="model_card", parameters={}, out=model.parent / "cards").results
    assert results.sign_off == tuple(signed)


class TestWhatWasChangedIsFound:
    @pytest.mark.parametrize("change", ["edit", "remove", "swap", "cut", "garble"])
    def test_in_the_ledger(self, model, change):
        path = Ledger(model).path
        whole = path.read_text(encoding="utf-8")
        lines = whole.splitlines(keepends=True)
        changed = {
            "edit": [lines[0].replace("ann", "eve"), *lines[1:]],
            "remove": [*lines[:2], *lines[3:]],
            "swap": [lines[1], lines[0], *lines[2:]],
            "cut": lines[:-1],
            "garble": [lines[0][:-10] + "\n", *lines[1:]],
        }[change]
        path.write_text("".join(changed), encoding="utf-8")
        try:
            assert lifecycle.history("salt", out=model)[1]
        finally:
            path.write_text(whole, encoding="utf-8")
        assert lifecycle.history("salt", out=model)[1] == []

    def test_nothing_is_decided_after_the_end_was_cut_off(self, model, reports):
        path = Ledger(model).path
        whole = path.read_text(encoding="utf-8")
        lifecycle.reject("salt/2", by="carl", reason="worse for some", out=model)
        rejected = path.read_text(encoding="utf-8")
        path.write_text(whole, encoding="utf-8")
        try:
            for decide in (
                lambda: lifecycle.promote("salt/2", by="bob", out=model),
                lambda: lifecycle.approve("salt/2", by="bob", reason="fine", out=model),
                lambda: lifecycle.register(reports[1][0], "salt", by="ann", out=model),
            ):
                with pytest.raises(InputError, match="cannot be trusted: The last record of 'salt' that MLflow knows"):
                    decide()
            assert path.read_text(encoding="utf-8") == whole
        finally:
            path.write_text(rejected, encoding="utf-8")
        lifecycle.approve("salt/2", by="bob", reason="tried again", out=model)
        assert lifecycle.history("salt", out=model)[1] == []

    def test_records_of_a_model_that_the_store_does_not_know_move_no_alias(self, model, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(model))
        Ledger(tmp_path).add("ann", "approve", "clove", "1", "fine")
        entries, faults = lifecycle.history("clove", out=tmp_path)
        assert [one.what for one in entries] == ["approve"]
        assert "The last record of 'salt' that MLflow knows is not in it" in "".join(faults)

    def test_another_folder_begins_no_second_ledger(self, model, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(model))
        with pytest.raises(InputError, match="or --out is another folder"):
            lifecycle.promote("salt/2", by="bob", out=tmp_path / "others")
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "others").mkdir()
        with pytest.raises(InputError, match="There is no model 'pepper'"):
            lifecycle.history("pepper", out=tmp_path / "others")
        assert list((tmp_path / "others").iterdir()) == []

    def test_in_the_aliases(self, model):
        with connect(tracking_uri(model)) as client:
            client.set_registered_model_alias("salt", "champion", "2")
        assert (
            "'champion' is at version 2, and by the ledger at version 1" in lifecycle.history("salt", out=model)[1][0]
        )
        with connect(tracking_uri(model)) as client:
            client.set_registered_model_alias("salt", "champion", "1")

    def test_a_record_whose_aliases_did_not_move_is_carried_out(self, model, monkeypatch):
        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(lifecycle, "_settle", killed)
            with pytest.raises(KeyboardInterrupt):
                lifecycle.promote("salt/2", by="bob", out=model)
        assert aliases(model, "salt")["champion"] == "1"
        assert lifecycle.history("salt", out=model)[1] == []
        assert aliases(model, "salt") == {"champion": "2", "previous": "1"}

    def test_in_the_model(self, model):
        with connect(tracking_uri(model)) as client:
            source = client.get_model_version_download_uri("salt", "1")
        file = next(Path(source.removeprefix("file://")).glob("model.*"))
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        try:
            with pytest.raises(InputError, match="was changed after"):
                lifecycle.rollback("salt", by="bob", reason="", out=model)
            with pytest.raises(InputError, match="was changed after"):
                lifecycle.approve("salt/1", by="bob", reason="fine", out=model)
            with pytest.raises(InputError, match="was changed after"):
                tk.load_model("models:/salt/1", out=model)
        finally:
            file.write_bytes(whole)
        assert tk.load_model("models:/salt/1", out=model).name

    def test_in_a_model_whose_files_are_gone(self, model, reports):
        second = reports[1][1]
        name = read_results(second).mlflow.model_uri.removeprefix("models:/")
        folder = next(one for one in model.parent.rglob(name) if one.is_dir())
        away, before = folder.rename(model.parent / "away"), Ledger(model).path.read_text()
        try:
            for decide in (
                lambda: lifecycle.approve("salt/2", by="bob", reason="fine", out=model),
                lambda: lifecycle.register(second, "anise", by="ann", out=model),
            ):
                with pytest.raises(InputError, match=r"files of version [12] of '\w+' are gone"):
                    decide()
            with pytest.raises(InputError, match="There is no model 'anise'"):
                lifecycle.history("anise", out=model)
            assert Ledger(model).path.read_text() == before
            lifecycle.reject("salt/2", by="bob", reason="lost", out=model)
        finally:
            away.rename(folder)
        lifecycle.approve("salt/2", by="bob", reason="found", out=model)

    def test_what_cannot_be_recorded_is_not_registered(self, model, reports, monkeypatch):
        def full(*_, **__):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Ledger, "add", full)
        with pytest.raises(OSError, match="No space"):
            lifecycle.register(reports[1][0], "cumin", by="ann", out=model)
        with pytest.raises(InputError, match="There is no model 'cumin'"):
            lifecycle.history("cumin", out=model)


class TestWrongInput:
    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("suger/1", "Did you mean"),
            ("sugar/99", "has no version 99"),
            ("sugar@best", "has no version called 'best'"),
            ("sugar", "names no version"),
            ("a/b/c", "names no version"),
        ],
    )
    def test_is_one_message(self, reports, address, said):
        lifecycle.register(reports[1][0], "sugar", by="ann", out=reports[0])
        with pytest.raises(InputError, match=said):
            lifecycle.promote(address, by="bob", out=reports[0])

    def test_a_report_without_a_model(self, tmp_path):
        with pytest.raises(InputError):
            lifecycle.register(tmp_path, "sugar", by="ann", out=tmp_path)

    def test_a_model_that_nobody_knows(self, reports):
        with pytest.raises(InputError, match="There is no model 'pepper'"):
            lifecycle.history("pepper", out=reports[0])


def test_the_commands(reports):
    out, (first, *_) = reports

    def toolkit(*arguments):
        return CliRunner().invoke(main, [*arguments, "--out", str(out)])

    for name in ("bad/name", "a:b", "a@b", " "):
        refused = toolkit("register", str(first), name, "--by", "ann")
        assert (refused.exit_code, "A model cannot be called" in refused.stderr) == (2, True)
    assert toolkit("register", str(first), "spice", "--by", "ann").output == "spice/1\n"
    assert toolkit("promote", "spice/1", "--by", "bob").exit_code == 2
    assert toolkit("approve", "spice/1", "--by", "bob", "--reason", "fine").exit_code == 0
    assert toolkit("promote", "spice/1", "--by", "bob").exit_code == 0
    told = json.loads(toolkit("history", "spice", "--json").stdout)
    assert [one["what"] for one in told["records"]] == ["register", "approve", "promote"]
    assert (told["faults"], {one["overrides"] for one in told["records"]}) == ([], {""})
    assert toolkit("register", str(first), "herbs", "--by", "ann").exit_code == 0
    assert toolkit("promote", "herbs/1", "--by", "bob", "--override", "--reason", "urgent").exit_code == 0
    said = toolkit("history", "herbs").stdout.splitlines()
    assert said[0].split()[-1] == "overrides"
    assert re.fullmatch(r".* promote .* urgent +Nobody approved this .*", said[2])

    page = out / "history.html"
    lifecycle.reject("spice/1", by="<script>eve()</script>", reason="a\x1b[31m < b", out=out)
    assert toolkit("history", "spice", "--html", str(page)).output == f"{page}\n"
    read = BeautifulSoup(page.read_text(), "html.parser")
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in read.select("tbody tr")]
    assert [(row[0].split()[1].removesuffix("verdict:"), row[1]) for row in rows] == [
        ("reject", "1"), ("promote", "1"), ("approve", "1"), ("register", "1")
    ]  # fmt: skip
    assert (rows[0][2], rows[0][4], rows[2][4]) == ("<script>eve()</script>", "a [31m < b", "fine")
    assert len(read.find_all("script")) == 1
    assert "Champion: version 1; challenger: none; previous: none." in read.main.get_text()

    kept = out / "mine.html"
    kept.write_text("<!DOCTYPE html><p>My own.")
    refused = toolkit("history", "spice", "--html", str(kept))
    assert (refused.exit_code, refused.stderr.count("\n"), kept.read_text()) == (2, 1, "<!DOCTYPE html><p>My own.")
    book = out / "ledger.jsonl"
    whole = book.read_text()
    book.write_text(whole.replace('"why": "fine"', '"why": "good"'))
    assert toolkit("history", "spice", "--html", str(page)).exit_code == 1
    assert "Not whole" in BeautifulSoup(page.read_text(), "html.parser").main.get_text()
    book.write_text(whole)


def test_decisions_are_shown_after_their_store_was_lost(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    out = tmp_path / "reports"
    Ledger(out).add("bob", "promote", "sugar", "1", "tried on June", **{"champion.after": "1"})
    entries, faults = lifecycle.history("sugar", out=out)
    assert [one.why for one in entries] == ["tried on June"]
    assert "The alias 'champion' is at no version, and by the ledger at version 1." in faults


def test_a_store_that_is_cut_off_is_wrong_input(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    out, file = tmp_path / "reports", tmp_path / "mlflow.db"
    with connect(tracking_uri(out)) as client:
        client.create_registered_model("sugar")
    file.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"mlflow\.db cannot be used: .*malformed.*restore it"):
        lifecycle.approve("sugar/1", by="bob", reason="tried", out=out)
