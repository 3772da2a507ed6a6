"""Reading a database changes nothing in it, whatever the query says."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
import sqlalchemy

from toolkit.cli import main
from toolkit.data.databases import plain_query
from toolkit.data.load import load_dataset
from toolkit.data.read import read_table
from toolkit.data.recognition import WORDS
from toolkit.errors import InputError

ORDERS = 300


def digest(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).iterdir()}


# SQLite


@pytest.fixture
def shop(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute('CREATE TABLE orders (id INTEGER PRIMARY KEY, price REAL, note TEXT, "update" TEXT)')
        rows = [(i, i / 2, f'{{"a": {i}}}', "10% :x") for i in range(ORDERS)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path}/shop.db"


HOSTILE = [
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (SELECT 1) UPDATE orders SET price = 0",
    "WITH x AS (SELECT 1) INSERT INTO orders (price) SELECT 1",
    "WITH x AS (SELECT 1) REPLACE INTO orders (id) SELECT 1",
    "with/**/x as (select 1) delete/**/from orders",
    "-- harmless\nDELETE FROM orders",
    "/* SELECT */ DELETE FROM orders",
    "(DELETE FROM orders)",
    "SELECT 1; DELETE FROM orders",
    "SELECT 1;; DELETE FROM orders;",
    "SELECT 1; COMMIT; DELETE FROM orders",
    "SELECT 1; ATTACH 'other.db' AS other",
    "SELECT 1; SELECT 2",
    "SELECT 1; PRAGMA query_only = OFF",
    "SELECT 1; VACUUM INTO 'other.db'",
    "SELECT load_extension('other.so')",
    "SELECT * INTO other FROM orders",
    "SELECT 1 FROM orders FOR UPDATE",
    "SELECT 1\0; DELETE FROM orders",
    "WITH x AS (SELECT 1)",
    "-- nothing",
    "/* never closed",
    "SELECT 'never closed",
    f"SELECT {'(' * 3000}1{')' * 3000}",
    "DELETE FROM orders",
    "ATTACH 'other.db' AS other",
    "PRAGMA journal_mode = WAL",
    "VACUUM INTO 'other.db'",
    "orders; DELETE FROM orders",
    'orders"; DELETE FROM orders; --',
]


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_changes_a_file(query, shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = digest(tmp_path)
    with pytest.raises(InputError):
        read_table(f"{shop}::{query}")
    assert digest(tmp_path) == before


@pytest.mark.parametrize("query", HOSTILE)
def test_a_file_is_safe_even_where_a_query_gets_through(query, shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("toolkit.data.databases.plain_query", lambda query, _: query)
    before = digest(tmp_path)
    with contextlib.suppress(InputError, ValueError):
        read_table(f"{shop}::{query}")
    assert digest(tmp_path) == before


LEGITIMATE = [
    ("SELECT * FROM orders", 300),
    ("SELECT * FROM orders;", 300),
    ("SELECT * FROM orders ; ; -- all of them", 300),
    ("-- first\nSELECT id /* not price */ FROM orders -- last\nWHERE id < 10", 10),
    ("/* a */ SELECT 1", 1),
    ("SELECT id, sum(price) OVER (PARTITION BY id % 7 ORDER BY id ROWS 2 PRECEDING) FROM orders LIMIT 5 OFFSET 2", 5),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n", 9),
    ("SELECT a.id FROM orders a LEFT JOIN orders AS b ON a.id = b.id + 1 WHERE b.id IS NULL", 1),
    ("SELECT id FROM orders WHERE note ->> '$.a' = 7", 1),
    ('SELECT "update" FROM orders WHERE "update" LIKE \'10% :x\'', 300),
    ("SELECT [update], `note` FROM [orders] WHERE id IN (SELECT max(id) FROM orders)", 1),
    ("SELECT id FROM orders WHERE id < 4 UNION SELECT id FROM orders WHERE id > 298 EXCEPT SELECT 0", 4),
    ("SELECT id FROM orders GROUP BY id % 3 HAVING count(*) > 99", 3),
]


@pytest.mark.parametrize(("query", "rows"), LEGITIMATE)
def test_queries_that_read_are_read(query, rows, shop, tmp_path):
    before = digest(tmp_path)
    assert len(read_table(f"{shop}::{query}").frame) == rows
    assert digest(tmp_path) == before


@pytest.mark.parametrize(
    "text", ["10% :x", "%s %(a)s %%", "it''s; DROP TABLE orders", "a :b ?", "-- no", "/* no */", r"\d"]
)
def test_texts_arrive_as_they_are(text, shop):
    frame = read_table(f"{shop}::SELECT '{text}' AS text, 7 % 4 AS rest").frame
    assert frame.iloc[0].tolist() == [text.replace("''", "'"), 3]


@pytest.mark.parametrize("options", ["?mode=rwc&uri=true", "?uri=true&mode=memory", "#x?uri=true"])
@pytest.mark.parametrize("form", ["sqlite:///{}", "sqlite:///file:{}", "sqlite+pysqlite:///file://{}"])
def test_an_address_cannot_ask_for_writing(form, options, shop, tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.data.databases.plain_query", lambda query, _: query)
    monkeypatch.setitem(WORDS["databases"], "read_only", {})
    before, address = digest(tmp_path), form.format(shop.removeprefix("sqlite:///"))
    if "#" in options and "file:" not in form:
        address, problem = address + options, "there is no file"
    else:
        assert len(read_table(f"{address}{options}::orders").frame) == ORDERS
        address, problem = address + options, "readonly database"
    with pytest.raises(InputError, match=problem):
        read_table(f"{address}::WITH x AS (SELECT 1) DELETE FROM orders")
    with pytest.raises(InputError, match="there is no file"):
        read_table(f"{form.format(tmp_path / 'absent.db')}{options}::orders")
    assert digest(tmp_path) == before


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_a_database_in_memory_is_no_source(address):
    with pytest.raises(InputError, match="there is no file"):
        read_table(f"{address}::orders")


@pytest.fixture
def other_user():
    """Be a user whom the permissions of files bind."""
    if os.getuid():
        yield
        return
    os.setresuid(65534, 65534, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.fixture
def locked_folder():
    """A folder where nothing can be made, with a closed write-ahead database, an open one, and a plain one."""
    folder = Path(tempfile.mkdtemp())
    connections = []
    for name, mode in [("closed", "wal"), ("open", "wal"), ("plain", "delete")]:
        connections.append(sqlite3.connect(folder / f"{name}.db"))
        connections[-1].execute(f"PRAGMA journal_mode = {mode}")
        connections[-1].executescript("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1), (2)")
    connections[0].close()
    folder.chmod(0o555)
    yield folder
    for connection in connections[1:]:
        connection.close()
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["closed", "open", "plain"])
def test_files_in_a_read_only_folder_are_read(name, locked_folder, other_user):
    before = sorted(path.name for path in locked_folder.iterdir())
    assert ("open.db-wal" in before, "closed.db-wal" in before) == (True, False)
    assert read_table(f"sqlite:///{locked_folder}/{name}.db::SELECT id FROM orders").frame["id"].tolist() == [1, 2]
    assert sorted(path.name for path in locked_folder.iterdir()) == before


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("WITH x AS (SELECT 1) DELETE FROM orders", "this one has DELETE. If that is a name, put it in quotes."),
        ("SELECT 1 FROM orders FOR SHARE", "this one has LOCK. Leave it out."),
        ("SELECT 1; SELECT 2", "A query must be one SELECT or WITH … SELECT, and this is SELECT, then SELECT."),
        ("-- nothing", "and this is none."),
        ("SELECT load_extension('x')", "what load_extension() does would stay done. Leave it out."),
        ("SELECT '\\'", "a backslash before a quote. Write a quote inside a text twice, as in 'it''s'."),
        ("WITH x AS (SELECT 1) VACUUM", "not understood as one SELECT"),
    ],
)
def test_refusals_are_one_message_and_exit_2(query, message, shop, capfd):
    with pytest.raises(SystemExit) as left:
        main(["data", f"{shop}::{query}"])
    said = capfd.readouterr()
    assert left.value.code == 2
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


def test_an_error_says_what_the_database_said(shop):
    with pytest.raises(InputError, match=r"could not be read: no such column: prise\.$"):
        read_table(f"{shop}::SELECT id,\n prise FROM orders")


def test_what_a_column_is_declared_as_changes_no_cell(tmp_path):
    cells = [
        ("yes", 1, 1, "31/12/2023", "2024-01-01 10:00"),
        ("no", 0, 2, "n/a", None),
        (None, None, 0, "01/01/2024", "x"),
    ]
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("CREATE TABLE t (a BOOLEAN, b BOOLEAN, c BOOLEAN, d DATE, e TIMESTAMP)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", cells)
    connection.close()
    frame = read_table(f"sqlite:///{tmp_path}/t.db::t").frame
    assert frame["a"].tolist()[:2] == ["yes", "no"]
    assert frame["b"].tolist()[:2] == [True, False]
    assert frame["c"].tolist() == [1, 2, 0]
    assert str(frame["d"].dropna().tolist()[-1]).startswith(("01/01/2024", "2024-01-01"))
    assert len(read_table(f"sqlite:///{tmp_path}/t.db::SELECT * FROM t").frame) == len(cells)


LARGE = 2**53 + 1


def test_large_numbers_beside_gaps_stay_apart(tmp_path):
    numbers = [None, *(LARGE + i for i in range(40))]
    table = pa.table({"id": pa.array(numbers), "x": list(range(41)), "y": ["a", "b"] * 20 + ["a"]})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "t.feather")
    pyarrow.csv.write_csv(table, tmp_path / "t.csv")
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER, x INTEGER, y TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [tuple(row.values()) for row in table.to_pylist()])
    connection.close()
    address = f"sqlite:///{tmp_path}/t.db"
    files = [tmp_path / name for name in ("t.csv", "t.parquet", "t.feather")]
    read = [
        load_dataset(one, target="y", group="id") for one in (*files, f"{address}::t", f"{address}::SELECT * FROM t")
    ]
    assert [data.group.nunique() for data in read] == [40] * 5
    assert len({data.fingerprint for data in read}) == 1


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql+psycopg://toolkit:half@other-half@127.0.0.1:1/shop", "an @ in the user or the password as %40"),
        ("postgresql+psycopg://${WHO}:x@127.0.0.1:1/postgres", "postgresql+psycopg://127.0.0.1:1/postgres could not"),
        ("nosuch://a:b@localhost/shop", "nosuch://localhost/shop could not be read: Can't load plugin"),
        ("nosuch://${WHO}:b@${WHO}/shop", "nosuch://${WHO}/shop could not be read"),
    ],
)
def test_credentials_are_hidden_and_other_words_are_not(address, shown, monkeypatch):
    monkeypatch.setenv("WHO", "postgres")
    with pytest.raises(InputError) as refused:
        read_table(f"{address}::orders")
    assert shown in str(refused.value)
    assert "other-half" not in str(refused.value)


# What the check itself refuses, in SQL that no server is here for


@pytest.mark.parametrize(
    ("database", "query"),
    [
        ("mssql", "SELECT 1 DELETE FROM orders"),
        ("mssql", "SELECT 1 SHUTDOWN"),
        ("mssql", "SELECT 1 EXEC"),
        ("mssql", "SELECT NEXT VALUE FOR ids"),
        ("mssql", "SELECT * FROM OPENQUERY(far, 'DELETE FROM orders')"),
        ("mysql", "SELECT 1 INTO OUTFILE '/tmp/x'"),
        ("mysql", "SELECT 1 INTO @a"),
        ("mysql", "SELECT 1 /*! INTO OUTFILE '/tmp/x' */"),
        ("mysql", "SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */"),
        ("mariadb", "SELECT 1 /*M! INTO OUTFILE '/tmp/x' */"),
        ("mariadb", "SELECT nextval(ids)"),
        ("mysql", "SELECT 1 LOCK IN SHARE MODE"),
        ("mysql", "SELECT 1 FOR SHARE"),
        ("mysql", r"SELECT '\', ' INTO OUTFILE ''/tmp/x'' -- '"),
        ("mysql", "SELECT 1 --1; DELETE FROM orders"),
        ("oracle", "SELECT ids.nextval FROM dual"),
        ("oracle", "SELECT 1 FROM orders FOR UPDATE"),
        ("nosuch", "SELECT 1"),
    ],
)
def test_queries_that_write_are_refused(database, query):
    with pytest.raises(InputError):
        plain_query(query, database)


@pytest.mark.parametrize(
    ("database", "query", "given"),
    [
        ("mysql", "SELECT 5--1 # five", "SELECT 5- -1"),
        ("mysql", "SELECT `delete`, 'drop it' FROM t -- c", "SELECT `delete`, 'drop it' FROM t"),
        ("mysql", "SELECT /*+ NO_ICP(t) */ 1", "SELECT /*+ NO_ICP(t) */ 1"),
        ("mssql", "SELECT TOP 3 [update] FROM t;", "SELECT TOP 3 [update] FROM t"),
        ("oracle", "SELECT q'[it's; x]' FROM dual", "SELECT q'[it's; x]' FROM dual"),
        ("postgresql", "SELECT 1 /* a /* b */ c */, 'x' -- d\n, .5", "SELECT 1 , 'x'\n, .5"),
        ("postgresql", "SELECT 'a' -- joined\n'b'", "SELECT 'a'\n'b'"),
        ("postgresql", "SELECT a::int, b->>'x', c ? 'k' FROM t", "SELECT a::int, b->>'x', c ? 'k' FROM t"),
    ],
)
def test_a_query_is_given_without_comments(database, query, given):
    assert plain_query(query, database) == given


# PostgreSQL


@pytest.fixture
def store(postgres):
    """A server with 300 orders, functions that would change them, and what tells whether anything has changed."""
    engine = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in (
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            "CREATE TABLE orders AS SELECT i AS id, i / 2.0 AS price, jsonb_build_object('a', i) AS note"
            f" FROM generate_series(1, {ORDERS}) i",
            "CREATE SEQUENCE ids",
            "SELECT nextval('ids')",
            "CREATE FUNCTION clear() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'",
            "CREATE FUNCTION open_and_clear() RETURNS int LANGUAGE plpgsql AS"
            " 'BEGIN SET TRANSACTION READ WRITE; DELETE FROM orders; RETURN 1; END'",
            "CREATE VIEW clearing AS SELECT clear() AS cleared",
        ):
            connection.exec_driver_sql(statement)

        def state():
            return connection.exec_driver_sql(
                "SELECT count(*), sum(price), (SELECT last_value FROM ids), (SELECT count(*) FROM pg_class),"
                " (SELECT count(*) FROM pg_largeobject_metadata) FROM orders"
            ).fetchone()

        yield postgres, state
    engine.dispose()


CHANGING = [
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "WITH gone AS (UPDATE orders SET price = 0 RETURNING *) SELECT * FROM gone",
    "WITH a AS (WITH b AS (INSERT INTO orders VALUES (0) RETURNING *) SELECT * FROM b) SELECT * FROM a",
    "SELECT * INTO other FROM orders",
    "SELECT * FROM orders FOR UPDATE",
    "SELECT * FROM orders FOR SHARE",
    "SELECT nextval('ids')",
    "SELECT setval('ids', 99)",
    "SELECT \"setval\"('ids', 99)",
    "SELECT lo_create(0)",
    "SELECT clear()",
    "SELECT open_and_clear()",
    "SELECT set_config('transaction_read_only', 'off', false), clear()",
    "SELECT query_to_xml('DELETE FROM orders RETURNING *', true, true, '')",
    "clearing",
]
MORE_THAN_ONE = [
    "SELECT 1; COMMIT; DELETE FROM orders",
    "SELECT 1; SET TRANSACTION READ WRITE; DELETE FROM orders; COMMIT",
    "SELECT 1; ROLLBACK; COPY (SELECT 1) TO PROGRAM 'touch {folder}/touched'",
    "SELECT 1 AS a$x$; COMMIT; DELETE FROM orders; --$x$",
    "SELECT $a$ $a$; COMMIT; DELETE FROM orders; -- $a$",
    "SELECT $é😀$ ; $é😀$; COMMIT; DELETE FROM orders; -- $é😀$",
    r"SELECT E'\'; COMMIT; DELETE FROM orders; --'",
    r"SELECT '\', '; COMMIT; DELETE FROM orders; --'",
    "SELECT 1 |/* + '*/ 1; COMMIT; DELETE FROM orders; --'",
    "SELECT 1 /* /* */ */; COMMIT; DELETE FROM orders; -- */",
    "SELECT U&'!' UESCAPE '!'; COMMIT; DELETE FROM orders; --'",
    "COPY (SELECT 1) TO PROGRAM 'touch {folder}/touched'",
    "SET TRANSACTION READ WRITE",
    "CALL clear()",
    "EXPLAIN ANALYZE DELETE FROM orders",
]


@pytest.mark.parametrize("query", CHANGING + MORE_THAN_ONE)
@pytest.mark.parametrize("options", ["", "&autocommit=true", "&options=-c%20standard_conforming_strings%3Doff"])
def test_no_query_changes_a_server(query, options, store, tmp_path):
    address, state = store
    before = state()
    tmp_path.chmod(0o777)
    with pytest.raises(InputError):
        read_table(f"{address}{options}::{query.replace('{folder}', str(tmp_path))}")
    assert state() == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("query", CHANGING)
@pytest.mark.parametrize("options", ["", "&autocommit=true", "&options=-c%20default_transaction_read_only%3Doff"])
def test_a_server_is_safe_even_where_a_query_gets_through(query, options, store, monkeypatch):
    monkeypatch.setattr("toolkit.data.databases.plain_query", lambda query, _: query)
    address, state = store
    before = state()
    with contextlib.suppress(InputError):
        read_table(f"{address}{options}::{query}")
    assert state() == before


def test_a_function_that_writes_is_refused_by_the_server(store):
    with pytest.raises(InputError, match="cannot execute DELETE in a read-only transaction"):
        read_table(f"{store[0]}::SELECT clear()")
    with pytest.raises(InputError, match="transaction read-write mode must be set before any query"):
        read_table(f"{store[0]}::SELECT open_and_clear()")


@pytest.mark.parametrize(
    ("what", "rows"),
    [
        ("orders", 300),
        ("public.orders", 300),
        ("SELECT * FROM orders WHERE note @> '{\"a\": 7}' OR note ->> 'a' = '8' OR note ? 'b'", 2),
        ("SELECT id::int, '10% :x' AS t, avg(price) OVER w FROM orders WINDOW w AS (ORDER BY id) LIMIT 5;", 5),
        ("SELECT DISTINCT ON (id % 3) * FROM orders ORDER BY id % 3, id DESC -- newest", 3),
        ("SELECT id FROM orders WHERE id::text ~ '^\\d$' AND id % 2 = 0", 4),
        ("SELECT a.id FROM orders a, LATERAL (SELECT max(id) AS m FROM orders) b WHERE a.id = b.m", 1),
        ('SELECT "id" FROM orders WHERE id = ANY(ARRAY[1, 2]) AND price BETWEEN 0 AND 9', 2),
    ],
)
def test_a_server_is_read(what, rows, store):
    assert len(read_table(f"{store[0]}::{what}").frame) == rows


@pytest.mark.parametrize("text", ["10% :x", "%s %(a)s %%", "it''s; DROP TABLE orders", "a :b ?", "-- no", r"\d"])
def test_texts_arrive_at_a_server_as_they_are(text, store):
    frame = read_table(f"{store[0]}::SELECT '{text}' AS text, 7 % 4 AS rest").frame
    assert frame.iloc[0].tolist() == [text.replace("''", "'"), 3]


def test_a_table_is_the_same_from_a_server_and_from_a_file(store, tmp_path):
    address, _ = store
    engine = sqlalchemy.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE sales AS SELECT i AS id, CASE WHEN i %% 7 > 0 THEN i / 8.0 END AS price,"
            " (i %% 5)::numeric AS size,"
            " date '2024-01-01' + i AS day, timestamptz '2024-03-30 00:30+00' + i * interval '1 hour' AS at,"
            " i %% 3 = 0 AS flag, CASE WHEN i %% 9 > 0 THEN i %% 4 END AS some, i %% 2 = 0 AS bought"
            " FROM generate_series(1, 90) i"
        )
        rows = connection.exec_driver_sql("SELECT * FROM sales").mappings().all()
    engine.dispose()
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    read = [
        load_dataset(one, target="bought")
        for one in (tmp_path / "t.csv", tmp_path / "t.parquet", f"{address}::sales", f"{address}::SELECT * FROM sales")
    ]
    for data in read:
        pd.testing.assert_frame_equal(data.features, read[0].features)
        assert data.classes == (False, True)
        assert data.fingerprint == read[0].fingerprint
