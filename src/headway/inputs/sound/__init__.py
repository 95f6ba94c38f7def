"""Sound: recordings as windows of samples, read with soundfile."""
