"""Families of models, one file or folder each."""
