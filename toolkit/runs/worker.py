"""What runs in the processes of a run: papermill in one, the kernel in its child, both with the toolkit at hand.

This file is run as a script, ``python -P worker.py notebook SPEC`` or ``python -P worker.py kernel -f CONNECTION``, so
that nothing in the current folder (a ``toolkit`` or ``pandas.py`` of the caller's) is taken for an installed package.
From ``python -P worker.py server`` such processes are forked (see ``spare.py``).
"""

import atexit
import contextlib
import json
import logging
import os
import shutil
import sys
import threading
import time
import warnings
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config


def main(arguments: list[str]) -> None:
    """Be the process that executes a notebook, the kernel, a report of a sweep, or the server of such processes."""
    use_this_toolkit()
    # To take down modules and data one by one takes a second, and copies what forked processes share.
    atexit.register(lambda: os._exit(int(hasattr(sys, "last_value"))))  # which is there after an error
    # Nobody watches: progress bars need no widgets, and do not say that they have none.
    warnings.filterwarnings("ignore", message="IProgress not found")
    role, *rest = arguments
    if forked := role == "server":
        from toolkit.runs.spare import fork_spare, serve

        role, *rest = serve()
    if role == "report":  # nobody watches this either
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while forked and role != "kernel" and (arguments := fork_spare()):
        role, *rest = arguments
    if role == "kernel":
        from toolkit.core import without

        with without("debugpy"):  # nobody steps through the code of a run
            import ipykernel.debugger  # noqa: F401
        from ipykernel.kernelapp import launch_new_instance

        # It logs the interrupt by which it is shut down as an error; that it died is found out in another way. It would
        # read who its parent is when it is loaded, which may have been before.
        settings = ["--IPKernelApp.log_level=CRITICAL", f"--IPKernelApp.parent_handle={os.environ['JPY_PARENT_PID']}"]
        settings += ["--InteractiveShellApp.ignore_cwd=True"]  # nbclient says that it shall keep no history
        try:
            launch_new_instance([*rest, *settings])
        except Exception as error:  # noqa: BLE001  # memory for a thread may be missing; the parent process says the rest
            sys.exit(f"The kernel ended: {error}")
    elif role == "report":
        from toolkit.runs.runner import run

        order = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_end_with_parent, args=([],), daemon=True).start()
        try:
            run(**order)
            os.write(1, b"made")
        except Exception as error:  # noqa: BLE001  # whatever it is, the sweep reports it
            os.write(1, str(error)[:9999].encode(errors="replace"))  # a pipe may hold no more
    else:
        execute(json.loads(Path(rest[0]).read_text(encoding="utf-8")))


def use_this_toolkit() -> None:
    """Load the toolkit this file belongs to; modules of the current folder come last, after all installed ones."""
    home = str(Path(__file__).absolute().parents[2])
    sys.path.insert(0, home)
    import toolkit  # noqa: F401  # once loaded, all its modules come from here

    sys.path.remove(home)
    sys.path += [folder for folder in (home, os.getcwd()) if folder not in sys.path]


def execute(spec: dict[str, Any]) -> None:
    """Execute one notebook as ``spec`` says and write down how it ended.

    Parameters
    ----------
    spec : dict
        ``template`` and ``notebook`` (paths), ``parameters``, ``outcome`` (path of the JSON file to write), ``folders``
        (to be removed if the parent process dies).
    """
    from toolkit.core import without

    with without("rfc3987_syntax"):  # as in toolkit/report/__init__.py
        import papermill
    from jupyter_client.provisioning.factory import KernelProvisionerFactory
    from nbclient.exceptions import DeadKernelError

    from toolkit.runs.kernel import PatientEngine
    from toolkit.runs.spare import VARIABLES

    papermill.engines.papermill_engines.register("toolkit", PatientEngine)
    ways = KernelProvisionerFactory.instance(default_provisioner_name="toolkit")
    ways.provisioners["toolkit"] = EntryPoint("toolkit", "toolkit.runs.kernel:SpareKernel", ways.GROUP_NAME)
    threading.Thread(target=_end_with_parent, args=(spec["folders"],), daemon=True).start()
    outcome = None
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    try:
        # In a path papermill takes braces for parameters.
        paths = [spec[name].replace("{", "{{").replace("}", "}}") for name in ("template", "notebook")]
        announce, config = partial(_announce, time.monotonic()), _connection(Path(spec["outcome"]).parent)
        own = {"on_cell_start": announce, "config": config, **VARIABLES["papermill"]}
        papermill.execute_notebook(*paths, spec["parameters"], **own)
    except papermill.PapermillExecutionError as error:
        outcome = {"kind": error.ename, "message": error.evalue}
    except DeadKernelError:
        outcome = {"kind": "KernelDied", "message": "the kernel died while running this cell; was memory short?"}
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent process reports it
        outcome = {"kind": type(error).__name__, "message": str(error)}
    with contextlib.suppress(OSError):  # where the disk is full the parent process finds no outcome, and says so
        Path(spec["outcome"]).write_text(json.dumps(outcome), encoding="utf-8")


def _announce(began: float, cell: "NotebookNode", **_: object) -> None:
    """Say on stderr which section of the notebook begins, and when."""
    from toolkit.core import say

    headings = [line.strip("# ") for line in cell.source.splitlines() if line.startswith("#")]
    if cell.cell_type == "markdown" and headings:
        say(f"{time.monotonic() - began:5.0f} s  {headings[0]}")


def _connection(scratch: Path) -> "Config":
    """Let papermill and the kernel talk over files, where that can be: no port that others may take or listen to."""
    from traitlets.config import Config

    from toolkit.runs.kernel import PromptManager

    settings = {"connection_file": str(scratch / "kernel.json")}
    sockets = str(scratch / "kernel")
    # The address of such a socket may not be longer than about 100 letters.
    if len(sockets) < 90:
        settings |= {"transport": "ipc", "ip": sockets}
    return Config(KernelManager=settings, NotebookClient={"kernel_manager_class": PromptManager})


def _end_with_parent(folders: list[str]) -> None:
    """Wait until the parent process is gone, which closes our standard input; then leave nothing running or lying."""
    import psutil

    while os.read(0, 1024):
        pass
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        Path(f"{folder}.lock").unlink(missing_ok=True)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
