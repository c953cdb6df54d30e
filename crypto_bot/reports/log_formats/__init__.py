"""File formats of the prediction log; a new one is a file here and a line in `log_export`."""
