"""Containers: what holds other files. Each module yields `Member`s; nothing is ever written under their
names.
"""
