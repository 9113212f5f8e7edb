"""The rows that every other package reads and writes, and the evidence files.

One module per noun has its tables and every query on them:

- sources, runs, captures: where we look, each visit, and each stored response
- listings: what is offered. `listing_tables` declares its tables, `listing_intake` stores batches, `search`
  is the full-text index, `data_sets` joins offers of the same data
- companies, watch: for whom and for what we watch, and the rematches after a change
- matches: what was found of a company in a version
- alerts, deliveries: the alerts with their revisions, and each attempt to send one
- nodes, claims: the running daemons, and the work that each has in hand
- holds, custody: what a case keeps from being deleted, and the entries about holds and erasures
- erased_listings, evidence_removals: what must not be stored again, and whose bytes are still to be erased
- retention/: what is deleted by age or at a person's wish
- coverage: statistics over several of these tables

Beside them:

- tables: imports every module that declares a table
- work: the interface between the code that creates work and the engine that calls handlers
- doorbell: announcements for several nodes; shared_clock: the time that they have in common
- settings, errors: the section [storage], and the base of all errors
- database/: opening the database, its column types, its errors, the daemon's lock, the schema
- migrations/: the way from any released schema to this one
- evidence/: the WARC files, the only place that holds what was published unmasked
- stores/: where files lie that every node reads: a folder, or a bucket of object storage
"""
