"""The adapters of the kinds html, json, feed and paste.

`list_adapter` is the base of html, json and paste.
"""
