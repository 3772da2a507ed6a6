"""Where a report comes from: commit, environment, author, command; and its manifest, the hashes of its files."""

import contextlib
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from getpass import getuser
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from toolkit.core import beside, read_bytes, read_results
from toolkit.errors import InputError, refusing
from toolkit.registry.ledger import content_hash, record_hash

NAME, PAGE = "manifest.json", "report.html"
#: What is said of a part that is not as it was written.
MISSING, ALONE, _CHANGED, _ENDINGS = beside(__file__, "checks.yaml").values()
_OPEN, _CLOSE = b'<script type="application/json" id="manifest">', b"</script>"
_BEGIN = b'{\n  "manifest": '
_MADE_FROM = ("parameters", "data", "commit", "dirty", "environment", "mlflow")


def write_manifest(folder: Path, template: Path) -> Path:
    """Write ``manifest.json`` over a finished report, and into its page.

    It holds the hashes of the report's files and of the template, every package by version, and from ``results.json``
    the fingerprint of the data, the parameters, the commit and the ids of the tracked run, so that the report can be
    checked and made again. The page is hashed without the manifest in it; the manifest has a hash of its own.
    """
    results = read_results(folder).plain()
    made_by = {"name": results["template"], "sha256": content_hash(template.read_bytes())}
    made_from = {name: results[name] for name in _MADE_FROM}
    described = (one.read_text("METADATA") or one.read_text("PKG-INFO") for one in distributions())
    # An installation that broke off leaves an empty folder. To read what is below the headers takes most of the time.
    headers = [HeaderParser().parsestr(text.partition("\n\n")[0]) for text in described if text]
    packages = dict(sorted((one["Name"], one["Version"]) for one in headers if one["Name"]))
    return _write(folder, {"manifest": 1, "template": made_by, **made_from, "packages": packages})


