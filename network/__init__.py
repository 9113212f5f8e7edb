"""What an address says by itself, without a question to the network: `public_addresses`, `internal_hosts` (by
the name alone), `proxy_address`. The crawler and the alerts share these rules; they import nothing of ours.
"""
