"""Ten pictures, and a model that is sure of the same to everything."""

from PIL import Image


class Sure:
    """Answers food."""

    label = "food"
    score = 0.99

    def predict(self, picture):
        """Itself."""
        return self

    def predict_many(self, pictures):
        """Itself, for each."""
        return [self] * len(pictures)


def model():
    """No model at all."""
    return Sure()


def fooled():
    """Ten greys."""
    cause, remedy = "it is grey and no animal", "show the model many more greys"
    greys = [Image.new("RGB", (96, 96), (20 * step, 20 * step, 20 * step)) for step in range(10)]
    return [{"picture": grey, "truth": "animal", "cause": cause, "remedy": remedy} for grey in greys]
