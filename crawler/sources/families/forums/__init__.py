"""Forum programs whose HTML pages are read by a table of selectors, one module per program.

Shared by them, in this order: `thread_address` reads addresses, `element_reader` reads elements,
`forum_post` reads one post, `forum_adapter` reads list pages and threads, `forum_family` joins a table and
its signs.
"""
