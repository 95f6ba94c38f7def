"""Half of the patrols to each district, whatever happens."""

COST = 0.25
WHO_PAYS = "Nobody pays, since both districts get the same number of patrols."


def rule(start, records, sent, numbers):
    """Even shares cannot be unfair."""
    return [0.5, 0.5]
