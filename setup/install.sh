#!/bin/sh
# Makes a virtual environment with exactly the packages of a lock file, then installs Spillwatch into it:
#   setup/install.sh VENV LOCK [PROJECT...]      PROJECT is "--editable ." (make), "." (the image) or nothing
# The Makefile and the Dockerfile both call this script, so that the tests run with what the image holds.
set -eu

cd "$(dirname "$0")/.."
venv=$1 lock=$2
shift 2

# If its Python is gone (upgraded, or the folder was moved), the environment has to be made again.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(setup/find-python.sh)
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

echo "setup: installing the packages of $lock into $venv"
# Wheels only: no downloaded code runs here, and no build tool is downloaded that is not in the lock.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --only-binary :all: --require-hashes --requirement "$lock"

[ $# = 0 ] && exit
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$@"
"$venv/bin/python" -I -c 'from matching.scanning.scanner import scanner_engine; print(f"setup: identifiers are found by {scanner_engine().description}")'
