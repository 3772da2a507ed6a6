"""Where tracked runs are kept, and whether that place can be reached; found out without importing mlflow."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from toolkit.errors import InputError


def tracking_uri(out: Path) -> str:
    """Return where runs are kept: ``MLFLOW_TRACKING_URI``, else an SQLite file beside the reports folder ``out``."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{out.resolve().parent / 'mlflow.db'}"


def check_reachable(out: Path) -> None:
    """Find out, without importing mlflow or writing anything, whether runs can be kept.

    Raises
    ------
    InputError
        Where the server does not answer or the database cannot be opened.
    """
    uri = tracking_uri(out)
    scheme = uri.partition(":")[0]
    if scheme in ("http", "https"):
        try:
            urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # something answers; what it thinks of the address is for mlflow to say
        except (OSError, ValueError) as error:
            raise unreachable(uri, str(getattr(error, "reason", error))) from None
    elif scheme.partition("+")[0] in ("sqlite", "postgresql", "mysql", "mssql"):
        _check_database(uri)


def _check_database(uri: str) -> None:
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(uri)
        if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
            _check_folder(uri, Path(url.database).resolve().parent)
            return
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            look = "PRAGMA schema_version" if url.get_backend_name() == "sqlite" else "SELECT 1"
            connection.execute(sqlalchemy.text(look))
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise unreachable(uri, str(getattr(error, "orig", None) or error).splitlines()[0]) from None


def _check_folder(uri: str, folder: Path) -> None:
    """Refuse a folder that a new database cannot be made in; beside the reports, missing folders are made."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        folder = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(folder, os.W_OK):
        raise unreachable(uri, "its folder is missing or cannot be written to")


def unreachable(uri: str, reason: str) -> InputError:
    """Say that a store cannot be reached, without its user and password, and what to do."""
    return InputError(
        f"The tracking server at {without_password(uri)} cannot be reached: {without_password(reason)}. "
        "Start it, correct MLFLOW_TRACKING_URI, or unset that to keep runs in mlflow.db beside the reports."
    )


def without_password(uri: str) -> str:
    """Return an address with its user and password left out.

    Examples
    --------
    >>> without_password("postgresql://me:secret@db/runs")
    'postgresql://db/runs'
    """
    return re.sub(r"(?<=://)[^/\s@]*@", "", uri)
