"""From a report to the model in use: register, approve or reject, promote, roll back, retire; each on record."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from toolkit.core import Results, read_results
from toolkit.errors import InputError, listed, one_of
from toolkit.registry.ledger import HEAD, MODEL, REPORT, Entry, Ledger, folder_hash
from toolkit.registry.store import beside, connect, missing_file, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

Moves: TypeAlias = dict[str, str]
ALIASES = CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
MARK = "toolkit.ledger_head"
_ADDRESS = re.compile(r"(?:models:/)?([^/@]+)(?:/(\d+)|@([\w-]+))")


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version of a model, as the store has it now.

    Attributes
    ----------
    name, number : str
    report : Results or None
        Of the run that made it; None where that is not in the store.
    facts : dict of str to str
        SHA-256 of the model's files and of its report, and the verdict.
    """

    name: str
    number: str
    report: Results | None
    facts: dict[str, str]

    def __str__(self) -> str:
        return f"Version {self.number} of {self.name!r}"


def register(report: Path, name: str, *, by: str, out: Path, reason: str = "", key: Path | None = None) -> Entry:
    """Register the model that a report is about as a new version, the challenger.

    Parameters
    ----------
    report : Path
        The report's folder.
    name : str
        What the model is called in the registry.
    by, reason : str
        Who does it, and why.
    out : Path
        The reports folder, beside which the ledger lies.
    key : Path, optional
        A private key of SSH that signs the record, here and in every other step.

    Raises
    ------
    InputError
        Where no model can be called so, the report trained none, or the key cannot be used; then nothing is registered.
    """
    if not name.strip() or set(name) & set("/:@"):
        raise InputError(f"A model cannot be called {name!r}. Give it a name without '/', ':' and '@'.")
    results = read_results(report)
    if not results.mlflow.model_uri:
        raise InputError(f"The report {str(report)!r} trained no model that is tracked. Give an experiment's.")
    with _registry(out, key) as (client, ledger):
        import mlflow

        ledger.trusted()
        tags = {"toolkit.data_fingerprint": results.data.fingerprint, "toolkit.commit": results.commit or "none"}
        with redirect_stderr(io.StringIO()):  # on which MLflow says what we do
            made = mlflow.register_model(results.mlflow.model_uri, name, tags=tags)
        version = _version(client, f"{name}/{made.version}")
        try:
            return _record(client, ledger, version, "register", by, reason, {CHALLENGER: version.number})
        except (InputError, OSError):
            client.delete_model_version(name, version.number)
            if not client.search_model_versions(f"name = {name!r}"):
                client.delete_registered_model(name)
            raise


def find_version(address: str, *, out: Path) -> Version:
    """Return a version; an address of none that is registered is refused by an InputError that says which there are."""
    with _registry(out) as (client, _):
        return _version(client, address)


def register_retrained(report: Path, results: Results, *, out: Path) -> Entry | None:
    """Register the model of a retraining as the challenger of the one it began from, where its verdict is pass."""
    meant = _ADDRESS.fullmatch(str(results.parameters.get("model", "")))
    if results.template != "retrain" or results.verdict.outcome != "pass" or not meant:
        return None
    reason = f"retrained from {results.parameters['model']} on {results.parameters['current']}"
    return register(report, meant[1], by=results.author, reason=reason, out=out)


def approve(address: str, *, by: str, reason: str, out: Path, key: Path | None = None, what: str = "approve") -> Entry:
    """Record that somebody approves a version, its model and its report as they are now.

    Parameters
    ----------
    address : str
        ``NAME/VERSION`` or ``NAME@ALIAS``.
    by, reason : str
    out, key : Path

    Raises
    ------
    InputError
        Where there is no such version, it has no report, or no reason is given.
    """
    if not reason.strip():
        raise InputError(f"Say why: `toolkit {what} {address} --by {by or 'WHO'} --reason TEXT`.")
    with _registry(out, key) as (client, ledger):
        if (version := _version(client, address)).report is None:
            raise InputError(f"{version} has no report in the store: there is nothing to {what}.")
        return _record(client, ledger, version, what, by, reason, {})


def reject(address: str, *, by: str, reason: str, out: Path, key: Path | None = None) -> Entry:
    """Record that somebody rejects a version, as ``approve`` does."""
    return approve(address, by=by, reason=reason, out=out, key=key, what="reject")


