"""A dump in units: parts that different processes match, whose results add up to the answer of one process.

The modules in the order in which a dump goes through them:

1. `unit`: what a unit is, as JSON: which files, members or bytes, with which companies, and in which state
   the reading of a text begins there. A unit decides nothing that was decided before.
2. `cutting`: reads a dump as `matching.sweep` does, but without matching it, and cuts it into units. Reading
   takes a tenth of the time of matching.
3. `unit_matching`: matches one unit, in any process on any machine: a function of the unit and the watch.
4. `partial`: what that gives, in bytes: counts, places, ordinals and masked excerpts, never a value.
5. `clustered_sweep`: the loop. Hands units to a `UnitPool`, and adds the results up in the order of the dump.

Where the parts of a whole depend on one another, the units depend in the same way, or there is one unit:

- The first look of a document is done by the process that cuts it, because it decides with which companies
  the units are compared.
- The looks at the rest are in the results block by block. Adding them up says who was found, and units of the
  second reading follow.
- The limits of an input count all of its units. If they were exceeded, the whole input is matched again as
  one unit, which ends where one process ends.
"""
