"""Serving: predictions of published models at each close."""