def promote(
    address: str, *, by: str, reason: str = "", override: bool = False, out: Path, key: Path | None = None
) -> Entry:
    """Make a version the champion; the one before becomes ``previous``.

    Parameters
    ----------
    address : str
        ``NAME/VERSION`` or ``NAME@ALIAS``.
    by, reason : str
    override : bool
        Promote although the verdict is not pass or nobody approved it; needs a reason, which is recorded.
    out, key : Path

    Raises
    ------
    InputError
        Where the verdict is not pass, nobody but its author approved this very model and report, or the last decision
        was to reject it, and nothing overrides that; or the model's files are not those that were registered.
    """
    with _registry(out, key) as (client, ledger):
        version = _version(client, address)
        ledger.check_model(version.name, version.number, version.facts[MODEL])
        before, objection = _aliases(client, version.name), _objection(version, ledger)
        if objection and not (override and reason.strip()):
            way = "An override needs a --reason." if override else "--override with a --reason does it nevertheless."
            raise InputError(f"{version} is not promoted. {objection}{'.' * (objection[-1] not in '.!?')} {way}")
        if before.get(CHAMPION) == version.number:
            raise InputError(f"{version} is the champion already.")
        after = {CHAMPION: version.number, PREVIOUS: before.get(CHAMPION, "")}
        after |= {CHALLENGER: ""} if before.get(CHALLENGER) == version.number else {}
        why = {"override": objection} if objection else {}
        return _record(client, ledger, version, "promote", by, reason, after, **why)


def rollback(name: str, *, by: str, reason: str, out: Path, key: Path | None = None) -> Entry:
    """Make the champion before this one the champion again, in one step.

    Raises
    ------
    InputError
        Where there is none, its files are not those that were registered, or the last decision was to reject it.
    """
    with _registry(out, key) as (client, ledger):
        if name in (known := _known()) and PREVIOUS not in known[name].aliases:
            said = "is kept: a rollback goes back one promotion. Promote a version"
            raise InputError(f"No earlier champion of {name!r} {said}.")
        version = _version(client, f"{name}@{PREVIOUS}")
        if rejected := ledger.judged(name, version.number, version.facts)[1]:
            way = f"`toolkit promote {name}/{version.number} --override` with a --reason does it nevertheless"
            raise InputError(f"{version} is not brought back: {rejected.rstrip('.')}. {way}.")
        return _record(client, ledger, version, "rollback", by, reason, {CHAMPION: version.number, PREVIOUS: ""})


def retire(address: str, *, by: str, reason: str, out: Path, key: Path | None = None) -> Entry:
    """Take every alias from a version, so that nothing loads it by one.

    Raises
    ------
    InputError
        Where it has none.
    """
    with _registry(out, key) as (client, ledger):
        version = _version(client, address)
        if not (own := [alias for alias, number in _aliases(client, version.name).items() if number == version.number]):
            raise InputError(f"{version} is out of use already: it has no alias.")
        return _record(client, ledger, version, "retire", by, reason, dict.fromkeys(own, ""))


def history(name: str, *, out: Path) -> tuple[list[Entry], list[str]]:
    """Return every record of a model, and what is wrong: with the ledger, or between it and the store.

    Raises
    ------
    InputError
        Where neither the ledger nor the store knows the model, or a line of the ledger is no record.
    """
    with _registry(out) as (client, ledger):
        faults, known = ledger.faults(signatures=True), _known()
        entries: list[Entry] = []
        with suppress(InputError):  # which is among the faults
            entries = [one for one in ledger.entries() if one.model == name]
        if not entries:
            one_of("model", name, known)
        now = _aliases(client, name) if name in known else {}
    for alias, decided in aliases_after(entries).items():
        if now.get(alias, "") != decided:
            found, due = (f"version {one}" if one else "no version" for one in (now.get(alias), decided))
            faults.append(f"The alias {alias!r} is at {found}, and by the ledger at {due}.")
    return entries, faults


def aliases_after(entries: Iterable[Entry]) -> Moves:
    """Return at which version each alias is by the records of a model; an empty text where at none."""
    facts = {name: number for entry in entries for name, number in entry.facts.items()}
    return {alias: facts.get(f"{alias}.after", "") for alias in ALIASES}


