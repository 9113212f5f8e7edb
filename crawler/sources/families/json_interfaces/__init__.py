"""Programs and services that are read through their JSON interfaces, one module per program.

`json_family` is their base: `JsonFamily` for lists of complete listings, `ThreadFamily` for forums.
"""
