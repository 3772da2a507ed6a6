"""Where tracked runs are kept, whether that place answers (found out without importing mlflow), and a client of it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import logging
import os
import re
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from toolkit.core import masked, read_yaml, shorten, unique
from toolkit.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Settings of MLflow: those that the user may set otherwise, and those that are always so.
PATIENCE, _SILENT = read_yaml(Path(__file__).with_name("mlflow.yaml")).values()
#: Where in the folder of a run the tables of a store that is not there yet are made.
PREPARED = "prepared.db"
_TRIES, _STEPS = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "store/db_migrations/versions/*.py"
_Done = TypeVar("_Done")


def tracking_uri(out: Path) -> str:
    """Return where runs are kept: ``MLFLOW_TRACKING_URI``, else the file beside the reports folder ``out``."""
    return os.environ.get("MLFLOW_TRACKING_URI") or beside(out)


def beside(out: Path) -> str:
    """Return the SQLite file beside the reports folder, which takes the runs that no server takes."""
    if re.search(r"\?|%[0-9a-fA-F]{2}|'.*\"|\".*'|[\ud800-\udfff]", file := str(out.resolve().parent / "mlflow.db")):
        never = "a path there holds no ?, no %20, not both ' and \", and no letter outside UTF-8"
        raise InputError(f"Runs cannot be kept in {file!r}: {never}. Choose another folder.")
    return f"sqlite:///{file}"


def check_reachable(uri: str) -> None:
    """Find out, without importing mlflow or writing anything, whether runs can be kept.

    Raises
    ------
    InputError
        Where the server does not answer or the database cannot be opened.
    """
    if (scheme := uri.partition(":")[0]) in ("http", "https"):
        try:
            urllib.request.urlopen(re.sub("(?<=://)[^/]*@", "", uri).rstrip("/") + "/health", timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # something answers; what it thinks of the address is for mlflow to say
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise unusable(uri, str(getattr(error, "reason", error))) from None
    elif scheme.partition("+")[0] in ("sqlite", "postgresql", "mysql", "mssql"):
        _check_database(uri)


def _check_database(uri: str) -> None:
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(uri)
        if file := missing_file(uri):
            folder = file.resolve().parent
            if not os.environ.get("MLFLOW_TRACKING_URI"):  # beside the reports, missing folders are made
                folder = next(place for place in (folder, *folder.parents) if place.exists())
            if not os.access(folder, os.W_OK):
                raise unusable(uri, "its folder is missing or cannot be written to")
            return
        own = Path(url.database or "").absolute()
        if uri.startswith("sqlite") and own.is_file() and not all(os.access(one, os.W_OK) for one in (own, own.parent)):
            raise unusable(uri, "its file, or the folder that it is in, cannot be written to")
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            look = "PRAGMA schema_version" if url.get_backend_name() == "sqlite" else "SELECT 1"
            connection.execute(sqlalchemy.text(look))
            if sqlalchemy.inspect(connection).has_table("alembic_version"):
                _check_tables(uri, connection.scalar(sqlalchemy.text("SELECT version_num FROM alembic_version")))
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise unusable(uri, str(getattr(error, "orig", None) or error).splitlines()[0]) from None


def _check_tables(uri: str, version: str | None) -> None:
    """Refuse tables of an older or newer MLflow, which knows their versions by its steps from one to the next."""
    spec = find_spec("mlflow")
    steps = "\n".join(one.read_text("utf-8") for one in Path(str(spec and spec.origin)).parent.glob(_STEPS))
    if version and re.search(rf"^down_revision\b.*{re.escape(version)}", steps, re.MULTILINE):
        raise unusable(uri, "its tables are of an older MLflow: back it up, then run `mlflow db upgrade` on it")
    if version and steps and not re.search(rf"^revision\b.*{re.escape(version)}", steps, re.MULTILINE):
        raise unusable(uri, "its tables are of a newer MLflow: install that")


def missing_file(uri: str) -> Path | None:
    """Return the file of a SQLite store that is not there yet."""
    import sqlalchemy

    file = sqlalchemy.make_url(uri).database if uri.startswith("sqlite") else None
    return Path(file) if file and file != ":memory:" and not Path(file).exists() else None


def prepare(uri: str, folder: Path) -> None:
    """Make in a folder, all or none, the tables that ``connect`` takes for a SQLite file that is missing.

    That is hundreds of small writes, for which there is time while the notebook runs.

    Raises
    ------
    InputError
        Where they cannot be made, as on a full disk.
    """
    if missing_file(uri):
        from mlflow.store.db import utils
        from sqlalchemy.exc import SQLAlchemyError

        level = utils._logger.level
        utils._logger.setLevel(logging.ERROR)  # it would say that it makes them
        try:
            engine = utils.create_sqlalchemy_engine(f"sqlite:///{folder / PREPARED}.part")
            utils._initialize_tables(engine)
            engine.dispose()
            (folder / f"{PREPARED}.part").rename(folder / PREPARED)
        except (OSError, SQLAlchemyError) as error:
            raise unusable(uri, str(getattr(error, "orig", error))) from None
        finally:
            utils._logger.setLevel(level)


def unusable(uri: str, reason: str) -> InputError:
    """Say that a store cannot be used, without its user and password, and what to do."""
    said = f"The tracking server at {masked(uri)} cannot be used: {shorten(masked(reason), 240).rstrip('.')}."
    login = "Give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" if "code 401" in reason else ""
    return InputError(f"{said} {login or 'Start or restore it'}, or correct MLFLOW_TRACKING_URI.")


@contextlib.contextmanager
def connect(uri: str) -> Iterator[MlflowClient]:
    """Yield a client of a tracking store; the caller's own MLflow settings are put back afterwards.

    A local SQLite file is used by one process at a time: two that create its tables together would break it.

    Raises
    ------
    InputError
        Where MLflow cannot use the store.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from filelock import FileLock
    from sqlalchemy.exc import SQLAlchemyError

    # In a notebook, what mlflow loads says in red that its bars need widgets; none of them is shown.
    with warnings.catch_warnings(action="ignore"):
        import mlflow

    own = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", *_SILENT, *PATIENCE)}
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    level = (logger := logging.getLogger("mlflow")).level
    lock = FileLock(f"{tempfile.gettempdir()}/toolkit-{hashlib.sha256(uri.encode()).hexdigest()[:16]}.lock", mode=0o666)
    # What mlflow's own dependencies will change one day is nothing a reader of a report can act on.
    with lock if uri.startswith("sqlite") else contextlib.nullcontext(), warnings.catch_warnings(action="ignore"):
        logger.setLevel(logging.CRITICAL)  # it would print where in MLflow a store failed
        os.environ.update(PATIENCE | {name: value for name, value in own.items() if value is not None} | _SILENT)
        mlflow.set_tracking_uri(uri)
        if (folder := os.environ.get("TOOLKIT_RUN_FOLDER")) and (file := missing_file(uri)):
            with contextlib.suppress(OSError):  # then they are made here
                Path(folder, PREPARED).rename(file)
        try:
            if file := missing_file(uri):  # MLflow would leave a half of it on a full disk, which nobody can use
                with tempfile.TemporaryDirectory(dir=file.parent, prefix=".mlflow-") as place:
                    prepare(uri, Path(place))
                    Path(place, PREPARED).rename(file)
            client = mlflow.MlflowClient(uri)
            if (found := client.get_experiment_by_name("Default")) and not found.experiment_id:
                raise mlflow.exceptions.MlflowException("it answers, but not as MLflow does")
            yield client
        except (mlflow.exceptions.MlflowException, SQLAlchemyError, OSError) as error:
            if isinstance(error, OSError) and not hasattr(error, "request"):
                raise  # not of requests, with which MLflow sends files
            # What the database itself said, where one did.
            line = str(getattr(error, "orig", getattr(error.__cause__, "orig", error))).partition("\n")[0]
            met = re.search(r"Caused by (.*?)\)*$", line)
            asked = f"asked {int(os.environ[_TRIES]) + 1} times ({_TRIES} sets that)"
            raise unusable(uri, f"{asked}, {met[1]})" if met else line) from error
        finally:
            mlflow.set_tracking_uri(before)
            for name in own:
                os.environ.pop(name, None)  # set_tracking_uri writes the address
            os.environ.update({name: value for name, value in own.items() if value is not None})
            logger.setLevel(level)


