"""The web console, its API and its exports: a process of its own that reads and writes rows.

A request passes through these modules:
1. serving: the socket, TLS, proxies
2. app: which route answers
3. security: hosts, headers, size, and that a form comes from our own page
4. access: who it is, and what that person may do
5. pages: one module per noun; each asks storage.visible, and nothing else, for what is shown
6. templates and texts: HTML from Jinja, words from texts/*.toml in English and Chinese

The process crawls nothing. Text that was crawled is shown as text.
"""
