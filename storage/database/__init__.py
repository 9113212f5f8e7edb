"""The database behind one URL, SQLite or PostgreSQL, and its schema.

- base: `Database`, its transactions, and the base class of all tables
- connect: opening each of the two databases
- columns: the column types
- faults: a driver's errors turned into ours
- lock: one daemon per database
- revisions, schema: the revision of the schema, and upgrading it
- transfer: copying all rows into another database
"""
