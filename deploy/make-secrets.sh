#!/bin/sh
# Makes the database's password for docker-compose.yml, once; secrets that are there already are left as they are.
set -eu

cd "$(dirname "$0")"
mkdir -p secrets
# Only this folder's owner comes in; the containers get single files, which their own users must be able to read.
chmod 0700 secrets

if [ -e secrets/database_password ]; then
    echo "make-secrets: deploy/secrets/database_password is there already and stays as it is"
    exit
fi
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >secrets/database_password
printf 'postgresql://spillwatch:%s@postgres/spillwatch\n' "$password" >secrets/database_url
chmod 0444 secrets/database_password secrets/database_url
echo "make-secrets: wrote deploy/secrets/database_password and deploy/secrets/database_url"
