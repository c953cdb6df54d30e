"""Networks: their shapes and forwards, nothing of how they are fitted."""
