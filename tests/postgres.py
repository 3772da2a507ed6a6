"""A PostgreSQL server of the tests' own: in a temporary folder, reached by a socket in it, gone with the session."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def _programs():
    """Find the folder of the server's programs, which Debian keeps off the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


def _account():
    """Name the account to run as: the server refuses root."""
    if os.geteuid():
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def _server(programs):
    account = _account()
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, account.get("user", -1), account.get("group", -1))
        data = f"{folder}/data"

        def run(program, *arguments):
            done = subprocess.run(
                [programs / program, "-D", data, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                cwd=folder,
                **account,
            )
            assert done.returncode == 0, done.stderr

        run("initdb", "-U", "toolkit", "--auth=trust", "--encoding=UTF8", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} -c listen_addresses= -c fsync=off")
        try:
            yield f"postgresql+psycopg://toolkit@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture(scope="session")
def postgres():
    """The address of an empty database, as its superuser."""
    programs = _programs()
    if programs is None:
        missing = "There is no PostgreSQL server here: install Debian's package `postgresql`."
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with _server(programs) as address:
        yield address
