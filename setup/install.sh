#!/bin/sh
# Makes a virtual environment that holds exactly what a lock file names, then installs Spillwatch into it:
#   setup/install.sh VENV LOCK [PROJECT...]      PROJECT is "--editable ." (make), "." (the image) or nothing
# The Makefile and the Dockerfile both call this, so that what the tests ran with is what the image holds.
set -eu

cd "$(dirname "$0")/.."
venv=$1 lock=$2
shift 2

# A virtual environment whose Python is gone (upgraded, or the folder was moved) can only be made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(setup/find-python.sh)
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

echo "setup: installing what $lock names into $venv"
# Wheels only: nothing from an index runs code here, and no build tool is fetched behind the lock's back.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --only-binary :all: --require-hashes --requirement "$lock"

[ $# = 0 ] && exit
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$@"
"$venv/bin/python" -I -c 'from matching.scanning.scanner import scanner_engine; print(f"setup: identifiers are found by {scanner_engine().told}")'
