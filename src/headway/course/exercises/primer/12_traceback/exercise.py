"""A program that crashes. Read its traceback from the last line upwards: what happened, then where.

    Traceback (most recent call last):
      File "count_labels.py", line 3, in <module>
        most_frequent(["cat", "dog", "cat"])
      File "12_traceback.py", line 20, in most_frequent
        counts[label] += 1
    KeyError: 'cat'

Repair the function. Two more faults show later. Of labels that are equally frequent it must return the one that comes
first in the alphabet, which raises no error where it goes wrong. For an empty list it must return None.
"""


def most_frequent(labels: list[str]) -> str | None:
    """The most frequent label; of several, the first in the alphabet; of an empty list, None."""
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] += 1
    return max(counts, key=counts.get)
