"""A run: its folder, its checkpoints, and how it goes on."""
