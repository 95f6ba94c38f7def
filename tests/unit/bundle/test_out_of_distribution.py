from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from headway.bundle.format import read_bundle
from headway.bundle.out_of_distribution import Distance, Familiar, find_familiar, find_threshold
from headway.bundle.predictor import load
from headway.data.build import from_folder
from headway.data.dataset import Data
from headway.inputs.image.networks import small_resnet
from headway.learner.learner import Learner
from tests.unit.bundle.test_export import EXAMPLES, Small, export, small

NUM_FEATURES = 40


def clusters(*, count: int = 120, classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features above 0 around a centre a class, the logits of a head that knows the centres, and the classes."""
    draw = torch.Generator().manual_seed(seed)
    centers = torch.rand(classes, NUM_FEATURES, generator=torch.Generator().manual_seed(99)) * 2
    targets = torch.arange(count) % classes
    features = (centers[targets] + 0.3 * torch.randn(count, NUM_FEATURES, generator=draw)).clamp_min(0)
    return features, features @ (centers - centers.mean(0)).T, targets


def test_strangers_are_further_than_new_items_of_the_classes() -> None:
    distance = Distance(*clusters())
    near, logits, _ = clusters(seed=1)
    far = torch.rand(120, NUM_FEATURES, generator=torch.Generator().manual_seed(5)) * 2
    weights = torch.linalg.lstsq(near, logits).solution
    known, strange = distance(near, logits), distance(far, far @ weights)
    assert known.shape == (120,)
    assert (strange.min() > known.median()).item()
    assert ((strange > find_threshold(known.numpy())).float().mean() > 0.9).item()


def test_the_first_term_is_mahalanobis_distance() -> None:
    """Where there are no more features than directions, nothing is left out."""
    features, logits, targets = clusters()
    distance = Distance(features, logits, targets)
    points = features.double() / features.double().sum(1, keepdim=True)
    points = points.sqrt()
    means = torch.stack([points[targets == each].mean(0) for each in range(3)])
    inside = points - means[targets]
    covariance = inside.T @ inside / len(points)
    floor = 0.9 * covariance.diagonal().mean()
    inverse = torch.linalg.inv(0.1 * covariance + floor * torch.eye(NUM_FEATURES).double())
    gaps = points[:, None] - means
    wanted = torch.einsum("ncd,de,nce->nc", gaps, inverse, gaps).amin(1).mul(floor).sqrt()
    far, _ = distance.terms(features, logits)
    torch.testing.assert_close(far, wanted.float(), atol=1e-3, rtol=1e-3)


def test_a_number_added_to_all_logits_changes_nothing() -> None:
    features, logits, targets = clusters()
    distance = Distance(features, logits, targets)
    torch.testing.assert_close(distance(features, logits + 7), distance(features, logits))


@pytest.mark.parametrize(("items", "place"), [(1, 1), (10, 10), (19, 19), (20, 20), (39, 38), (100, 96), (1000, 951)])
def test_a_threshold_refuses_at_most_a_twentieth(items: int, place: int) -> None:
    distances = np.random.default_rng(0).permutation(items).astype(np.float32) + 1
    assert find_threshold(distances) == place
    assert (distances > find_threshold(distances)).mean() <= 0.05


def familiar() -> Familiar:
    model = small()
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, size=(60, 3, 16, 16), dtype=np.uint8)) / 255
    with torch.no_grad():
        features = model.eval().body(images)
        distance = Distance(features, model.head(features), torch.arange(60) % 4)
        return Familiar(
            distance=distance, valid_distances=distance(features, model.head(features)).numpy(), num_rows=60
        )


class Plain(nn.Module):
    """`Small` without what stands between its body and its head."""

    def __init__(self, source: Small) -> None:
        super().__init__()
        self.body, self.head = source.body, source.head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(images))


@pytest.mark.slow
def test_the_graph_gives_the_distance(tmp_path: Path) -> None:
    path = export(tmp_path / "model.headway", Plain(small()), familiar=familiar())
    predictor = load(path)
    assert read_bundle(path).manifest["familiar"]["train_items"] == 60
    model = small().eval()
    images = torch.from_numpy(EXAMPLES).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        features = model.body(images)
        expected = familiar().distance(features, model.head(features)).numpy()
    for count in (1, 5):
        found = predictor.distances(EXAMPLES[:count])
        assert found is not None
        np.testing.assert_allclose(found, expected[:count], atol=1e-4)


@pytest.mark.slow
def test_a_model_that_is_more_than_its_head_on_its_body_has_none(tmp_path: Path) -> None:
    path = export(tmp_path / "model.headway", small(), familiar=familiar())
    assert read_bundle(path).manifest["familiar"] is None
    assert load(path).predict(EXAMPLES[0]).familiar is None


@pytest.fixture(scope="module")
def data(digits: Path) -> Data:
    return from_folder(digits, size=28)


def learner(data: Data, arch: nn.Module | None = None) -> Learner:
    return Learner(data, arch, progress=False, batch_size=16)


@pytest.mark.slow
def test_features_that_are_known_are_used_only_while_they_hold(data: Data) -> None:
    ours = learner(data)
    body = ours.model.get_submodule("body")
    known = {name: ours.setup.outputs(body, data.part(name))[0].numpy() for name in ("train", "valid")}
    first, again = find_familiar(ours.setup), find_familiar(ours.setup, known)
    assert first is not None
    assert again is not None
    np.testing.assert_allclose(again.valid_distances, first.valid_distances, atol=1e-3)
    with torch.no_grad():
        next(iter(body.parameters())).mul_(-1)
    stale, fresh = find_familiar(ours.setup, known), find_familiar(ours.setup)
    assert stale is not None
    assert fresh is not None
    np.testing.assert_allclose(stale.valid_distances, fresh.valid_distances, atol=1e-6)
    assert not np.allclose(fresh.valid_distances, first.valid_distances, atol=1e-2)


def test_a_module_without_body_and_head_has_none(data: Data) -> None:
    channels = data.input.to_json()["channels"]
    assert find_familiar(learner(data, nn.Sequential(nn.Flatten(), nn.Linear(channels * 28 * 28, 10))).setup) is None


def test_features_that_are_no_numbers_have_none(data: Data) -> None:
    model = small_resnet(data.input.to_json()["channels"], 10)
    ours = learner(data, model)
    with torch.no_grad():
        next(iter(model.body.parameters())).fill_(float("nan"))
    assert find_familiar(ours.setup) is None
