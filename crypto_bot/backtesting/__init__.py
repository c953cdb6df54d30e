"""The same cycle over history."""
