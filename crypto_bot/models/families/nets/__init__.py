"""Networks that read a window: one way to train them, to store them and to ask them."""
