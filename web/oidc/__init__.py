"""Signing in by an OpenID provider (OpenID Connect Core 1.0): code, PKCE, state and nonce.

1. round_trip: a secret in the browser, from which state, nonce and verifier follow
2. provider: the provider's addresses and keys, fetched within bounds
3. id_token: the signature and the claims
4. people: who that is here, with which roles
"""
