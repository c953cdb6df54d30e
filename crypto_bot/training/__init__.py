"""Training: plan, panel, folds, fit, calibrate, judge, publish."""
