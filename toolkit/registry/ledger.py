"""The ledger: who decided what about a model, when and why; each record carries the hash of the one before."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from toolkit.errors import InputError, refusing
from toolkit.registry import signature

NAME = "ledger.jsonl"
FIRST = "0" * 64
#: Facts of a record: the hashes of the model's files, of its report, and of the file that says who may sign.
MODEL, REPORT, SIGNERS = "model.sha256", "report.sha256", "signers.sha256"
#: The last record of the model that the store knew, which marks it once the aliases have moved.
HEAD = "head"
#: What must be signed where that file is there.
SIGNED = ("approve", "reject", "promote")
#: What MLflow adds to the files of a registered version when they are fetched.
_BY_MLFLOW = "registered_model_meta"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the ledger.

    Attributes
    ----------
    number : int
        From 1.
    when : str
        ISO 8601, in UTC.
    who, what, model, version, why : str
        ``what`` is ``register``, ``approve``, ``reject``, ``promote``, ``rollback`` or ``retire``.
    facts : mapping of str to str
        What the decision rests on: hashes of the model and of its report, the verdict, the aliases before and after.
    before : str
        SHA-256 of the record before it.
    signature : str
        Of the SHA-256 of all above, so of all records before it too, by an SSH key; empty where it is not signed.
    hash : str
        SHA-256 of all above, with the signature.
    """

    number: int
    when: str
    who: str
    what: str
    model: str
    version: str
    why: str
    facts: Mapping[str, str] = field(default_factory=dict)
    before: str = FIRST
    signature: str = ""
    hash: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of everything in it but its own hash, and the signature where there is none."""
        left_out = ("hash",) if self.signature else ("hash", "signature")
        return record_hash({name: value for name, value in asdict(self).items() if name not in left_out})


class Ledger:
    """The file of records beside the reports.

    Parameters
    ----------
    out : Path
        The reports folder.
    key : Path, optional
        A private key of SSH that signs what is added.

    Attributes
    ----------
    heads : mapping of model to hash
        The last record of each model that the store knows.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ledger = Ledger(Path(folder))
    ...     first = ledger.add("ann", "approve", "churn", "3", "tried on June")
    ...     second = ledger.add("bob", "promote", "churn", "3", "")
    ...     second.before == first.hash, ledger.faults()
    (True, [])
    """

    def __init__(self, out: Path, key: Path | None = None) -> None:
        from filelock import FileLock

        self.path, self.key = out / NAME, key
        self.heads: Mapping[str, str] = {}
        # Not beside the ledger, so that a folder without one stays as it is.
        own = f"toolkit-{content_hash(bytes(out.resolve()))[:16]}.lock"
        self.lock = FileLock(Path(tempfile.gettempdir(), own), mode=0o666)
        named = os.environ.get("TOOLKIT_ALLOWED_SIGNERS")
        self.signers = Path(named or out / "allowed_signers")
        self.demanding = bool(named) or self.signers.exists()

    def entries(self) -> list[Entry]:
        """Read every record.

        Raises
        ------
        InputError
            Where a line is no record.
        """
        content = self.path.read_bytes().rstrip(b"\n") if self.path.exists() else b""
        found: list[Entry] = []
        for number, line in enumerate(content.split(b"\n") if content else (), 1):
            said = f"Line {number} of the ledger {str(self.path)!r} is no record"
            with refusing(said, kinds=(ValueError, TypeError)):
                found.append(Entry(**json.loads(line)))
                if not (isinstance(found[-1].facts, dict) and isinstance(found[-1].signature, str)):
                    raise TypeError("its facts or its signature are of another kind")
        return found

    def trusted(self) -> list[Entry]:
        """Read every record, unless one was changed.

        Raises
        ------
        InputError
            Where one was: nothing rests on such a ledger, and nothing is added to it.
        """
        if faults := self.faults():
            raise InputError(f"The ledger {str(self.path)!r} cannot be trusted: {faults[0]}")
        return self.entries()

    def add(self, who: str, what: str, model: str, version: str, why: str, **facts: str) -> Entry:
        """Write one record more, whole or not at all, whoever else writes at the time; return it.

        Raises
        ------
        InputError
            Where the ledger was changed: nothing is added to one that cannot be trusted. Where the key cannot be used.
            Where it is said who may sign, and this is not signed, or not by them.
        """
        from filelock import FileLock

        # Machines that share the folder see the second lock alone.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock, FileLock(f"{self.path}.lock", mode=0o666):
            known = self.trusted()
            if self.demands(known):
                with refusing("Cannot read who may sign", f" Put the file {str(self.signers)!r} there."):
                    facts[SIGNERS] = content_hash(self.signers.read_bytes())
            before, last = (known[-1].hash, known[-1].when) if known else (FIRST, "")
            when = max(datetime.now(UTC).isoformat(timespec="seconds"), last)
            entry = Entry(len(known) + 1, when, who, what, model, version, why, facts, before)
            entry = replace(entry, signature=signature.sign(entry.digest(), self.key)) if self.key else entry
            if doubt := self.doubt(entry, SIGNERS in facts):
                raise InputError(f"Nothing is recorded: this decision to {what} {model}/{version} {doubt}.")
            entry = replace(entry, hash=entry.digest())
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=f".{NAME}-") as place:
                with Path(place, NAME).open("w", encoding="utf-8") as file:
                    file.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in (*known, entry))
                    file.flush()
                    os.fsync(file.fileno())
                Path(place, NAME).replace(self.path)
        return entry

    def doubt(self, entry: Entry, demanded: bool) -> str:
        """Say why a record does not prove who wrote it, where that is demanded or it is signed; else an empty text."""
        signers = self.signers if self.demanding or demanded else None
        if entry.signature:
            plain = replace(entry, signature="").digest()
            return signature.fault(entry.signature, plain, entry.who, entry.when, signers)
        return f"is not signed, and {str(self.signers)!r} says who may" if demanded and entry.what in SIGNED else ""

    def demands(self, entries: Iterable[Entry]) -> bool:
        """Whether it is said who may sign, now or when one of these records was written."""
        return self.demanding or any(SIGNERS in one.facts for one in entries)

    def signed(self, entry: Entry) -> str:
        """Say whether a record is signed: ``yes``, ``by any key``, ``no`` or ``not valid``."""
        if entry.signature and self.doubt(entry, False):
            return "not valid"
        return ("yes" if self.demanding else "by any key") if entry.signature else "no"

    def check_model(self, name: str, version: str, digest: str) -> None:
        """Refuse a registered version whose files are not those that were put on record first.

        Raises
        ------
        InputError
            Where their hash, as of ``folder_hash``, is another, or empty: there are none.
        """
        if not digest:
            raise InputError(f"The files of version {version} of {name!r} are gone. Put them back, or retire it.")
        about = (one for one in self.entries() if (one.model, one.version) == (name, version) and MODEL in one.facts)
        if (first := next(about, None)) and first.facts[MODEL] != digest:
            when = f"{first.when[:10]}, when it was put on record"
            raise InputError(f"Version {version} of {name!r} was changed after {when}. It is not used.")

    def judged(self, name: str, version: str, facts: Mapping[str, str]) -> tuple[list[Entry], str]:
        """Return the approvals of a version that may be believed, and who rejected it where nobody approved it since.

        Only what was said of the very model and report that it has now counts, by their hashes in ``facts``. A
        rejection stands whoever wrote it.
        """
        about = [one for one in self.trusted() if (one.model, one.version) == (name, version)]
        same = [one for one in about if all(one.facts.get(part) == facts.get(part) for part in (MODEL, REPORT))]
        sure = [one for one in same if one.what == "approve" and not self.doubt(one, self.demanding)]
        last = [one for one in same if one.what == "reject" or one in sure][-1:]
        return sure, "".join(f"{one.who} rejected it: {one.why}" for one in last if one.what == "reject")

    def about(self, report: Path) -> list[dict[str, str]]:
        """Return the approvals and rejections of the very report that lies in a folder, as a page shows them.

        Each is ``who, what, why, when, hash, signed`` and its ``fault``: why it cannot be believed, where it cannot.
        """
        entries, changed = self.entries(), bool(self.faults())
        judged = [one for one in entries if one.what in ("approve", "reject")]
        digest, demanded = folder_hash(report) if judged else "", self.demands(entries)
        found = []
        for one in (one for one in judged if one.facts.get(REPORT) == digest):
            why = "its signature is not valid" if one.signature else "it is not signed"
            fault = "the ledger was changed" if changed else why if self.doubt(one, demanded) else ""
            shown = {name: str(getattr(one, name)) for name in ("who", "what", "why", "when", "hash")}
            found.append({**shown, "signed": self.signed(one), "fault": fault})
        return found

    def faults(self, signatures: bool = False) -> list[str]:
        """Say what is wrong with it: a record that was edited, removed, moved or added by hand, or a lost end.

        An end that was cut off is known by ``heads``, and, once another record was written, by the mark that each
        record keeps of the one before it about the same model.

        Parameters
        ----------
        signatures : bool
            Check every signature too, which takes a moment each, and what is not signed since that is demanded.
        """
        try:
            entries = self.entries()
        except InputError as error:
            return [str(error)]
        found, before, latest, demanded, known = [], FIRST, "", False, {""}
        for place, entry in enumerate(entries, 1):
            cut_off = f"follows one of {entry.model!r} that is missing: records were cut off"
            wrong = {
                f"has the number {entry.number}: one was removed or moved": entry.number != place,
                "does not follow the one before it": entry.before != before,
                "was changed after it was written": entry.hash != entry.digest(),
                "is dated before the one before it": entry.when < latest,
                cut_off: entry.facts.get(HEAD, "") not in known,
            }
            found += [f"Record {place} {said}." for said, is_so in wrong.items() if is_so]
            before, latest, demanded = entry.hash, entry.when, demanded or SIGNERS in entry.facts
            known.add(entry.hash)
            if signatures and (doubt := self.doubt(entry, demanded)):
                found.append(f"Record {place} {doubt}.")
        why = "its end was cut off, or --out is another folder"
        lost = [name for name, head in self.heads.items() if head not in known]
        return found + [f"The last record of {name!r} that MLflow knows is not in it: {why}." for name in lost]


def content_hash(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def record_hash(record: Mapping[str, object]) -> str:
    """Return the SHA-256 of plain values, whatever their order."""
    return content_hash(json.dumps(record, sort_keys=True, ensure_ascii=False).encode())


def folder_hash(folder: Path) -> str:
    """Return the SHA-256 over the names and the bytes of the files in a folder, as of a model or a report."""
    files = sorted(one for one in folder.rglob("*") if one.is_file() and one.name != _BY_MLFLOW)
    lines = (f"{content_hash(file.read_bytes())}  {file.relative_to(folder).as_posix()}\n" for file in files)
    return content_hash("".join(lines).encode())
