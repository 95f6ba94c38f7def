"""The machine: cache folder, memory, versions, figures."""
