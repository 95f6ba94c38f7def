"""What goes into a model: a folder for each kind of input."""
