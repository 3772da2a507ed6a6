"""Read a table or a query from any SQLAlchemy address, and keep its credentials out of everything that is shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd

from toolkit.errors import InputError, listed, nearest

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

_FILES = ("http", "https", "ftp", "file", "s3", "gs", "gcs", "az", "abfs", "hdfs")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SPLIT = re.compile(r"((?:\[[^\]]*\]|[^\[])*?)::(.*)", re.DOTALL)


def is_database(text: str) -> bool:
    """Tell whether a source is a database address: ``driver://…`` or ``${NAME}…``, and not a file on the web."""
    scheme = re.match(r"([A-Za-z][\w+.-]*)://", text)
    return scheme.group(1).lower() not in _FILES if scheme else text.startswith("${")


def read_database(text: str) -> tuple[pd.DataFrame, str, str]:
    """Read ``ADDRESS::table`` or ``ADDRESS::SELECT …``.

    Parameters
    ----------
    text : str
        ``${NAME}`` in the address is replaced by that environment variable.

    Returns
    -------
    frame : DataFrame
    name : str
        The table's name, or ``query``.
    shown : str
        The source without user, password and options.

    Raises
    ------
    InputError
        Where the address is incomplete, the database does not answer, or it has no such table. No message and no
        chained exception carries credentials.
    """
    parts = _SPLIT.fullmatch(text)
    if parts is None or not parts.group(2).strip():
        raise InputError(
            "A database address must be followed by ::table or ::SELECT …, as in sqlite:///file.db::sales."
        )
    what = parts.group(2).strip()
    url, shown, hidden = _address(parts.group(1))
    query = re.match(r"(?:select|with)\b", what, re.IGNORECASE) is not None
    frame, problem = _read(url, what, query)
    if frame is None:
        raise InputError(f"{shown} could not be read: {_without(problem, hidden)}")
    return frame, "query" if query else what.rpartition(".")[2], f"{shown}::{what}"


def _address(text: str) -> tuple[URL, str, dict[str, str]]:
    """Return the address, how to show it, and each text that must not be shown with what to show instead."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    names = _VARIABLE.findall(text)
    absent = [name for name in names if name not in os.environ]
    if absent:
        raise InputError(f"The environment variable {absent[0]} is not set, and the database address needs it.")
    url = None
    try:
        url = make_url(_expanded(text))
    except (ArgumentError, ValueError):
        url = None
    if url is None:
        raise InputError("The database address cannot be read. Write driver://user:password@host:port/database::table.")
    options = [value for values in url.query.values() for value in ([values] if isinstance(values, str) else values)]
    variables = {os.environ[name]: f"${{{name}}}" for name in names}
    host = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    shown = _without(f"{url.drivername}://{host}/{url.database or ''}", variables)
    whole = {str(url): shown, url.render_as_string(hide_password=False): shown}
    secrets = [str(url.password or ""), str(url.username or ""), *options]
    return url, shown, dict.fromkeys(secrets, "***") | variables | whole


def _expanded(text: str) -> str:
    """Fill in the environment variables; in the user and password they are taken as they are, and quoted."""
    if _VARIABLE.fullmatch(text):
        return os.environ[text[2:-1]]
    login, at, rest = text.rpartition("@")
    quoted = _VARIABLE.sub(lambda match: quote(os.environ[match.group(1)], safe=""), login)
    return quoted + at + _VARIABLE.sub(lambda match: os.environ[match.group(1)], rest)


def _read(url: URL, what: str, query: bool) -> tuple[pd.DataFrame | None, str]:
    """Read the table, or return why not: raising here would chain an exception that holds the address."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    missing = _missing_file(url)
    if missing:
        return None, missing
    engine = None
    try:
        engine = create_engine(url, hide_parameters=True)
        with engine.connect() as connection:
            if query:
                return pd.read_sql_query(text(what), connection), ""
            schema, _, table = what.rpartition(".")
            absent = _absent_table(engine, table, schema or None)
            return (None, absent) if absent else (pd.read_sql_table(table, connection, schema=schema or None), "")
    except ImportError as error:
        return None, f"it needs the Python package {error.name!r}, which is not installed."
    except (SQLAlchemyError, pd.errors.DatabaseError) as error:
        first = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return None, f"{first}."
    finally:
        if engine is not None:
            engine.dispose()


def _absent_table(engine: Engine, table: str, schema: str | None) -> str:
    from sqlalchemy import inspect

    inspector = inspect(engine)
    tables = sorted([*inspector.get_table_names(schema), *inspector.get_view_names(schema)])
    if table in tables:
        return ""
    return f"it has no table {table!r}.{nearest(table, tables)} Tables: {listed(tables) or 'none'}."


def _missing_file(url: URL) -> str:
    """Say so where an SQLite file is not there: connecting would create it."""
    path = url.database or ""
    if not url.drivername.startswith("sqlite") or path in ("", ":memory:") or path.startswith("file:"):
        return ""
    return "" if Path(path).is_file() else f"there is no file {path!r}."


def _without(text: str, hidden: dict[str, str]) -> str:
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, hidden[secret])
    return text
