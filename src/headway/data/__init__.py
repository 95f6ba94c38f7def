"""From folders, tables and arrays to batches: sources, splits, the data set, its store and its loader."""
