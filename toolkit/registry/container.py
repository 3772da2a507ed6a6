"""A folder to build a container from that serves a model: the model, this code, its packages, and manifests."""

import contextlib
import platform
import re
import shutil
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from toolkit.core import beside, slug, templates_folder
from toolkit.errors import InputError, refusing
from toolkit.registry.model_store import KEPT, fetched

LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_PIN = re.compile(r"^(\S+==[^\s;]+)((?:.*\\\n)*.*)", re.MULTILINE)


def write_container(address: str, folder: Path, *, reports: Path) -> Path:
    """Write all that a container needs to serve a logged model, which is not loaded for that; return the folder.

    Parameters
    ----------
    address : str
        Of a model that an experiment logged, as for ``toolkit serve``.
    folder : Path
        A new one.
    reports : Path
        The reports folder, beside which the default database and the ledger lie.

    Raises
    ------
    InputError
        Where there is such a folder already or it cannot be written, or there is no such model, it was changed since it
        was put on record, or it has no schema by which rows are read.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    if folder.exists():
        raise InputError(f"{str(folder)!r} is there already. Give another folder with --out.")
    with fetched(address, reports) as (model, about, logged_as):
        given = [Requirement(line) for line in (model / "requirements.txt").read_text("utf-8").splitlines() if line]
    if not (model / KEPT / "schema.json").is_file():
        raise InputError(f"The model {address!r} keeps no schema to read rows by. Give one that an experiment logged.")
    named, lock = re.match(r"models:/([^/@]+)[/@]", address), templates_folder().parent / "requirements.lock"
    words = {
        "name": f"model-{slug(named[1] if named else logged_as)}".rstrip("-"),
        "version": (about.model_id or "1")[:12],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "pins": pinned([*given, *map(Requirement, beside(__file__, "container.yaml"))]),
        "hashes": {pin: re.findall(r"--hash=\S+", rest) for pin, rest in _PIN.findall(lock.read_text("utf-8"))},
    }
    loader = FileSystemLoader(templates_folder() / "container")
    made = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701  # no HTML
    with refusing(f"Cannot write {str(folder)!r}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".container-", dir=folder.parent) as scratch:
            place, package = Path(scratch) / "made", Path(__file__).parents[1]
            shutil.copytree(model, place / "model")
            shutil.copytree(package, place / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))
            for name in (one for one in made.list_templates() if not one.startswith("_")):
                (place / name.removesuffix(".j2")).write_text(made.get_template(name).render(words), "utf-8")
            place.rename(folder)
    return folder


def pinned(wanted: Iterable[Requirement]) -> list[str]:
    """Pin packages: at the version that is asked for, else at the one installed here; with all they need on Linux."""
    found: dict[str, str] = {}
    left, seen = list(wanted), set[tuple[str, ...]]()
    for one in left:  # which grows
        name, exact = canonicalize_name(one.name), re.fullmatch("==([^,*]+)", str(one.specifier))
        if exact:
            found.setdefault(name, exact[1])
        if (name, *one.extras) in seen:
            continue
        seen.add((name, *one.extras))
        with contextlib.suppress(metadata.PackageNotFoundError):
            package = metadata.distribution(name)
            found.setdefault(name, package.version)
            marks = [{**LINUX, "extra": extra} for extra in ("", *one.extras)]
            needs = map(Requirement, package.requires or ())
            left += [each for each in needs if not each.marker or any(map(each.marker.evaluate, marks))]
    return sorted(f"{name}=={version}" for name, version in found.items())
