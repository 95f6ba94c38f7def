"""What the vectors of users and items hold: neighbours, extremes of the biases, and a picture. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError, did_you_mean
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Embeddings", "check_count"]

MAX_NAMED = 40


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """A vector and a bias for each name, as a model learned them.

    Attributes:
        names: What the vectors stand for, those with the most ratings first.
        vectors: float32 `[names, dim]`.
        biases: How much more than the mean each is liked (or likes), whoever it is rated by, float32 `[names]`; in the
            model's scale before a range is applied.

    Example:
        >>> learned = Embeddings(names=("a", "b", "c"), vectors=np.eye(3)[[0, 0, 1]], biases=np.array([0.1, -0.2, 0.3]))
        >>> learned.similar("a", n=1), learned.extremes(n=1)
        ([('b', 1.0)], ([('c', 0.3)], [('b', -0.2)]))
    """

    names: Sequence[str]
    vectors: np.ndarray
    biases: np.ndarray

    def similar(self, name: str, *, n: int = 10) -> list[tuple[str, float]]:
        """The `n` names whose vectors point most nearly the same way, each with the cosine between them, best first.

        Raises:
            ConfigError: If the name is not known.
        """
        check_count("n", n)
        if name not in self.names:
            what = "The training rows do not have this name."
            raise ConfigError(what, given=repr(name), fix=did_you_mean(str(name), self.names))
        index = list(self.names).index(name)
        lengths = np.linalg.norm(self.vectors, axis=1)
        cosines = self.vectors @ self.vectors[index] / np.maximum(lengths * lengths[index], 1e-12)
        nearest = [int(other) for other in np.argsort(-cosines, kind="stable") if other != index][:n]
        return [(self.names[other], float(cosines[other])) for other in nearest]

    def extremes(self, *, n: int = 10) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """The `n` names with the largest biases, largest first, and the `n` with the smallest, smallest first.

        An item's bias is not its mean rating: what those who rated it usually give is taken out.
        """
        check_count("n", n)
        order = np.argsort(self.biases, kind="stable")
        named = [(str(self.names[index]), float(self.biases[index])) for index in order]
        return named[::-1][:n], named[:n]

    def components(self, count: int = 2) -> np.ndarray:
        """Each name's position along the directions in which the vectors differ most, float64 `[names, count]`.

        Source:
            Pearson 1901, "On lines and planes of closest fit" (principal components).
        """
        from sklearn.decomposition import PCA

        return PCA(count, svd_solver="full").fit_transform(self.vectors.astype(np.float64))

    def plot(self, *, n: int = MAX_NAMED) -> Figure:
        """A picture of the `n` names with the most ratings, by the first two principal components of all vectors."""
        figure, (axes,) = new_figure(width=9, height=7)
        points = self.components()[:n]
        axes.scatter(points[:, 0], points[:, 1], s=12)
        for name, (x, y) in zip(self.names, points.tolist(), strict=False):
            # A dollar sign would begin a formula.
            axes.annotate(name.replace("$", r"\$"), (x, y), fontsize=8, xytext=(3, 3), textcoords="offset points")
        axes.set_xlabel("first principal component")
        axes.set_ylabel("second principal component")
        return figure


def check_count(name: str, count: int) -> None:
    """A ConfigError unless an option that says how many come first is a whole number from 1."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ConfigError(f"`{name}` must be a whole number from 1.", given=f"{name}={count!r}", fix="Leave it out.")
