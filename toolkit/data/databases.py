"""Read a table, or a query that only reads, from any SQLAlchemy address; no credentials are shown."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import pandas as pd

from toolkit.data.findings import refusal
from toolkit.data.recognition import WORDS
from toolkit.errors import InputError, listed, nearest

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection
    from sqlglot.tokenizer_core import Token

_SQL = WORDS["databases"]
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SPLIT = re.compile(r"((?:\[[^\]]*\]|[^\[])*?)::(.*)", re.DOTALL)
_QUERY = re.compile(r"(?:select|with)\b|\(|--|/\*", re.IGNORECASE)
_WRITES, _FUNCTIONS = (re.compile(_SQL[kind], re.IGNORECASE) for kind in ("writes", "functions"))


def is_database(text: str) -> bool:
    """Tell whether a source is a database address: ``driver://…`` or ``${NAME}…::…``, and not a file on the web."""
    scheme = re.match(r"([A-Za-z][\w+.-]*)://", text)
    return scheme.group(1).lower() not in _SQL["files"] if scheme else text.startswith("${") and "::" in text


def with_variables(text: str, quoted: bool = False) -> str:
    """Replace each ``${NAME}`` by that environment variable, if asked quoted as a part of an address.

    Raises
    ------
    InputError
        Where a variable is not set.
    """
    for name in _VARIABLE.findall(text):
        if name not in os.environ:
            raise InputError(f"The environment variable {name} is not set, and the address needs it.")
    return _VARIABLE.sub(lambda found: quote(os.environ[found[1]], safe="") if quoted else os.environ[found[1]], text)


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
    if (parts := _SPLIT.fullmatch(text)) is None or not (what := parts.group(2).strip()):
        raise refusal("no query")
    url, shown, hidden = _address(parts.group(1))
    query = plain_query(what, url.get_backend_name()) if _QUERY.match(what) else ""
    frame, problem = _read(url, query, what)
    if frame is None:
        raise InputError(f"{shown} could not be read: {_without(problem, hidden)}")
    return frame, "query" if query else what.rpartition(".")[2], f"{shown}::{what}"


def _address(text: str) -> tuple[URL, str, dict[str, str]]:
    """Return the address, how to show it, and each text that must not be shown with what to show instead."""
    from sqlalchemy import exc, make_url

    # In the user and password variables are taken as they are, and quoted.
    login, at, rest = text.rpartition("@")
    quoted, plain = with_variables(login, quoted=True), with_variables(rest)
    url = None
    with contextlib.suppress(exc.ArgumentError, ValueError):
        url = make_url(quoted + at + plain)
    if url is None or "@" in (url.host or ""):
        raise refusal("no address")
    options = [value for values in url.query.values() for value in ([values] if isinstance(values, str) else values)]
    variables = {os.environ[name]: f"${{{name}}}" for name in _VARIABLE.findall(text)}
    host = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    after = {value: name for value, name in variables.items() if name in rest}
    shown = _without(f"{url.drivername}://{host}/{url.database or ''}", after)
    whole = {str(url): shown, url.render_as_string(hide_password=False): shown}
    secrets = [str(url.password or ""), str(url.username or ""), *options]
    return url, shown, dict.fromkeys(secrets, "***") | variables | whole


def _read(url: URL, query: str, name: str) -> tuple[pd.DataFrame | None, str]:
    """Read the query or else the table, or return why not: raising here would chain an error that has the address."""
    from sqlalchemy import NullPool, create_engine, exc

    backend = url.get_backend_name()
    options = {"connect_args": _SQL["connect"].get(backend, {}), "hide_parameters": True, "poolclass": NullPool}
    try:
        engine = create_engine(_opened_for_reading(url) if backend == "sqlite" else url, **options)
        with engine.connect().execution_options(**_SQL["options"].get(backend, {})) as connection:
            if backend in _SQL["read_only"]:
                connection.exec_driver_sql(_SQL["read_only"][backend])
            query, yes_no = (query, []) if query else _whole(connection, name)
            # Without parameters, drivers take % and : as they are.
            rows = connection.execution_options(no_parameters=True).exec_driver_sql(query)
            frame = pd.DataFrame(rows.fetchall(), columns=list(rows.keys()), dtype=object).apply(_inferred)
            # SQLite keeps yes and no as 1 and 0, and in the same column whatever else it is given.
            said = [column for column in yes_no if frame[column].dropna().isin([0, 1]).all()]
            return frame.astype(dict.fromkeys(said, "boolean")), ""
    except ImportError as error:
        return None, f"it needs the Python package {error.name!r}, which is not installed."
    except (exc.SQLAlchemyError, FileNotFoundError) as error:
        return None, f"{str(getattr(error, 'orig', None) or error).strip().splitlines()[0]}."


