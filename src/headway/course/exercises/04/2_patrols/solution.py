"""A police force that sends its patrols where it has found most."""

from collections.abc import Callable

import numpy as np

Rule = Callable[[np.ndarray], np.ndarray]
START = (52, 48)
CRIME = (0.1, 0.1)


def most_records(records: np.ndarray) -> np.ndarray:
    """Eight of ten patrols go to the district with the most records, the others are spread evenly."""
    shares = np.full(len(records), 0.2 / (len(records) - 1))
    shares[np.argmax(records)] = 0.8
    return shares


def one_round(
    records: np.ndarray, crime: np.ndarray, rule: Rule, numbers: np.random.Generator, patrols: int = 100
) -> np.ndarray:
    """The records after one more round, [districts]."""
    sent = numbers.multinomial(patrols, rule(records))
    return records + numbers.binomial(sent, crime)


def history(rule: Rule, rounds: int, seed: int) -> list[float]:
    """The first district's share of all records after each round."""
    numbers, records = np.random.default_rng(seed), np.array(START)
    shares = []
    for _ in range(rounds):
        records = one_round(records, np.array(CRIME), rule, numbers)
        shares.append(float(records[0] / records.sum()))
    return shares
