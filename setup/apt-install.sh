#!/bin/sh
# Installs Debian packages, as root, without asking anything: setup/apt-install.sh PACKAGE...
set -eu

export DEBIAN_FRONTEND=noninteractive
# A machine just made has no package lists yet; lists that are there but old are found out by the failed install.
apt-get install --yes --no-install-recommends "$@" </dev/null || {
    apt-get update </dev/null
    apt-get install --yes --no-install-recommends "$@" </dev/null
}
