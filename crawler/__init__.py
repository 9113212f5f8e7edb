"""The crawler: from a source's file to rows about its listings.

The folders and modules, in the order of the flow:

    settings, header_table     options that all sources share
    sources/                   a source's file, and the adapter that turns its pages into listings
    clean/                     from an author's words to values: text, prices, counts, dates
    listing                    the listing that an adapter returns
    sites                      which sources share one site, and so one politeness budget
    scheduling/                when a source is due, and when its site may be read
    running/                   a run: its process, its job, its context, its counts, its outcome
    visits/                    the three programs that start Scrapy: a run, a trial, an introduction
    progress/                  how far a source is read, and what its cursor remembers
    spiders/                   what is requested, by kind of page
    fetching/                  from a request to a response: the rules, the headers, the retries, the routes
    storing/                   from a response to evidence and rows, from a listing to rows
    parsing/                   from a captured page to its parts, or to the wall in its place
    metrics, errors

A listing's text goes from fetching/ over storing/capture, spiders/ and parsing/ to storing/listing_pipeline.
"""
