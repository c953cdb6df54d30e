"""Models as files for other programs, with scaling and calibration inside."""
