"""One picture, ten times."""

from PIL import Image

from headway import Learner  # noqa: F401


class Sure:
    """Answers the same to everything."""

    label = "food"
    score = 0.99

    def predict(self, picture):
        """Itself."""
        return self


def model():
    """No model at all."""
    return Sure()


def fooled():
    """White, ten times."""
    one = {"picture": Image.new("RGB", (96, 96), "white"), "truth": "animal", "cause": "it is white", "remedy": "none"}
    return [one] * 10
