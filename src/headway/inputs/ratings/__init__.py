"""Who rated what: pairs of a user and an item."""
