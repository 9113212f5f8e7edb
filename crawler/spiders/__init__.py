"""What is requested, by kind of page.

`page_spider` holds the spider's state; `source` drives: it starts with the lists and with `rechecks`, and
gives each page to `list_page`, `item_page`, `thread_page` or `missing_page`. These complete a listing with
the texts that belong to it (`attachments`, `linked_pastes`, `text_download`). `duplicate_filter` is Scrapy's.
"""
