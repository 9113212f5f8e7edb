"""Faults of several nodes: kills, pauses, cut links and ill servers, one after the other at random moments.

- network: a network namespace per node, with a link that can be cut
- site: a feed that grows, and who asked for it when
- cluster: PostgreSQL, an object store, a webhook receiver, the site, and the nodes
- faults: what can go wrong, as a table
- storm: many kills in a short time
- invariants: what must be true when all has settled
- rounds: `python -m tests.faults.rounds FOLDER`, which must run in a namespace of its own
"""