def update_manifest(folder: Path) -> Path:
    """Write the hashes of a report's files into its manifest again, after they were changed."""
    return _write(folder, {**read_manifest(folder), "mlflow": read_results(folder).plain()["mlflow"]})


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest that lies in a report's folder.

    Raises
    ------
    InputError
        Where there is none, or it was changed.
    """
    path = folder / NAME
    if not (manifest := _sound(_lf(path.read_bytes())) if path.is_file() else None):
        raise InputError(f"{str(path)!r} is not there, or was changed. Give the folder of a finished report.")
    return manifest


def _write(folder: Path, manifest: Mapping[str, Any]) -> Path:
    path, page = folder / NAME, folder / PAGE
    files = {one.name: one.read_bytes() for one in sorted(folder.iterdir()) if one.is_file() and one != path}
    body, _ = _parted(files[PAGE])
    if _OPEN not in body:
        before, end, after = body.rpartition(b"</body>")
        body = before + _OPEN + _CLOSE + b"\n" + end + after
    files[PAGE] = body
    hashes = {name: content_hash(content) for name, content in files.items()}
    manifest = {name: value for name, value in manifest.items() if name not in ("files", "sha256")} | {"files": hashes}
    text = _text({**manifest, "sha256": record_hash(manifest)})
    page.write_bytes(body.replace(_OPEN, _OPEN + text, 1))
    path.write_bytes(text)
    return path


class Check(NamedTuple):
    """Whether one part of a report is as its manifest says, and if not, why."""

    part: str
    state: Literal["matches", "differs", "not checked"]
    why: str = ""


def verify(source: str | Path) -> list[Check]:
    """Check a report against its manifest, part by part: whether it is, to the byte, what was written.

    Parameters
    ----------
    source : path
        The report's folder, or its page alone, whatever they are called now.

    Returns
    -------
    list of Check
        The manifests first.

    Raises
    ------
    InputError
        Where there is no report, or it has no manifest.
    """
    path = Path(source)
    with refusing(f"There is no report at {str(path)!r}"):
        found = [one for one in sorted(path.iterdir()) if one.is_file()] if path.is_dir() else [path]
        files = {one.name if path.is_dir() else PAGE: read_bytes(one) for one in found}
    files[PAGE], embedded = _parted(files.get(PAGE, b""))
    texts = {f"manifest in {PAGE}": embedded} | ({NAME: files.pop(NAME, b"")} if path.is_dir() else {})
    if not any(texts.values()) and _BEGIN not in files[PAGE]:
        raise InputError(f"{str(path)!r} is no finished report: it holds no manifest. Give its folder or its page.")
    return [*_checks(texts, files, path.is_dir())]


def check_whole(report: Path) -> None:
    """Refuse a report that was finished and is no longer as it was written; other line endings are no matter.

    Raises
    ------
    InputError
        Where a part was changed or is missing: nothing is decided by such a report.
    """
    for one in verify(report) if any((report / name).exists() for name in (NAME, PAGE)) else ():
        if one.state == "differs" and one.why != _ENDINGS:
            raise InputError(f"The report {str(report)!r} is not as it was written. {one.part}: {one.why}.")


def _checks(texts: Mapping[str, bytes], files: Mapping[str, bytes], whole: bool) -> Iterator[Check]:
    sound = {part: _sound(_lf(text)) for part, text in texts.items()}
    manifest = next((one for one in sound.values() if one), None)
    for part, text in texts.items():
        if sound[part] is None or sound[part] != manifest:
            why = _CHANGED if text else MISSING
            yield Check(part, "differs", "it is not the one in the page" if sound[part] else why)
        else:
            yield Check(part, "matches") if text == _lf(text) else Check(part, "differs", _ENDINGS)
    due: Mapping[str, str] = manifest["files"] if manifest else {}
    for name in sorted(due.keys() | files.keys()):
        content = files.get(name, b"")
        if name not in due:
            yield Check(name, "not checked", "the manifest does not name it" if manifest else "no manifest to check it")
        elif content_hash(content) == due[name]:
            yield Check(name, "matches")
        elif content_hash(_lf(content)) == due[name]:
            yield Check(name, "differs", _ENDINGS)
        elif content:
            yield Check(name, "differs", _CHANGED)
        else:
            yield Check(name, "differs", MISSING) if whole else Check(name, "not checked", ALONE)
    yield Check("data, template, packages", "not checked", "`toolkit reproduce` compares them with what is here")


def _sound(text: bytes) -> dict[str, Any] | None:
    """Read a manifest; None where a byte of it is not as it was written."""
    with contextlib.suppress(ValueError):
        if isinstance(manifest := json.loads(text), dict) and text == _text(manifest):
            plain = {name: value for name, value in manifest.items() if name != "sha256"}
            return manifest if manifest.get("sha256") == record_hash(plain) else None
    return None


def _parted(page: bytes) -> tuple[bytes, bytes]:
    """Return a page without its manifest, and the manifest; empty where there is none."""
    before, mark, rest = page.rpartition(_OPEN)
    text, end, after = rest.partition(_CLOSE)
    return (before + mark + end + after, text) if mark else (page, b"")


def _text(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest as a page can hold it: no ``<`` of a value ends it."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False).replace("<", "\\u003c") + "\n").encode()


def _lf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


PACKAGES = beside(__file__, "packages.yaml")


def environment() -> dict[str, str]:
    """Return the versions that decide what a run computes."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return found | {name: installed(name) or "not installed" for name in PACKAGES}


def installed(package: str) -> str:
    """Return the version of a package; empty where it is not installed."""
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return ""


def commit(folder: Path) -> tuple[str | None, bool]:
    """Return the commit checked out around ``folder`` and whether files in it differ; ``(None, False)`` outside git."""
    head = _git(folder, "rev-parse", "HEAD")
    return (None, False) if head is None else (head, bool(_git(folder, "status", "--short", "--untracked-files=no")))


def _git(folder: Path, *arguments: str) -> str | None:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):  # there is no git, or no checkout
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
        return done.stdout.strip()
    return None


def author() -> str:
    """Return who runs this: ``TOOLKIT_AUTHOR``, else git's user name, else the account."""
    with contextlib.suppress(OSError, KeyError):
        return os.environ.get("TOOLKIT_AUTHOR") or _git(Path.cwd(), "config", "user.name") or getuser()
    return "unknown"


def command(template: str, parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Write the one line that runs a template again: only what differs from the template's defaults.

    Examples
    --------
    >>> command("experiment", {"data": "my table.csv", "seed": 0}, {"data": "wine", "seed": 0})
    "toolkit run experiment -p data 'my table.csv'"
    """
    parts = ["toolkit", "run", template]
    for name, value in parameters.items():
        if name not in defaults or value != defaults[name]:
            parts += ["-p", name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    return shlex.join(parts)
