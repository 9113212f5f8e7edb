"""How far a source is read, and what its cursor remembers: `list_progress`, `validators`, `page_structure`;
`traps` notices lists without an end, `key_set` holds very many keys.
"""
