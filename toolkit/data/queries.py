"""Accept one SQL query that only reads, and refuse everything else before a database sees it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from toolkit.errors import InputError

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_DIALECTS = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql"}
_WRITES = re.compile(
    r"alter|backup|bulk|commit|create|dbcc|delete|deny|drop|exec|execute|grant|insert|into|kill|merge|nextval"
    r"|reconfigure|restore|revoke|rollback|shutdown|truncate|update|updatetext|writetext",
    re.IGNORECASE,
)
# What they do is not undone with the transaction that calls them.
_FUNCTIONS = re.compile(
    r"setval|dblink\w*|lo_\w+|pg_file_\w+|load_extension|open(?:query|rowset|datasource)|sys_(?:eval|exec)",
    re.IGNORECASE,
)
# Servers and settings differ in where these end, or in whether they are comments at all.
_AMBIGUOUS = {
    r"""\\['"`]""": r"a backslash before a quote. Write a quote inside a text twice, as in 'it''s'",
    r"\$[\w\x80-\U0010ffff]*\$": "a text between dollar signs. Write it between single quotes",
    r"/\*M?!": "a comment that MySQL runs. Leave it out",
    r"\x00": "a null character. Leave it out",
}


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
    import sqlglot
    from sqlglot import exp

    # What it would warn of is refused below.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    dialect = _DIALECTS.get(database, database)
    if sqlglot.Dialect.get(dialect) is None:
        raise InputError(f"Whether a query only reads cannot be told for {database}: give a table or a view instead.")
    for pattern, found in _AMBIGUOUS.items():
        if re.search(pattern, query):
            raise InputError(f"A query must read the same everywhere, and this one has {found}.")
    try:
        text = _without_comments(query, sqlglot.tokenize(query, read=dialect))
        statements = sqlglot.parse(text, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        problem = str(error.errors[0]["description"] if isinstance(error, sqlglot.ParseError) else error)
        raise InputError(f"The query is not understood as one SELECT: {problem.partition(' but got')[0]}.") from None
    kinds = [type(statement).__name__.upper() for statement in statements if statement]
    if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation | exp.Subquery):
        raise InputError(f"A query must be one SELECT or WITH … SELECT, and this is {', then '.join(kinds) or 'none'}.")
    writing = statements[0].find(exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command, exp.NextValueFor)
    if writing:
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