def in_a_store(uris: Sequence[str], work: Callable[[MlflowClient], _Done]) -> tuple[_Done | None, str]:
    """Do something in the first of some stores that does not fail; return also how stores failed."""
    failures: list[str] = []
    for uri in dict.fromkeys(uris):
        try:
            check_reachable(uri)
            with connect(uri) as client:
                return work(client), " ".join(failures)
        except Exception as one:  # noqa: BLE001  # hours of work wait for it: whatever went wrong is said
            failures.append(str(one if isinstance(one, InputError) else unusable(uri, f"{type(one).__name__}: {one}")))
    return None, " ".join(failures)


def experiment_of(client: MlflowClient, name: str, out: Path) -> str:
    """Return the experiment's id; a new one beside the reports keeps its files there too."""
    if not (found := client.get_experiment_by_name(name)):
        folder = (out.resolve().parent / "mlruns" / hashlib.sha256(name.encode()).hexdigest()[:12]).as_uri()
        try:
            return str(client.create_experiment(name, folder if client.tracking_uri == beside(out) else None))
        except Exception:  # another run may have made it meanwhile
            if not (found := client.get_experiment_by_name(name)):
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Map each name to one that MLflow accepts, all of them different.

    Examples
    --------
    >>> safe_names(["a/b", "a?b", "é"])
    {'a/b': 'a_b', 'a?b': 'a_b-2', 'é': 'é'}
    """
    ours = list(names)
    plain = (re.sub(r"\.{2,}", ".", re.sub(r"[^\w.\- :]", "_", name)).strip(". ")[:240] or "unnamed" for name in ours)
    return dict(zip(ours, unique(plain, "{}-{}"), strict=True))
