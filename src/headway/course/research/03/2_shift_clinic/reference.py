"""Five shifts, what each costs, and whether the log shows it."""

from functools import cache

import polars as pl
from PIL import Image, ImageEnhance, ImageFilter

import headway as hw
from headway.course.data import drawings
from headway.serve.drift import compare

Pictures = list[tuple[Image.Image, str]]


def on_pictures(change):
    """A shift that changes every picture and no label."""
    return lambda items: [(change(picture), label) for picture, label in items]


def fewer_animals(items: Pictures) -> Pictures:
    """One animal in five."""
    animals = [item for item in items if item[1] == "animal"]
    return [item for item in items if item[1] == "food"] + animals[::5]


SHIFTS = {
    "darker": on_pictures(lambda picture: ImageEnhance.Brightness(picture).enhance(0.6)),
    "blurred": on_pictures(lambda picture: picture.filter(ImageFilter.GaussianBlur(2.5))),
    "upside down": on_pictures(lambda picture: picture.transpose(Image.Transpose.ROTATE_180)),
    "cropped": on_pictures(lambda picture: picture.crop((24, 24, 72, 72)).resize((96, 96))),
    "fewer animals": fewer_animals,
}


def upright(file: str) -> Image.Image:
    """A drawing on white."""
    with Image.open(file) as opened:
        drawing = opened.convert("RGBA")
    white = Image.new("RGBA", drawing.size, "white")
    white.alpha_composite(drawing)
    return white.convert("RGB")


@cache
def trained() -> tuple[hw.Predictor, Pictures]:
    """A bundle, and the pictures of its test."""
    path = drawings()
    table = pl.read_csv(path).with_columns(pl.format("{}/{}", pl.lit(str(path.parent)), "file").alias("file"))
    split = hw.GroupSplit("group", valid=0.3, test=0.3)
    data = hw.from_items(table, input=hw.Image("file", size=96), target="label", split=split)
    learner = hw.Learner(data)
    learner.fine_tune(0)
    learner.export("clinic.headway")
    test = data.items.filter(pl.col("split") == "test").select("file", "label").rows()
    return hw.load("clinic.headway"), [(upright(file), label) for file, label in test]


def measure(name: str) -> dict:
    """Accuracy on shifted pictures, and whether their log sets off the alarm."""
    model, items = trained()
    shifted = SHIFTS[name](items) if name != "none" else items
    answers = list(model.predict_many([picture for picture, _ in shifted]))
    log = [
        {"label": answer.label, "score": answer.score, "familiar": answer.familiar}
        | model.input.statistics(model.input.read(picture))
        for answer, (picture, _) in zip(answers, shifted, strict=True)
    ]
    right = [answer.label == label for answer, (_, label) in zip(answers, shifted, strict=True)]
    alarm = compare(model.manifest["reference"], log, labels=model.labels).moved
    return {"accuracy": sum(right) / len(right), "alarm": alarm}


# Measured by `measure` above.
TABLE = {
    "none": {"accuracy": 0.936, "alarm": False},
    "darker": {"accuracy": 0.907, "alarm": True},
    "blurred": {"accuracy": 0.804, "alarm": True},
    # Harm without an alarm: brightness, contrast and scores look as ever.
    "upside down": {"accuracy": 0.868, "alarm": False},
    "cropped": {"accuracy": 0.760, "alarm": True},
    # An alarm without harm: the labels' shares have changed, the pictures have not.
    "fewer animals": {"accuracy": 0.942, "alarm": True},
}
