"""Models: families, artifacts, and the registry of what is published."""
