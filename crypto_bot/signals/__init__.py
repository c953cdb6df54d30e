"""The rule-based sources."""
