"""A police force that sends its patrols where it has found most.

Every round, 100 patrols are sent to the districts. A patrol finds a crime with the district's probability, and a
crime is recorded only where a patrol is. The records of all rounds together decide where the next patrols go. Both
districts have the same crime; one of them happens to start with 52 records, the other with 48.

Write the three functions. Draw with `numbers`, a numpy generator: `numbers.multinomial(patrols, shares)` sends patrols
by chance, `numbers.binomial(sent, crime)` says how many of those sent find something.
"""

from collections.abc import Callable

import numpy as np

Rule = Callable[[np.ndarray], np.ndarray]
START = (52, 48)
CRIME = (0.1, 0.1)


def most_records(records: np.ndarray) -> np.ndarray:
    """The rule: each district's share of the patrols, [districts], by its records, [districts].

    0.8 goes to the district with the most records (the first of them, where several have the most). The other districts
    share 0.2 evenly.
    """
    # Write it here.
    raise NotImplementedError


def one_round(
    records: np.ndarray, crime: np.ndarray, rule: Rule, numbers: np.random.Generator, patrols: int = 100
) -> np.ndarray:
    """The records after one more round, [districts], as a new array.

    `records` is what was recorded so far, `crime` the probability that a patrol finds something; both [districts].
    """
    # Write it here.
    raise NotImplementedError


def history(rule: Rule, rounds: int, seed: int) -> list[float]:
    """The first district's share of all records after each round, from START and CRIME on, drawn by the seed."""
    # Write it here.
    raise NotImplementedError
