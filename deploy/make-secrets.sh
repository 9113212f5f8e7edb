#!/bin/sh
# Makes the database's password for docker-compose.yml. Existing secrets are not changed.
set -eu

cd "$(dirname "$0")"
mkdir -p secrets
# Only the owner can enter this folder. The containers get single files, which their own users must be able to read.
chmod 0700 secrets

if [ -e secrets/database_password ]; then
    echo "make-secrets: deploy/secrets/database_password already exists and is not changed"
    exit
fi
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >secrets/database_password
printf 'postgresql://spillwatch:%s@postgres/spillwatch\n' "$password" >secrets/database_url
chmod 0444 secrets/database_password secrets/database_url
echo "make-secrets: wrote deploy/secrets/database_password and deploy/secrets/database_url"
