#!/bin/sh
# Installs Debian packages as root, without questions: setup/apt-install.sh PACKAGE...
set -eu

export DEBIAN_FRONTEND=noninteractive
# A new machine has no package lists, and old lists name files that are gone: both make the first attempt fail.
apt-get install --yes --no-install-recommends "$@" </dev/null || {
    apt-get update </dev/null
    apt-get install --yes --no-install-recommends "$@" </dev/null
}
