"""What an address says by itself, without a question to the network: `public_addresses`, `internal_hosts` (by
the name alone), `proxy_address`. The alerts and the crawler use these rules; they import nothing of ours.
For an address that is dialled directly, the crawler's own rule is in `crawler/fetching/guard.py`.
"""
