"""Read a table or a query from any SQLAlchemy address: nothing is changed there, and no credentials are shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import pandas as pd

from toolkit.data.queries import plain_query
from toolkit.errors import InputError, listed, nearest

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

_FILES = ("http", "https", "ftp", "file", "s3", "gs", "gcs", "az", "abfs", "hdfs")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SPLIT = re.compile(r"((?:\[[^\]]*\]|[^\[])*?)::(.*)", re.DOTALL)
_QUERY = re.compile(r"(?:select|with)\b|\(|--|/\*", re.IGNORECASE)
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "START TRANSACTION READ ONLY",
    "mariadb": "START TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
_CONNECT = {"duckdb": {"read_only": True}}
# The isolation level is named because naming one ends the autocommit an address may ask for.
_OPTIONS = {"postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}}


def is_database(text: str) -> bool:
    """Tell whether a source is a database address: ``driver://…`` or ``${NAME}…``, and not a file on the web."""
    scheme = re.match(r"([A-Za-z][\w+.-]*)://", text)
    return scheme.group(1).lower() not in _FILES if scheme else text.startswith("${")


def read_database(text: str) -> tuple[pd.DataFrame, str, str]:
    """Read ``ADDRESS::table`` or ``ADDRESS::SELECT …``, and change nothing there.

    A query is one statement that only reads. SQLite and DuckDB are opened for reading only; PostgreSQL, MySQL, MariaDB
    and Oracle are read in a read-only transaction. In every database the transaction is rolled back.

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
        Where the address is incomplete, the database does not answer, it has no such table, or the query may change
        something. No message and no chained exception carries credentials.
    """
    parts = _SPLIT.fullmatch(text)
    if parts is None or not parts.group(2).strip():
        raise InputError(
            "A database address must be followed by ::table or ::SELECT …, as in sqlite:///file.db::sales."
        )
    what = parts.group(2).strip()
    url, shown, hidden = _address(parts.group(1))
    query = plain_query(what, url.get_backend_name()) if _QUERY.match(what) else ""
    frame, problem = _read(url, query, what)
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


def _read(url: URL, query: str, name: str) -> tuple[pd.DataFrame | None, str]:
    """Read the query or else the table, or return why not: raising here would chain an error that has the address."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    engine, backend = None, url.get_backend_name()
    try:
        address = _opened_for_reading(url) if backend == "sqlite" else url
        engine = create_engine(address, hide_parameters=True, connect_args=_CONNECT.get(backend, {}))
        with engine.connect().execution_options(**_OPTIONS.get(backend, {})) as connection:
            if backend in _READ_ONLY:
                connection.exec_driver_sql(_READ_ONLY[backend])
            if query:
                # Without parameters, drivers take % and : as they are.
                return pd.read_sql_query(query, connection.execution_options(no_parameters=True)), ""
            schema, _, table = name.rpartition(".")
            absent = _absent_table(connection, table, schema or None)
            return (None, absent) if absent else (pd.read_sql_table(table, connection, schema=schema or None), "")
    except ImportError as error:
        return None, f"it needs the Python package {error.name!r}, which is not installed."
    except (SQLAlchemyError, pd.errors.DatabaseError, FileNotFoundError) as error:
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) and error.__cause__ else error
        first = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        return None, f"{first}."
    finally:
        if engine is not None:
            engine.dispose()


def _absent_table(connection: Connection, table: str, schema: str | None) -> str:
    from sqlalchemy import inspect

    inspector = inspect(connection)
    tables = sorted([*inspector.get_table_names(schema), *inspector.get_view_names(schema)])
    if table in tables:
        return ""
    return f"it has no table {table!r}.{nearest(table, tables)} Tables: {listed(tables) or 'none'}."


def _opened_for_reading(url: URL) -> URL:
    """Return the address of an SQLite file that opens it for reading only, and never makes one."""
    name = url.database or ""
    path = Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {name!r}")
    options = dict(url.query) | {"uri": "true", "mode": "ro"}
    with path.open("rb") as file:
        write_ahead = file.read(20)[18:] == b"\2\2"
    # Such a file needs a second one beside it to be read, or the promise that nobody writes.
    if write_ahead and not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists():
        options["immutable"] = "1"
    return url.set(drivername="sqlite", database=path.as_uri(), query=options)


def _without(text: str, hidden: dict[str, str]) -> str:
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, hidden[secret])
    return text
