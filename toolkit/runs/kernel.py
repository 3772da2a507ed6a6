"""How jupyter starts the kernel of a run and waits for it, and papermill saves its notebook."""

import contextlib
import os
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.utils import ensure_event_loop
from papermill.engines import NBClientEngine, NotebookExecutionManager

from toolkit.runs.spare import COMMAND, start

SAVED_AFTER = 1.0  # seconds
_SHORTLY = 0.01  # seconds, where jupyter waits ten or twenty times as long for nothing


class SpareKernel(LocalProvisioner):
    """Starts the kernel as all workers are started; the rest is as for any kernel on this machine."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the worker that its kernelspec names."""
        process = start(cmd[len(COMMAND) :], {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())})
        process.stdin.close()
        self.process, self.pid, self.pgid = process, process.pid, process.pid
        return self.connection_info


class _PromptChannel(AsyncZMQSocketChannel):
    async def get_msg(self, timeout: float | None = None) -> Any:  # type: ignore[override]  # as its parent does
        return await super().get_msg(timeout and min(timeout, _SHORTLY))


class _PromptClient(AsyncKernelClient):
    """Takes the kernel for ready as soon as it has said so and says no more."""

    iopub_channel_class: Any = _PromptChannel


class PromptManager(AsyncKernelManager):
    """Starts the kernel of a run, whichever are installed; notices at once that it is ready, and that it has ended."""

    client_factory: Any = _PromptClient
    kernel_spec: Any = KernelSpec(argv=[*COMMAND, "kernel", "-f", "{connection_file}"], language="python")

    async def _async_wait(self, pollinterval: float = 0.1) -> None:
        await super()._async_wait(min(pollinterval, _SHORTLY))


class PatientEngine(NBClientEngine):  # type: ignore[misc]  # papermill says no types
    """Saves the notebook at most once a second, not twice a cell: it grows, and then that is what short cells take."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, *args: Any, **options: Any) -> None:
        """Execute the cells; whatever ends this, papermill saves the whole notebook after it."""
        due: list[object] = []

        def save() -> None:
            due.clear()
            with contextlib.suppress(OSError):  # a full disk is said where papermill saves the whole notebook
                type(nb_man).save(nb_man)

        def save_soon(**_: object) -> None:
            if not due:
                due.append(ensure_event_loop().call_later(SAVED_AFTER, save))

        nb_man.save = save_soon
        try:
            super().execute_managed_notebook(nb_man, *args, **options)
        finally:
            del nb_man.save
