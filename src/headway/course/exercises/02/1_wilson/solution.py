"""Wilson's interval for a share, such as an accuracy."""

Z = 1.959963984540054


def wilson(k: int, n: int) -> tuple[float, float]:
    """The lower and the upper end of the 95 % interval for k right of n."""
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"{k} right of {n} is no share.")
    share = k / n
    # The inequality of the text is a quadratic in p; its solutions lie around a share that is pulled towards one half.
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5
    return middle - half, middle + half
