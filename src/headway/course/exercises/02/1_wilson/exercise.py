"""Wilson's interval for a share, such as an accuracy.

k of n answers were right. The true share p is what you would get on endless rows of this kind. Wilson keeps every p for
which k of n would not be surprising: all p with

    |k/n - p| <= z * sqrt(p * (1 - p) / n),        z = 1.959964 for 95 %

The two ends have a closed form (try to solve the inequality for p, or look it up). Where all are right, or none, the
interval still has a width: few items cannot prove a share of 1.

- `wilson(0, 10)` begins at 0 and `wilson(10, 10)` ends at 1, up to rounding.
- No items, or k outside of 0 to n, raise a `ValueError`.
"""


def wilson(k: int, n: int) -> tuple[float, float]:
    """The lower and the upper end of the 95 % interval for k right of n."""
    # Write it here.
    raise NotImplementedError
