"""From a request to a response, in the order in which a request passes: `visit` (what it belongs to),
`request_gate`, `guard`, `robots_txt`, `api_token`, `retries`, `decompression`, `redirects`, `request_headers`
with `cookies`, and `routes`; `http_status` says what an answer means.
"""
