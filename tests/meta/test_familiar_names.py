"""What users of fastai, Keras and scikit-learn type in their first hour is there, under the name that they know."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import headway as hw

FAMILIAR = {
    # Ours, and the argument that is meant: where the name comes from.
    "Callback": "fastai Callback, Keras callbacks.Callback",
    "CSVLogger": "fastai CSVLogger, Keras callbacks.CSVLogger",
    "EarlyStopping": "Keras callbacks.EarlyStopping",
    "EarlyStopping(min_delta)": "fastai EarlyStoppingCallback, Keras EarlyStopping",
    "EarlyStopping(monitor)": "fastai EarlyStoppingCallback, Keras EarlyStopping",
    "EarlyStopping(patience)": "fastai EarlyStoppingCallback, Keras EarlyStopping",
    "History": "Keras callbacks.History, which `fit` returns",
    "Learner": "fastai Learner",
    "Learner(callbacks)": "Keras Model.fit",
    "Learner(class_weights)": "Keras Model.fit (class_weight), scikit-learn (class_weight)",
    "Learner(loss_fn)": "torch's tutorials; fastai Learner (loss_func), Keras compile (loss)",
    "Learner(metrics)": "fastai Learner, Keras compile",
    "Learner(optimizer)": "Keras compile",
    "Learner(pretrained)": "fastai vision_learner",
    "Learner.cross_validate": "scikit-learn model_selection.cross_validate",
    "Learner.evaluate": "Keras Model.evaluate",
    "Learner.export": "fastai Learner.export, Keras Model.export",
    "Learner.find_lr": "fastai Learner.lr_find",
    "Learner.fine_tune": "fastai Learner.fine_tune",
    "Learner.fine_tune(epochs)": "fastai Learner.fine_tune",
    "Learner.fit": "all three",
    "Learner.fit(epochs)": "Keras Model.fit",
    "Learner.freeze": "fastai Learner.freeze",
    "Learner.load_weights": "Keras Model.load_weights",
    "Learner.predict": "all three",
    "Learner.save_weights": "Keras Model.save_weights",
    "Learner.show_results": "fastai Learner.show_results",
    "Learner.unfreeze": "fastai Learner.unfreeze",
    "Options.clip_norm": "fastai GradientClip, Keras optimizers (clipnorm)",
    "Options.dropout": "Keras layers.Dropout",
    "Options.label_smoothing": "Keras losses, torch's losses",
    "Options.mixup": "fastai MixUp",
    "TensorBoard": "Keras callbacks.TensorBoard",
    "__version__": "all three",
    "from_arrays(X)": "scikit-learn fit(X, y)",
    "from_arrays(groups)": "scikit-learn GroupKFold.split(X, y, groups)",
    "from_arrays(y)": "scikit-learn fit(X, y)",
    "from_csv": "fastai DataLoaders.from_csv",
    "from_folder": "fastai ImageDataLoaders.from_folder",
    "load": "fastai load_learner, Keras saving.load_model",
    "sklearn.HeadwayClassifier": "scikit-learn's estimators",
    "sklearn.HeadwayClassifier.fit": "scikit-learn's estimators",
    "sklearn.HeadwayClassifier.predict": "scikit-learn's estimators",
    "sklearn.HeadwayClassifier.predict_proba": "scikit-learn's classifiers",
    "sklearn.HeadwayClassifier.score": "scikit-learn's estimators",
    "sklearn.HeadwayClassifier(random_state)": "scikit-learn's estimators",
    "sklearn.HeadwayRegressor": "scikit-learn's estimators",
}


@pytest.mark.parametrize("name", FAMILIAR)
def test_a_familiar_name_is_there(name: str) -> None:
    path, argument = re.fullmatch(r"([\w.]+)(?:\((\w+)\))?", name).groups()  # type: ignore[union-attr]
    found: Any = hw
    for step in path.split("."):
        found = getattr(found, step)
    assert argument is None or argument in inspect.signature(found).parameters
