"""The ledger: who decided what about a model, when and why; each record carries the hash of the one before."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from toolkit.errors import InputError

NAME = "ledger.jsonl"
FIRST = "0" * 64
#: Facts of a record: the hashes of the model's files and of its report.
MODEL, REPORT = "model.sha256", "report.sha256"
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
    before, hash : str
        SHA-256 of the record before it, and of this one.
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
    hash: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of everything in it but its own hash."""
        plain = {name: value for name, value in asdict(self).items() if name != "hash"}
        return record_hash(plain)


class Ledger:
    """The file of records beside the reports.

    Parameters
    ----------
    out : Path
        The reports folder.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ledger = Ledger(Path(folder))
    ...     first = ledger.add("ann", "approve", "churn", "3", "tried on June")
    ...     second = ledger.add("bob", "promote", "churn", "3", "")
    ...     second.before == first.hash, ledger.faults()
    (True, [])
    """

    def __init__(self, out: Path) -> None:
        from filelock import FileLock

        self.path = out / NAME
        self.lock = FileLock(f"{self.path}.lock")

    def entries(self) -> list[Entry]:
        """Read every record.

        Raises
        ------
        InputError
            Where a line is no record.
        """
        if not self.path.exists():
            return []
        found = []
        for number, line in enumerate(self.path.read_text(encoding="utf-8").rstrip("\n").split("\n"), 1):
            try:
                found.append(Entry(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise InputError(f"Line {number} of the ledger {str(self.path)!r} is no record: {error}.") from error
        return found

    def trusted(self) -> list[Entry]:
        """Read every record, unless one was changed.

        Raises
        ------
        InputError
            Where one was: nothing rests on such a ledger, and nothing is added to it.
        """
        faults = self.faults()
        if faults:
            raise InputError(f"The ledger {str(self.path)!r} cannot be trusted: {faults[0]}")
        return self.entries()

    def add(self, who: str, what: str, model: str, version: str, why: str, **facts: str) -> Entry:
        """Write one record more, whole or not at all, whoever else writes at the time; return it.

        Raises
        ------
        InputError
            Where the ledger was changed: nothing is added to one that cannot be trusted.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock:
            known = self.trusted()
            before = known[-1].hash if known else FIRST
            when = datetime.now(UTC).isoformat(timespec="seconds")
            entry = Entry(len(known) + 1, when, who, what, model, version, why, facts, before)
            entry = replace(entry, hash=entry.digest())
            text = "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in (*known, entry))
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{NAME}-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        return entry

    def check_model(self, name: str, version: str, digest: str) -> None:
        """Refuse a registered version whose files are not those that were put on record first.

        Raises
        ------
        InputError
            Where their hash, as of ``folder_hash``, is another.
        """
        about = (one for one in self.entries() if (one.model, one.version) == (name, version) and MODEL in one.facts)
        first = next(about, None)
        if first and first.facts[MODEL] != digest:
            when = f"{first.when[:10]}, when it was put on record"
            raise InputError(f"Version {version} of {name!r} was changed after {when}. It is not used.")

    def about(self, report: Path) -> list[Entry]:
        """Return the approvals and rejections of the very report that lies in a folder."""
        judged = [one for one in self.trusted() if one.what in ("approve", "reject")]
        digest = folder_hash(report) if judged else ""
        return [one for one in judged if one.facts.get(REPORT) == digest]

    def faults(self, heads: Mapping[str, str] | None = None) -> list[str]:
        """Say what is wrong with it: a record that was edited, removed, moved or added by hand, or a lost end.

        Parameters
        ----------
        heads : mapping of model to hash, optional
            The last record that another place knows of each model: one that is not in the ledger was cut off.
        """
        try:
            entries = self.entries()
        except InputError as error:
            return [str(error)]
        found, before = [], FIRST
        for place, entry in enumerate(entries, 1):
            if entry.number != place:
                found.append(f"Record {place} has the number {entry.number}: one was removed or moved.")
            if entry.before != before:
                found.append(f"Record {place} does not follow the one before it.")
            if entry.hash != entry.digest():
                found.append(f"Record {place} was changed after it was written.")
            before = entry.hash
        known = {entry.hash for entry in entries}
        lost = "The last record of {!r} that MLflow knows is missing: the end was cut off."
        return found + [lost.format(name) for name, head in (heads or {}).items() if head not in known]


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
