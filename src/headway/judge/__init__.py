"""Is the model good, and for whom: metrics with intervals, baselines, verdict, report. Works on arrays."""
