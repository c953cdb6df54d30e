"""Ways to get the jobs of a run done, all with the same contract."""
