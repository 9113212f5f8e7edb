"""Paste sites that are read through an interface of their own, one module per site."""
