"""How jupyter starts the kernel of a run."""

import os
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from toolkit.runs.spare import start


class SpareKernel(LocalProvisioner):
    """Starts the kernel as all workers are started; the rest is as for any kernel on this machine."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start it as its kernelspec says: the interpreter, a flag, the worker, and what that shall do."""
        process = start(cmd[3:], {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())})
        process.stdin.close()
        self.process, self.pid, self.pgid = process, process.pid, process.pid
        return self.connection_info