def _whole(connection: Connection, name: str) -> tuple[str, list[str]]:
    """Return the query of a whole table and its columns of yes and no."""
    from sqlalchemy import Boolean, inspect
    from sqlalchemy.exc import NoSuchTableError

    schema, _, table = name.rpartition(".")
    inspector, where, dialect = inspect(connection), schema or None, connection.dialect
    tables = sorted({*inspector.get_table_names(where), *inspector.get_view_names(where)})
    if table not in tables:
        raise NoSuchTableError(f"it has no table {table!r}.{nearest(table, tables)} Tables: {listed(tables) or 'none'}")
    quoted = ".".join(map(dialect.identifier_preparer.quote, filter(None, (schema, table))))
    columns = inspector.get_columns(table, where) if dialect.name == "sqlite" else []
    return f"SELECT * FROM {quoted}", [one["name"] for one in columns if isinstance(one["type"], Boolean)]  # noqa: S608


def _inferred(column: pd.Series) -> pd.Series:
    """Give a column its type; whole numbers beside gaps stay as they are, since a float does not hold large ones."""
    whole = pd.api.types.infer_dtype(column, skipna=True) == "integer"
    return column if whole and column.isna().any() else column.infer_objects()


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
        # A short one, such as a user's name, may also be a part of other words.
        edge = r"\b" if secret.isalnum() and len(secret) < 9 else ""
        text = re.sub(f"{edge}{re.escape(secret)}{edge}", hidden[secret].replace("\\", r"\\"), text)
    return text


def plain_query(query: str, database: str) -> str:
    """Return a query as the database may be given it: one statement that only reads, without comments.

    Parameters
    ----------
    query : str
        In the database's own SQL.
    database : str
        SQLAlchemy's name of the kind of database, such as ``postgresql``.

    Returns
    -------
    str
        What its parts were found to be, and nothing between them: where the server would see a comment otherwise than
        the check did, there is none to see.

    Raises
    ------
    InputError
        Where it is not a SELECT, UNION or WITH … SELECT, may change something, or cannot be understood.

    Notes
    -----
    This cannot know what the functions in a query do: those that write are stopped by the read-only transaction.

    Examples
    --------
    >>> plain_query("SELECT a FROM t; -- all of it", "sqlite")
    'SELECT a FROM t'
    >>> plain_query("WITH x AS (SELECT 1) DELETE FROM t", "sqlite")
    Traceback (most recent call last):
    toolkit.errors.InputError: A query may only read, and this one has DELETE. If that is a name, put it in quotes.
    """
    from sqlglot import Dialect, ParseError, errors, exp, parse, tokenize

    # What it would warn of is refused below.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    if Dialect.get(dialect := _SQL["dialects"].get(database, database)) is None:
        raise InputError(f"Whether a query only reads cannot be told for {database}: give a table or a view instead.")
    for pattern, found in _SQL["ambiguous"].items():
        if re.search(pattern, query):
            raise InputError(f"A query must read the same everywhere, and this one has {found}.")
    try:
        text = _without_comments(query, tokenize(query, read=dialect))
        statements = parse(text, read=dialect)
    except (errors.SqlglotError, RecursionError) as error:
        problem = str(error.errors[0]["description"] if isinstance(error, ParseError) else error)
        raise InputError(f"The query is not understood as one SELECT: {problem.partition(' but got')[0]}.") from None
    kinds = [type(statement).__name__.upper() for statement in statements if statement]
    if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation | exp.Subquery):
        raise InputError(f"A query must be one SELECT or WITH … SELECT, and this is {', then '.join(kinds) or 'none'}.")
    if writing := statements[0].find(exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command, exp.NextValueFor):
        raise InputError(f"A query may only read, and this one has {writing.key.upper()}. Leave it out.")
    return text


def _without_comments(query: str, tokens: list[Token]) -> str:
    """Join the tokens as they were written; what lies between two of them is white space, or a comment to leave out."""
    while tokens and query[tokens[-1].start] == ";":
        tokens = tokens[:-1]
    text, end = "", 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        raw, between = query[token.start : token.end + 1], query[end : token.start]
        # Unlike a word, what is quoted ends in a quote, a bracket or a dollar sign.
        if raw[-1].isalpha() and any(map(_WRITES.fullmatch, raw.split())):
            raise InputError(f"A query may only read, and this one has {raw}. If that is a name, put it in quotes.")
        if following and following.text == "(" and _FUNCTIONS.fullmatch(token.text):
            raise InputError(f"A query may only read, and what {token.text}() does would stay done. Leave it out.")
        # Two tokens side by side may look like the beginning of a comment to the server.
        if between.strip() or (not between and text[-1:] + raw[:1] in ("--", "/*")):
            between = "\n" if "\n" in between else " "
        text, end = text + between + raw, token.end + 1
    return text.strip()
