"""One boundary: whatever goes wrong ends in one message and an exit code."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from toolkit.console import Commands
from toolkit.data.read import read_table
from toolkit.errors import InputError


def command_that(work):
    made = Commands("toolkit")
    made.command("work")(work)
    return lambda: CliRunner().invoke(made, ["work"])


def raiser(error):
    def work():
        raise error

    return work


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code", "said"),
        [
            (MemoryError(), 3, "not enough memory"),
            (RecursionError("deep"), 2, "nested too deeply"),
            (OSError(errno.ENOSPC, "No space left on device", "/reports/a"), 3, "'/reports/a': No space left"),
            (PermissionError(errno.EACCES, "Permission denied", "/reports/a"), 2, "Permission denied"),
            (InputError("What was given."), 2, "Error: What was given."),
        ],
    )
    def test_what_a_user_or_a_machine_can_cause(self, error, code, said):
        done = command_that(raiser(error))()
        assert (done.exit_code, said in done.stderr) == (code, True)
        assert "Traceback" not in done.output

    def test_a_fault_of_the_toolkit_is_called_one(self):
        done = command_that(raiser(ZeroDivisionError("x\x1b[1m\ny")))()
        assert done.exit_code == 4
        assert (
            done.stderr
            == "Error: The toolkit failed itself (ZeroDivisionError: x [1m y). TOOLKIT_DEBUG=1 says where.\n"
        )


class TestTerminal:
    @pytest.mark.parametrize(("target", "code"), [("| head -c 0", 0), (">&-", 0)])
    def test_a_reader_that_is_gone_is_no_failure(self, target, code):
        shell = f"set -o pipefail; {sys.executable} -m toolkit templates {target}"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.splitlines()) == (code > 0)


class TestReading:
    def test_a_device_a_pipe_or_a_socket_is_refused_at_once(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.csv")
        for path in (tmp_path / "pipe.csv", "/dev/zero", "/dev/null"):
            with pytest.raises(InputError, match="is a device, a pipe or a socket"):
                read_table(path)

    @pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip", "zst"])
    def test_a_small_file_cannot_fill_the_memory(self, tmp_path, monkeypatch, suffix):
        import pandas as pd

        path = tmp_path / f"many.csv.{suffix}"
        pd.DataFrame({"a": range(20_000)}).to_csv(path, index=False)
        assert len(read_table(path).frame) == 20_000
        monkeypatch.setenv("TOOLKIT_MOST_UNPACKED_GB", "0.0001")
        with pytest.raises(InputError, match=r"more than 0\.0001 GB.*TOOLKIT_MOST_UNPACKED_GB"):
            read_table(path)

    def test_an_address_takes_variables(self, tmp_path, monkeypatch):
        (tmp_path / "a.csv").write_text("a,b\n1,2\n")
        monkeypatch.setenv("PLACE", str(tmp_path))
        assert read_table("${PLACE}/a.csv").source == "${PLACE}/a.csv"
        assert read_table("file://${PLACE}/a.csv").frame.shape == (1, 2)
        with pytest.raises(InputError, match="NOSUCH is not set"):
            read_table("https://host/a.csv?sig=${NOSUCH}")
