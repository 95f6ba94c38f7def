"""How the libraries that benchmarks compare with are set up: as their documentation recommends, on the same data."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import torch
from safetensors.torch import save_file

from headway.data.dataset import Data
from headway.inputs.image.models import DEFAULT_ARCH, create
from headway.inputs.table.field import Table

__all__ = [
    "fastai_learner",
    "fastai_loaders",
    "fastai_table",
    "is_installed",
    "peer_versions",
    "quiet",
    "timm_model",
    "watched",
]

PEERS = (
    "aeon",
    "tsai",
    "magika",
    "fastai",
    "lightning",
    "skorch",
    "keras",
    "litserve",
    "gradio",
    "transformers",
    "tokenizers",
    "accelerate",
    "onnxruntime",
)


def is_installed(peer: str) -> bool:
    """Whether a peer can be imported here; says so where it cannot, as its rows are then left out."""
    if importlib.util.find_spec(peer):
        return True
    print(f"{peer}: not installed, left out", flush=True)
    return False


def peer_versions(question: str) -> dict[str, str]:
    """The versions of the peers that a benchmark's docstring names and that are installed here."""
    named = set(re.findall(r"\w+", question.lower()))
    return {
        name: importlib.metadata.version(name) for name in PEERS if name in named and importlib.util.find_spec(name)
    }


@contextmanager
def quiet(learner: Any) -> Iterator[Any]:
    """A context in which a learner of fastai's shows neither bars nor a table; else they would be timed too."""
    with warnings.catch_warnings(), learner.no_bar(), learner.no_logging():
        warnings.simplefilter("ignore")
        yield learner


def fastai_loaders(
    items: pl.DataFrame,
    *,
    size: int = 224,
    batch_size: int = 64,
    item_tfms: Sequence[Any] | None = None,
    batch_tfms: Sequence[Any] | None = None,
    seed: int = 0,
) -> Any:
    """Loaders of fastai's, of the very rows that Headway trains on and is judged on, their order drawn from the seed.

    Presizing as in fastai's vision tutorial (docs.fast.ai/tutorial.vision): each photo is cut to 460 pixels when it is
    read, and augmented and cut to the final size as part of its batch. Batch size and worker processes are fastai's
    own defaults.

    Args:
        items: Columns "file", "label" and "split" ("train" or "valid"), such as `data.items` of a folder.
        size: Side of the photos that the model sees, in pixels.
        batch_size: Photos a step.
        item_tfms: Instead of the presizing.
        batch_tfms: Instead of the augmentation.
        seed: Of torch's, Python's and numpy's generators, which fastai draws from.
    """
    import pandas as pd
    from fastai.torch_core import set_seed  # pyright: ignore[reportMissingImports]
    from fastai.vision.all import ImageDataLoaders, Resize, aug_transforms  # pyright: ignore[reportMissingImports]

    set_seed(seed)
    kept = items.filter(pl.col("split").is_in(["train", "valid"]))
    columns = {"file": kept["file"].to_list(), "label": kept["label"].to_list()}
    frame = pd.DataFrame({**columns, "valid": (kept["split"] == "valid").to_list()})
    return ImageDataLoaders.from_df(
        frame,
        path="/",
        fn_col="file",
        label_col="label",
        valid_col="valid",
        item_tfms=Resize(460) if item_tfms is None else item_tfms,
        batch_tfms=aug_transforms(size=size) if batch_tfms is None else batch_tfms,
        bs=batch_size,
    )


def fastai_learner(loaders: Any, *, folder: Path | None = None, **settings: Any) -> Any:
    """A `vision_learner` of fastai's on efficientnet_lite0 with the weights that Headway starts from.

    timm reads them from a file as it would read its own, so that fastai does all that it does for a pretrained
    network: it puts its own head on it, freezes the body, and normalises with the weights' own mean and deviation.

    Args:
        loaders: Of fastai.
        folder: Where fastai may leave files; a temporary folder when left out.
        settings: Others of `vision_learner`, such as the metrics.
    """
    from fastai.metrics import accuracy  # pyright: ignore[reportMissingImports]
    from fastai.vision.all import vision_learner  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = folder or Path(tempfile.gettempdir())
        settings = {"metrics": accuracy, "path": path, **settings}
        return vision_learner(loaders, DEFAULT_ARCH, pretrained_cfg_overlay=_weights(Path(scratch)), **settings)


def watched(learner: Any, clock: Callable[[], float] = time.perf_counter) -> tuple[list[float], list[float]]:
    """When each epoch of fastai's was over, and its held-out accuracy; both grow while it trains."""
    from fastai.callback.core import Callback  # pyright: ignore[reportMissingImports]

    at: list[float] = []
    accuracies: list[float] = []

    class Watch(Callback):
        order = 90  # After the recorder, which has the epoch's figures.

        def after_epoch(self) -> None:
            at.append(clock())
            accuracies.append(float(self.learn.recorder.values[-1][-1]))

    learner.add_cb(Watch())
    return at, accuracies


def timm_model(num_outputs: int) -> Any:
    """An efficientnet_lite0 of timm's with the weights that Headway starts from and a linear classifier of zeros."""
    import timm

    with tempfile.TemporaryDirectory() as scratch:
        names: dict[str, Any] = {"num_classes": num_outputs, "pretrained_cfg_overlay": _weights(Path(scratch))}
        model: Any = timm.create_model(DEFAULT_ARCH, pretrained=True, **names)
    # timm draws them as wide as +-0.3 for ten classes, which three epochs at this rate do not undo.
    torch.nn.init.zeros_(model.get_classifier().weight)
    return model


def fastai_table(data: Data, *, batch_size: int = 64, seed: int = 0) -> Any:
    """The rows and columns that Headway takes in fastai's tabular loaders, processed as fastai's tabular tutorial does.

    Args:
        data: A table with a class to predict.
        batch_size: BaselineData a step; 64 is the tutorial's.
        seed: Of torch's, Python's and numpy's generators, which fastai draws from.
    """
    import pandas as pd
    from fastai.tabular.all import (  # pyright: ignore[reportMissingImports]
        Categorify,
        CategoryBlock,
        FillMissing,
        Normalize,
        TabularDataLoaders,
    )
    from fastai.torch_core import set_seed  # pyright: ignore[reportMissingImports]

    assert isinstance(data.input, Table)
    set_seed(seed)
    target = data.target.column
    columns = {name: values.to_numpy() for name, values in data.input.plain(data.items).to_dict().items()}
    frame = pd.DataFrame({**columns, target: data.items[target].cast(pl.String).to_numpy()})
    return TabularDataLoaders.from_df(
        frame,
        path=tempfile.gettempdir(),
        procs=[Categorify, FillMissing, Normalize],
        cat_names=list(data.input.categorical),
        cont_names=list(data.input.continuous),
        y_names=target,
        y_block=CategoryBlock(),
        valid_idx=data.valid.rows.tolist(),
        bs=batch_size,
    )


def _weights(folder: Path) -> dict[str, Any]:
    """The packaged weights in a file under timm's names, with a classifier that timm expects there, and drops."""
    model: Any = create(DEFAULT_ARCH, num_outputs=2).module
    body = model.body.body
    tensors = {name: tensor.contiguous() for name, tensor in body.state_dict().items()}
    classifier = {"classifier.weight": torch.zeros(1000, body.num_features), "classifier.bias": torch.zeros(1000)}
    file = folder / f"{DEFAULT_ARCH}.safetensors"
    save_file({**tensors, **classifier}, file)
    return {"file": str(file), "mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}
