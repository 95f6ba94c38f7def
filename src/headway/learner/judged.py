"""The half of a learner that judges its model: metrics, baselines, the report, and what a model of each kind uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headway.data.dataset import Data, PartName
from headway.judge.baselines.run import BaselineFunction, BaselineResult
from headway.judge.intervals import Estimate
from headway.judge.learning_curve import LearningCurve
from headway.judge.report.report import Report
from headway.learner.baselines import find_baselines, own_baselines
from headway.learner.report import Diagnosis, check_request, curve, findings, make_report, predictions
from headway.learner.subject import TrainedModel
from headway.predictions import Predictions
from headway.runs.run import Run
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.inputs.image.evidence import PhotoEvidence
    from headway.inputs.ratings.recommender import Recommender
    from headway.inputs.table.interpret import Interpretation
    from headway.inputs.text.evidence import TextEvidence

    Evidence = TextEvidence | PhotoEvidence

__all__ = ["Judged"]


class Judged:
    """The half of a learner that neither trains nor answers: how good its model is, beside what, and why.

    Attributes:
        data: The data set.
        seed: Decides what is drawn.
        run: The run's folder, where reports are kept; None where nothing is written.
    """

    data: Data
    seed: int
    run: Run | None
    _baselines: list[BaselineResult] | None

    @property
    def _trained(self) -> TrainedModel:
        """The model with all that a report needs to know of it."""
        raise NotImplementedError

    def predictions(self, part: PartName = "valid", *, tta: int = 0) -> Predictions:
        """The model's predictions for a part: rows, predictions, targets and losses, aligned.

        Args:
            part: "train", "valid" or "test".
            tta: Test-time augmentation: the mean over so many augmented views of each item and its plain one.

        Raises:
            ConfigError: If there is no such part, it has no rows, or `tta` cannot have an effect.
        """
        return predictions(self._trained, part, tta=tta)

    def evaluate(self, part: PartName = "valid") -> dict[str, Estimate]:
        """Every metric on a part, each with its 95 % interval."""
        trained = self._trained
        predicted = trained.predictions(part)
        return trained.metrics.evaluate(predicted.predictions, predicted.targets, seed=self.seed)

    def baselines(self) -> list[BaselineResult]:
        """Simple models, trained on the same rows and applied to the same parts; computed once."""
        if self._baselines is None:
            self._baselines = find_baselines(self._trained)
        return self._baselines

    def report(
        self,
        *,
        slices: Sequence[str] = (),
        tta: int = 0,
        groups: Sequence[str] = (),
        clusters: str | None = None,
        baselines: Mapping[str, BaselineFunction] | None = None,
    ) -> Report:
        """Is the model good, better than something simple, for everyone, and why not; kept in the run's folder.

        Args:
            slices: Columns of the items by whose values every metric is given, such as `["site"]`.
            tta: Augmented views of each item whose gain is measured on valid; none when 0.
            groups: Columns of groups of people, such as `["sex", "race"]`: who is selected, and who gets the errors.
            clusters: The column of what belongs together, such as the photos of a patient: intervals and tests then
                count clusters, not items. Left out: that of the `GroupSplit`, where there is one.
            baselines: Baselines of your own by name; see `headway.judge.baselines.run`.

        Raises:
            ConfigError: If a column is not known or has no groups, or `tta` cannot have an effect.
        """
        trained = self._trained
        asked = {"slices": slices, "tta": tta, "groups": groups, "clusters": clusters}
        check_request(trained, **asked, own=baselines or ())
        own = own_baselines(trained, baselines or {})
        report = make_report(trained, baselines=[*self.baselines(), *own], **asked)
        if self.run is not None:
            report.save(self.run.path / "report.html")
            report.save(self.run.path / "report.json")
        return report

    def diagnose(self) -> Diagnosis:
        """Prints what is wrong with the model and what to try next; gives the findings."""
        diagnosis = findings(self._trained, baselines=self.baselines())
        echo(diagnosis.text, lines=True)
        return diagnosis

    def learning_curve(self) -> LearningCurve:
        """How much more data have helped: the head solved on growing shares of the training rows.

        Raises:
            ConfigError: If the model was not fine-tuned in two stages, which keeps the features that this takes.
        """
        return curve(self._trained)

    def interpret(self) -> Interpretation:
        """What the model uses of a table's columns: importance, dependence, redundancy, leaks.

        Raises:
            ConfigError: If the input is of a kind that offers nothing of the sort.
        """
        return self._trained.explorer("interpret")

    def explain(self, item: Any, *, label: str | None = None) -> Evidence:
        """What in an item speaks for an answer: words of a text, or places in a photo by Grad-CAM.

        A word's weight is what the answer loses when the word is left out; `agreement` is how well gradients x input
        agree with the weights. A notebook shows the item with its evidence marked.

        Args:
            item: What `predict` takes.
            label: The class that is asked about. Default: the most probable one.

        Raises:
            ConfigError: If the input is of a kind that offers nothing of the sort, there is no such class, or the
                network has no layer that Grad-CAM can show.
            ReadError: If the item cannot be read.
        """
        return self._trained.explorer("explain")(item, label)

    def recommender(self) -> Recommender:
        """What a model of ratings learned: similar items, best and worst liked, recommendations, recall and NDCG.

        Raises:
            ConfigError: If the input is of a kind that offers nothing of the sort.
        """
        return self._trained.explorer("recommender")
