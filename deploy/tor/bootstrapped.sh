#!/bin/bash
# Succeeds if Tor has bootstrapped. Asks its control port, which can be reached in this container only.
set -euo pipefail

cookie=$(od -An -v -tx1 "${1:-/var/lib/tor/control_auth_cookie}" | tr -d ' \n')
exec 3<>"/dev/tcp/127.0.0.1/${2:-9051}"
printf 'AUTHENTICATE %s\r\nGETINFO status/bootstrap-phase\r\nQUIT\r\n' "$cookie" >&3
grep --quiet 'PROGRESS=100' <&3
