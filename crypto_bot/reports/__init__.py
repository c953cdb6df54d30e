"""What the records of the engine add up to, for page, terminal, API and notices."""
