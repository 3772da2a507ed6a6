"""Who decided can be checked: records are signed by SSH keys, and what is forged, removed or by others is found."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import toolkit as tk
from toolkit.cli import main
from toolkit.core.result import DataInfo
from toolkit.core.results import PolicyVerdict, Results
from toolkit.errors import InputError
from toolkit.registry import lifecycle, signature
from toolkit.registry.ledger import Entry, Ledger, folder_hash
from toolkit.registry.store import connect, tracking_uri


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The private keys of ann, bob and eve, and one of ann's that has a passphrase."""
    if not shutil.which("ssh-keygen"):
        missing = "There is no ssh-keygen here: install Debian's package `openssh-client`."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("keys")
    for name, passphrase in (("ann", ""), ("bob", ""), ("eve", ""), ("locked", "long secret")):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return folder


def allow(path, keys, *names, options=""):
    lines = (f"{name} {options}{(keys / name).with_suffix('.pub').read_text(encoding='utf-8')}" for name in names)
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def ledger(tmp_path, keys):
    """A record from before signers were named, an approval by ann, a promotion by bob, and an unsigned rollback."""
    Ledger(tmp_path).add("ann", "approve", "churn", "1", "from before")
    allow(tmp_path / "allowed_signers", keys, "ann", "bob")
    Ledger(tmp_path, keys / "ann").add("ann", "approve", "churn", "2", "tried on June")
    Ledger(tmp_path, keys / "bob").add("bob", "promote", "churn", "2", "")
    Ledger(tmp_path).add("carl", "rollback", "churn", "1", "in a hurry")
    return Ledger(tmp_path)


def records(ledger):
    return list(map(json.loads, ledger.path.read_text(encoding="utf-8").splitlines()))


def write(ledger, found, *, chained):
    """Write records; ``chained`` as somebody would who knows how the hashes are made."""
    before = "0" * 64
    for one in found:
        if chained:
            one["before"] = before
            one["hash"] = before = Entry(**one).digest()
    ledger.path.write_text("".join(json.dumps(one) + "\n" for one in found), encoding="utf-8")


def test_signed_records_are_verified(ledger):
    assert ledger.faults(signatures=True) == []
    assert [bool(one.signature) for one in ledger.entries()] == [False, True, True, False]
    assert all("BEGIN SSH SIGNATURE" in one.signature for one in ledger.entries()[1:3])


