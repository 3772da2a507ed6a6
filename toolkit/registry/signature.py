"""Signatures of records by SSH keys, made and checked by OpenSSH's ssh-keygen."""

import os
import subprocess
import tempfile
from pathlib import Path

from toolkit.errors import InputError, refusing


def sign(text: str, key: Path) -> str:
    """Return the signature of a text by a private key; a passphrase is asked for where there is a terminal.

    Raises
    ------
    InputError
        Where ssh-keygen is missing, or the key cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record"
        path.write_text(text, encoding="utf-8")
        done = _ssh_keygen("sign", "-f", os.path.expanduser(key), path, given=None if os.isatty(0) else "")
        if done.returncode:
            why = done.stderr.strip().rpartition("\n")[2]
            advice = "Give an SSH private key; add one with a passphrase to ssh-agent (ssh-add), or use a terminal."
            raise InputError(f"Nothing is recorded: {str(key)!r} does not sign ({why}). {advice}")
        return path.with_suffix(".sig").read_text(encoding="utf-8")


def fault(signature: str, text: str, who: str, when: str, signers: Path | None) -> str:
    """Say what is wrong with a signature, to follow the name of what it signs; empty where nothing is.

    Parameters
    ----------
    signature, text : str
    who, when : str
        Whose signature it is to be, and since when; ISO 8601, in UTC.
    signers : Path or None
        Names the keys of each person, in OpenSSH's format of allowed signers; without it any key will do.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signature"
        path.write_text(signature, encoding="utf-8")
        if _ssh_keygen("check-novalidate", "-s", path, given=text).returncode:
            return "has a signature that was not made of it"
        # A key that was replaced since (valid-before) was good when it signed.
        at = f"verify-time={''.join(filter(str.isdigit, when))[:14]}"
        if signers and _ssh_keygen("verify", "-s", path, "-I", who, "-f", signers, "-O", at, given=text).returncode:
            return f"is not signed with a key that {str(signers)!r} has for {who!r}"
    return ""


def _ssh_keygen(action: str, *arguments: str | Path, given: str | None) -> subprocess.CompletedProcess[str]:
    command, alone = ["ssh-keygen", "-Y", action, "-n", "toolkit", *arguments], given is not None
    utc = {**os.environ, "TZ": "UTC"}
    with refusing("Signatures need OpenSSH's ssh-keygen", " Install OpenSSH's client.", (OSError, ValueError)):
        return subprocess.run(command, input=given, start_new_session=alone, env=utc, capture_output=True, text=True)
