"""A bundle put on the Hugging Face hub: the file, and its card as the repository's page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from headway.bundle.format import read_bundle
from headway.bundle.hub import FILE, Address, fetch, is_address, reaching
from headway.bundle.predictor import open_bundle
from headway.errors import ConfigError

__all__ = ["card_of", "push"]


def push(
    path: str | os.PathLike[str],
    repo: str,
    *,
    is_public: bool = False,
    license: str | None = None,
) -> str:
    """Puts a bundle into a repository on the hub, which is made where it is missing; gives its address there.

    The repository's page is the bundle's card, with the figures of its report as the hub's `model-index`.

    Args:
        path: The bundle; it is opened and checked first.
        repo: The owner's name and the repository's, such as "ada/pets".
        is_public: Whether everybody may see a repository that is made; one that is there stays as it is.
        license: Of the model, such as "apache-2.0"; nothing is said of it where left out.

    Raises:
        BundleError: If the file is no sound bundle, or the hub does not take it.
        ConfigError: If that is no name of a repository.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    if Address.of(f"hf://{repo}") != Address(repo=repo):
        raise ConfigError("A repository is its owner's name and its own.", given=repo, fix='Such as "ada/pets".')
    bundle = read_bundle(path)
    open_bundle(bundle, source=path)
    card = card_of(bundle.manifest, bundle.card, repo=repo, license=license)
    api = HfApi(library_name="headway")
    file = fetch(path) if is_address(path) else Path(path).expanduser()
    files = [CommitOperationAdd(FILE, str(file)), CommitOperationAdd("README.md", card.encode())]
    fix = "Check the name, the network, and that HF_TOKEN or `hf auth login` lets you write there."
    with reaching(f"The bundle could not be put on the hub: {repo}.", fix):
        api.create_repo(repo, private=not is_public, exist_ok=True)
        api.create_commit(repo, files, commit_message="A bundle and its card")
    return f"hf://{repo}"


def card_of(manifest: dict[str, Any], card: str, *, repo: str, license: str | None = None) -> str:
    """A bundle's card as the hub shows it: its text, under what the hub reads of a model.

    Args:
        manifest: The bundle's.
        card: The text of its `card.md`.
        repo: The repository that it goes to.
        license: Of the model.
    """
    from huggingface_hub import EvalResult, ModelCardData

    task = str(manifest["target"]["kind"])
    results = [
        EvalResult(
            task_type=task,
            dataset_type="own-data",
            dataset_name=f"{part} items of the data it was trained on",
            metric_type=metric,
            metric_value=round(value, 6),
        )
        for part, scores in manifest["metrics"].items()
        for metric, score in scores.items()
        # Not all is known of every part, and a manifest may be of another's making.
        if isinstance(score, dict) and isinstance(value := score.get("value"), float)
    ]
    known = ModelCardData(
        library_name="headway",
        tags=["headway", "onnx", task],
        license=license,
        model_name=repo.partition("/")[2],
        eval_results=results or None,
    )
    use = f'```python\nimport headway as hw\n\npredictor = hw.load("hf://{repo}")\n```\n'
    return f"---\n{known.to_yaml()}\n---\n\n{card.rstrip()}\n\n## How to use it\n\n{use}"
