"""Compare listings and dumps with what is watched for: names of companies and their customers' identifiers.

The folders follow one another as a text passes through them:

- `mentions`: watch terms, where a text mentions them, and masked excerpts around a mention;
- `identifiers`: what an e-mail address, a telephone number, ... is, and its canonical form;
- `native`: the C library for the parts that have to be fast, and its bindings;
- `scanning`: find the candidates of identifiers in a block of text;
- `fingerprints`: the scheme, the keys, and the segments that hold customers' fingerprints;
- `enrolment`: turn a customer list into a segment, and ordinals back into customers;
- `inputs`: read dumps of any format and container as documents and blocks;
- `comparing`: compare one block or one text, and count what is found.

The modules beside the folders use them:

- `watch` is everything that is searched for; `watch_loader` loads it from the database;
- `service` matches listings: versions as they come, and the archive in a rematch;
- `sweep` matches dumps, in threads; `checkpoint` keeps an interrupted sweep on disk;
- `data_sets` computes the signs by which listings of the same data are recognised;
- `masks` masks identifiers in every text before it is stored, logged or shown;
- `company_definition` is the model of a company's file;
- `settings`, `metrics` and `errors` are those of the whole package.
"""
