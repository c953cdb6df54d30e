"""Models: how they are fitted, measured, judged and served."""
