"""Is the model good, and for whom: metrics with intervals, baselines, diagnosis, report. Works on arrays."""
