#!/bin/sh
# Makes the secrets of docker-compose.yml: the database's password, and the key of the object store (profile `nodes`).
# Existing secrets are not changed.
set -eu

cd "$(dirname "$0")"
mkdir -p secrets
# Only the owner can enter this folder. The containers get single files, which their own users must be able to read.
chmod 0700 secrets

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

if [ -e secrets/database_password ]; then
    echo "make-secrets: deploy/secrets/database_password already exists and is not changed"
else
    password=$(random)
    printf '%s\n' "$password" >secrets/database_password
    printf 'postgresql://spillwatch:%s@postgres/spillwatch\n' "$password" >secrets/database_url
    chmod 0444 secrets/database_password secrets/database_url
    echo "make-secrets: wrote deploy/secrets/database_password and deploy/secrets/database_url"
fi

if [ -e secrets/store_key ]; then
    echo "make-secrets: deploy/secrets/store_key already exists and is not changed"
else
    key=$(random)
    printf 'spillwatch\n' >secrets/store_key_id
    printf '{"identities": [{"name": "spillwatch", "actions": ["Admin"],
  "credentials": [{"accessKey": "spillwatch", "secretKey": "%s"}]}]}\n' "$key" >secrets/store_config
    printf '%s\n' "$key" >secrets/store_key
    chmod 0444 secrets/store_key_id secrets/store_config secrets/store_key
    echo "make-secrets: wrote deploy/secrets/store_key, store_key_id and store_config"
fi
