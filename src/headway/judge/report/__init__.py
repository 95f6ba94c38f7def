"""The report: what is in it, how it is built, and its page."""