@contextmanager
def _registry(out: Path, key: Path | None = None) -> Iterator[tuple[MlflowClient, Ledger]]:
    """Yield the store and the ledger, which one process writes at a time; what one left half done is finished first.

    A record is written before the aliases move and the store's mark of the last record after them, so a mark that is
    behind the ledger means a record whose aliases may not have moved.
    """
    ledger, uri = Ledger(out, key), tracking_uri(out)
    if uri == beside(out) and missing_file(uri) and not ledger.entries():
        raise InputError(f"No model is registered beside {str(out)!r}. Begin with `toolkit register`.")
    with ledger.lock, connect(uri) as client:
        ledger.heads = {name: model.tags.get(MARK, "") for name, model in _known().items()}
        for entry in {entry.model: entry for entry in ([] if ledger.faults() else ledger.entries())}.values():
            if entry.model in ledger.heads and ledger.heads[entry.model] == entry.facts.get(HEAD):
                _settle(client, entry.model, entry)
        yield client, ledger


def _settle(client: MlflowClient, name: str, entry: Entry) -> None:
    """Move the aliases as a record says, then mark it as the last one that was carried out."""
    moves = {one.removesuffix(".after"): number for one, number in entry.facts.items() if one.endswith(".after")}
    for alias, number in moves.items():
        if number:
            client.set_registered_model_alias(name, alias, number)
        else:
            client.delete_registered_model_alias(name, alias)
    client.set_registered_model_tag(name, MARK, entry.hash)


def _record(
    client: MlflowClient, ledger: Ledger, version: Version, what: str, by: str, reason: str, after: Moves, **facts: str
) -> Entry:
    """Write a record of a version and of the aliases that move, from which version to which, then carry it out."""
    if not by.strip():
        raise InputError("Say who decides: --by WHO.")
    if what not in ("reject", "retire"):
        ledger.check_model(version.name, version.number, version.facts[MODEL])
    before = _aliases(client, version.name)
    facts |= {f"{one}.before": before.get(one, "") for one in after} | {f"{one}.after": to for one, to in after.items()}
    head = client.get_registered_model(version.name).tags.get(MARK, "")
    entry = ledger.add(by, what, version.name, version.number, reason, **version.facts, **facts, **{HEAD: head})
    _settle(client, version.name, entry)
    return entry


def _known() -> dict[str, RegisteredModel]:
    """Return every registered model of the store by its name."""
    import mlflow

    return {one.name: one for one in mlflow.search_registered_models()}


def _aliases(client: MlflowClient, name: str) -> Moves:
    return {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}


def _version(client: MlflowClient, address: str) -> Version:
    """Find a version by ``NAME/VERSION`` or ``NAME@ALIAS``, with the hashes of its model and its report."""
    import mlflow

    if not (meant := _ADDRESS.fullmatch(address)):
        raise InputError(f"{address!r} names no version of a model. Write NAME/VERSION or NAME@ALIAS, such as churn/3.")
    number, name = meant[2], one_of("model", meant[1], known := _known())
    aliases = known[name].aliases
    if number is None and meant[3] not in aliases:
        raise InputError(f"{name!r} has no version called {meant[3]!r}. It has: {listed(aliases) or 'none'}.")
    number = number or str(aliases[meant[3]])
    has = {int(one.version): str(one.run_id) for one in client.search_model_versions(f"name = {name!r}")}
    if int(number) not in has:
        raise InputError(f"{name!r} has no version {number}. It has: {listed(sorted(has)) or 'none'}.")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{number}", dst_path=f"{folder}/model"))
        files = folder_hash(model) if (model / "MLmodel").is_file() else ""
        facts, results, run = {MODEL: files}, None, has[int(number)]
        if any(one.path == "report/results.json" for one in client.list_artifacts(run, "report")):
            report = Path(client.download_artifacts(run, "report", folder))
            results = read_results(report)
            facts |= {REPORT: folder_hash(report), "verdict": results.verdict.outcome or "none"}
    return Version(name, number, results, facts)


def _objection(version: Version, ledger: Ledger) -> str:
    """Say why a version must not be promoted; empty where nothing speaks against it."""
    if version.report is None:
        return "It has no report in the store."
    verdict = version.report.verdict
    if verdict.outcome != "pass":
        return f"The verdict of its report is {verdict.outcome}." if verdict.outcome else "No policy judged it."
    sure, rejected = ledger.judged(version.name, version.number, version.facts)
    if rejected:
        return rejected
    if verdict.approval and not sure:
        signed = " by a valid signature" if ledger.demanding else ""
        return f"Nobody approved this model with this report{signed}, and its policy wants that (toolkit approve)."
    if verdict.approval == "independent" and {one.who for one in sure} == {version.report.author}:
        return f"Only {version.report.author}, its author, approved it, and its policy wants somebody else."
    return ""
