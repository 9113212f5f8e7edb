"""Containers: files that hold other files. Each module yields `Member`s.

Nothing is ever written under a member's name.
"""
