#!/bin/sh
# Make the virtual environment $1 from the hash-pinned lock and install the package into it, editable.
set -eu
cd "$(dirname "$0")"
venv=${1:-.venv}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '%s\n' "$*" >&2; }

quietly() {
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        say "Set-up failed at: $*"
        exit 1
    fi
}

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done
if [ -z "$python" ]; then
    say "Python 3.11 or newer is needed and was not found. Install it, or name it: make demo PYTHON=/path/to/python3.12"
    exit 1
fi

say "Setting up $venv with $("$python" --version), a few minutes at most …"
rm -rf "$venv"
if command -v uv >/dev/null 2>&1; then
    quietly uv venv --quiet --python "$python" "$venv"
    quietly uv pip install --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode -r requirements.lock
    quietly uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
else
    quietly "$python" -m venv "$venv"
    # The lock is complete, so nothing is resolved: older versions of pip stumble over extras that are pinned by hash.
    quietly "$venv/bin/python" -m pip install --quiet --no-deps --require-hashes -r requirements.lock
    quietly "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
fi
"$venv/bin/python" -m compileall -q toolkit
