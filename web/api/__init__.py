"""REST below /api/v1: one module per noun, and the shapes of its answers, which `--json` has, too.

A request passes through these modules:
1. callers: whose token or session it is, and how many requests it may still make
2. the noun's module: one function per route; each asks storage.visible for what the caller may see
3. paging: cursors; conditional: ETags; idempotency: answers to a repeated POST
4. models: the shapes
"""