def test_ssh_keygen_alone_verifies_a_record(ledger, tmp_path):
    record = records(ledger)[1]
    (tmp_path / "sig").write_text(record["signature"], encoding="utf-8")
    signed = Entry(**{**record, "signature": ""}).digest()
    command = ["ssh-keygen", "-Y", "verify", "-n", "toolkit", "-I", "ann", "-f", ledger.signers, "-s", tmp_path / "sig"]
    assert subprocess.run(command, input=signed, text=True, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("part", ["signature", "hash", "who", "why"])
def test_a_byte_that_was_flipped_is_found(ledger, part):
    found = records(ledger)
    text = found[1][part]
    at = len(text) // 2
    found[1][part] = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    write(ledger, found, chained=False)
    assert "Record 2 was changed after it was written." in ledger.faults()
    write(ledger, found, chained=True)
    assert ledger.faults() == []  # the hashes fit again
    said = ledger.faults(signatures=True)
    if part == "hash":  # which was put right by that
        assert said == []
    else:
        assert said[0] == "Record 2 has a signature that was not made of it."
        assert said[1] == "Record 3 has a signature that was not made of it."


def test_a_signature_that_was_removed_is_found(ledger):
    found = records(ledger)
    found[2]["signature"] = ""
    write(ledger, found, chained=False)
    assert "Record 3 was changed after it was written." in ledger.faults()
    write(ledger, found, chained=True)
    assert [one.partition(",")[0] for one in ledger.faults(signatures=True)] == ["Record 3 is not signed"]


def test_a_record_before_a_signed_one_cannot_be_changed_by_who_knows_the_hashes(ledger):
    found = records(ledger)
    found[0]["why"] = "never said"
    write(ledger, found, chained=True)
    assert ledger.faults() == []
    assert ledger.faults(signatures=True)[0] == "Record 2 has a signature that was not made of it."


def test_another_key_is_found(ledger, keys):
    found = records(ledger)
    found[2]["signature"] = signature.sign(Entry(**{**found[2], "signature": ""}).digest(), keys / "ann")
    write(ledger, found, chained=True)
    (said,) = ledger.faults(signatures=True)
    assert said == f"Record 3 is not signed with a key that {str(ledger.signers)!r} has for 'bob'."


def test_a_record_that_was_added_by_hand_is_found(ledger):
    fourth = records(ledger)[3]
    forged = {**fourth, "number": 5, "who": "bob", "what": "approve", "facts": {}}
    write(ledger, [*records(ledger), forged], chained=True)
    assert [one.partition(",")[0] for one in ledger.faults(signatures=True)] == ["Record 5 is not signed"]


@pytest.mark.parametrize("what", ["approve", "reject", "promote"])
def test_who_may_not_sign_decides_nothing(ledger, keys, what):
    whole, out = ledger.path.read_bytes(), ledger.path.parent
    for who, key, said in (
        ("eve", keys / "eve", "not signed with a key that .* has for 'eve'"),
        ("ann", keys / "eve", "not signed with a key that .* has for 'ann'"),
        ("bob", None, "Nothing is recorded: this decision to .* churn/3 is not signed"),
    ):
        with pytest.raises(InputError, match=said):
            Ledger(out, key).add(who, what, "churn", "3", "fine")
    assert ledger.path.read_bytes() == whole


def test_signers_cannot_be_taken_away(ledger, tmp_path, monkeypatch, keys):
    ledger.signers.unlink()
    with pytest.raises(
        InputError, match=r"Cannot read who may sign: No such file or directory\. Put the file .* there"
    ):
        Ledger(tmp_path, keys / "ann").add("ann", "approve", "churn", "3", "fine")
    assert [one[:8] for one in Ledger(tmp_path).faults(signatures=True)] == ["Record 2", "Record 3"]
    allow(tmp_path / "elsewhere", keys, "ann", "bob")
    monkeypatch.setenv("TOOLKIT_ALLOWED_SIGNERS", str(tmp_path / "elsewhere"))
    assert Ledger(tmp_path).faults(signatures=True) == []
    monkeypatch.setenv("TOOLKIT_ALLOWED_SIGNERS", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="Cannot read who may sign"):
        Ledger(tmp_path / "new", keys / "ann").add("ann", "retire", "churn", "3", "")


def test_a_key_counts_as_of_when_it_signed(keys, tmp_path):
    allow(tmp_path / "allowed", keys, "ann", options='valid-before="20210101" ')
    signed = signature.sign("what is signed", keys / "ann")
    faults = [
        signature.fault(signed, "what is signed", "ann", when, tmp_path / "allowed")
        for when in ("2020-12-31T23:59:58+00:00", "2021-01-01T00:00:01+00:00")
    ]
    assert faults == ["", f"is not signed with a key that {str(tmp_path / 'allowed')!r} has for 'ann'"]


class TestAKeyThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("none", "'.*none' does not sign .*No such file"),
            ("locked", "'.*locked' does not sign .*passphrase.*ssh-add"),
            ("text", "'.*text' does not sign"),
            ("", "'.*' does not sign"),
        ],
    )
    def test_is_one_message(self, keys, tmp_path, name, said):
        (keys / "text").write_text("no key\n", encoding="utf-8")
        (keys / "text").chmod(0o600)
        with pytest.raises(InputError, match=f"Nothing is recorded: {said}"):
            Ledger(tmp_path, keys / name).add("ann", "approve", "churn", "1", "fine")
        assert Ledger(tmp_path).entries() == []

    def test_without_openssh(self, keys, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(InputError, match=r"Signatures need OpenSSH's ssh-keygen: No such file.*Install"):
            Ledger(tmp_path, keys / "ann").add("ann", "approve", "churn", "1", "fine")
        assert Ledger(tmp_path).entries() == []


def test_a_ledger_from_before_signatures_is_read_and_goes_on(tmp_path, keys):
    Ledger(tmp_path).add("ann", "approve", "churn", "1", "fine")
    old = records(Ledger(tmp_path))
    del old[0]["signature"]
    Ledger(tmp_path).path.write_text(json.dumps(old[0]) + "\n", encoding="utf-8")
    assert Ledger(tmp_path).faults(signatures=True) == []
    Ledger(tmp_path, keys / "bob").add("bob", "approve", "churn", "1", "fine")
    assert Ledger(tmp_path).faults(signatures=True) == []


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """An experiment by ann that passes; its policy wants that somebody else approves the model."""
    out = tmp_path_factory.mktemp("signatures") / "reports"
    policy = {"title": "Easy", "numbers": {"test.r2": {"min": 0.0}}, "approval": "independent"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLKIT_AUTHOR", "ann")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        parts = tk.split_dataset(tk.load_dataset("diabetes"))
        training = tk.train(parts, candidates=["ridge"], cv=2)
        evaluation = tk.evaluate(training.model, parts, latency=False)
        verdict = tk.check(policy, evaluation)
        made = tk.publish(parts, training, evaluation, verdict, template="experiment", parameters={}, out=out)
        yield Path(made.folder)


def test_the_commands(report, keys):
    out = report.parent

    def toolkit(*arguments):
        return CliRunner().invoke(main, [*map(str, arguments), "--out", str(out)])

    def decide(what, who, key=None):
        signed = ["--key", keys / key] if key else []
        return toolkit(what, "churn@challenger", "--by", who, "--reason", "fine", *signed)

    bad = toolkit("register", report, "churn", "--by", "ann", "--key", keys / "none")
    assert (bad.exit_code, bad.stderr.count("\n")) == (2, 1)
    with connect(tracking_uri(out)) as client:
        assert client.search_model_versions("name = 'churn'") == []
    assert toolkit("register", report, "churn", "--by", "ann").exit_code == 0
    assert decide("approve", "bob", "eve").exit_code == 0  # nothing says yet whose key it is
    told = json.loads(toolkit("history", "churn", "--json").stdout)
    assert [one["signed"] for one in told["records"]] == ["no", "by any key"]
    assert decide("approve", "bob", None).exit_code == 0

    allow(out / "allowed_signers", keys, "bob")
    told = toolkit("history", "churn")
    assert told.exit_code == 1
    assert "Record 2 is not signed with a key that" in told.output
    refused = decide("promote", "bob", "bob")
    assert refused.exit_code == 2
    assert "Nobody approved this model with this report by a valid signature" in refused.stderr
    before = Ledger(out).path.read_bytes()
    for who, key in (("eve", "eve"), ("bob", "eve"), ("bob", None)):
        refused = decide("approve", who, key)
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert refused.stderr.startswith("Error: Nothing is recorded")
    assert Ledger(out).path.read_bytes() == before
    assert decide("approve", "bob", "bob").exit_code == 0
    assert decide("promote", "bob", "bob").exit_code == 0
    told = json.loads(toolkit("history", "churn", "--json").stdout)
    assert [one["signed"] for one in told["records"]] == ["no", "not valid", "no", "yes", "yes"]
    assert len(told["faults"]) == 1  # that of the key that nobody had


def test_a_forged_approval_does_not_undo_a_rejection(ledger, keys):
    """One that knows how the hashes are made adds it; nobody has signed it."""
    Ledger(ledger.path.parent, keys / "bob").add("bob", "reject", "churn", "2", "bad", **{"model.sha256": "m"})
    found = records(ledger)
    write(ledger, [*found, found[-1] | {"number": 6, "who": "zed", "what": "approve", "signature": ""}], chained=True)
    verdict = PolicyVerdict("pass", "Easy", (), {})
    version = lifecycle.Version(
        "churn", "2", Results(data=DataInfo("t"), scalars={}, verdict=verdict), {"model.sha256": "m"}
    )
    facts = version.facts | {"report.sha256": None}
    assert lifecycle._objection(replace(version, facts=facts), ledger) == "bob rejected it: bad"


class TestTheSignOffOfACard:
    """It shows an approval only where nothing speaks against its record; who may sign is said by allowed_signers."""

    @pytest.fixture
    def approved(self, tmp_path, keys):
        """A report, and the approval of it by bob, signed by his key."""
        run = tmp_path / "run"
        run.mkdir()
        (run / "results.json").write_text(Results(data=DataInfo("t"), scalars={}).to_json(), encoding="utf-8")
        allow(tmp_path / "allowed_signers", keys, "ann", "bob")
        about = {"report.sha256": folder_hash(run)}
        Ledger(tmp_path, keys / "bob").add("bob", "approve", "churn", "1", "tried on June", **about)
        return run

    def shown(self, run):
        card = tk.make_card(run)
        (one,) = card.record().sign_off
        said = [finding.message for finding in card.findings() if finding.code == "CARD-SIGN-OFF"]
        return one["signed"], one["fault"], said

    def test_what_was_signed_right(self, approved):
        assert self.shown(approved) == ("yes", "", [])

    @pytest.mark.parametrize(
        ("change", "signed", "fault"),
        [
            ("forged", "not valid", "its signature is not valid"),
            ("other key", "not valid", "its signature is not valid"),
            ("unsigned", "no", "it is not signed"),
            ("edited", "not valid", "the ledger was changed"),
        ],
    )
    def test_what_counts_for_nothing(self, approved, keys, change, signed, fault):
        ledger = Ledger(approved.parent)
        (record,) = records(ledger)
        if change == "other key":
            text = Entry(**{**record, "signature": ""}).digest()
            record["signature"] = signature.sign(text, keys / "eve")
        elif change == "unsigned":
            record["signature"] = ""
        else:
            record["who"] = "ann"
        write(ledger, [record], chained=change != "edited")
        (said,) = self.shown(approved)[2]
        assert self.shown(approved)[:2] == (signed, fault)
        assert f"approve by {record['who']} ({fault})" in said

    def test_a_decision_from_before_signers_were_named(self, approved, keys):
        ledger = Ledger(approved.parent)
        (record,) = records(ledger)
        write(ledger, [record | {"signature": "", "facts": {"report.sha256": folder_hash(approved)}}], chained=True)
        assert self.shown(approved)[:2] == ("no", "it is not signed")
        ledger.signers.unlink()
        assert self.shown(approved) == ("no", "", [])  # nobody says that it must be signed

    def test_who_may_sign_cannot_be_taken_away(self, approved):
        Ledger(approved.parent).signers.unlink()
        assert self.shown(approved)[:2] == ("by any key", "its signature is not valid")


def test_a_record_that_was_dated_back_is_found(ledger):
    found = records(ledger)
    write(ledger, [*found, found[-1] | {"number": 5, "when": "2020-06-01T00:00:00+00:00"}], chained=True)
    assert ledger.faults() == ["Record 5 is dated before the one before it."]


def test_bytes_that_are_no_text_are_no_record(ledger):
    ledger.path.write_bytes(ledger.path.read_bytes() + b"\x95\xff\n")
    with pytest.raises(InputError, match="is no record"):
        ledger.entries()


def test_an_empty_ledger_has_no_records(tmp_path):
    (tmp_path / "ledger.jsonl").touch()
    assert Ledger(tmp_path).entries() == []


@pytest.mark.parametrize("part", [{"signature": 5}, {"facts": None}, {"facts": []}])
def test_a_record_of_other_kinds_of_values_is_none(ledger, part):
    found = records(ledger)
    ledger.path.write_text(json.dumps(found[0] | part) + "\n", encoding="utf-8")
    assert "is no record: its facts or its signature are of another kind" in ledger.faults(signatures=True)[0]
