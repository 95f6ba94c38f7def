"""What a model is to predict: a folder for each kind of target."""
