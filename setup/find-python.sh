#!/bin/sh
# Prints a Python of 3.11 or newer that can make virtual environments. PYTHON=/path/to/python overrides the search.
# On Debian as root it installs the one part that Debian ships apart (python3.x-venv); elsewhere it says what is missing.
set -eu

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
refuse() { echo "setup: $*" >&2; exit 1; }

# The named versions come first: they are the ones whose wheels the lock files were tried with.
candidates=${PYTHON:-python3.13 python3.12 python3.11 python3}
lacking=
for name in $candidates; do
    is_new_enough "$name" || continue
    makes_venvs "$name" && exec "$name" -c 'import sys; print(sys.executable)'
    lacking=${lacking:-$name}
done

[ -n "$lacking" ] || refuse "found no Python of 3.11 or newer (looked for: $candidates)." \
    "Install one, or name it: make PYTHON=/path/to/python3.11 ..."

package=$("$lacking" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    setup/apt-install.sh "$package" >&2
    makes_venvs "$lacking" && exec "$lacking" -c 'import sys; print(sys.executable)'
fi
refuse "$lacking can't make virtual environments: its ensurepip module is missing." \
    "On Debian or Ubuntu: sudo apt-get install $package"
