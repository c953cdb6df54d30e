"""Recipes: all that one system of models differs in from another, a file each."""
