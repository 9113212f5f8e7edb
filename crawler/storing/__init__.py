"""From a response to evidence and a row (`capture`), from a listing to rows (`spider_notes`,
`masked_listing`, `listing_pipeline`); both write in batches (`group_commit`).
"""
