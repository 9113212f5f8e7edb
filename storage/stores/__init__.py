"""Where files lie that every node reads: a folder, or a bucket of S3-compatible object storage.

`byte_store` says what a store does, `folder_store` and `object_store` do it, `location` finds the one that an
address names.
"""
