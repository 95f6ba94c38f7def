"""A model judged for each group, and its card."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import headway as hw
from headway.course.data import loans

MEANS = ["income", "debt", "years_employed", "savings"]

INTENDED_USE = (
    "A clerk of a small bank sorts applications for loans by the probability to repay, and reads the last third first."
)
NOT_FOR = "It must not refuse anybody without a person's decision, and not be used for mortgages or in another country."
MISSING_GROUPS = (
    "Only two groups are recorded. People without an employer and those under 21 are not in the table at all."
)
HARM = "A good payer who is refused turns to a dearer lender. That is more often so in group B."
APPEAL = "Whoever is refused gets the four numbers in writing and can correct them at the counter; a person decides."


def judged() -> hw.Report:
    """The report of a model on people it was not trained on, with its slices by group."""
    train, valid = loans(0, measurement=0.5), loans(1, measurement=0.5)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(train.select(MEANS).to_numpy(), train["repaid"].to_numpy())
    return hw.judge_predictions(
        model.predict_proba(valid.select(MEANS).to_numpy()),
        valid["repaid"].to_numpy().astype(int),
        items=valid.select("group"),
        labels=["does not repay", "repays"],
        slices=["group"],
    )


def card(report: hw.Report) -> str:
    """The model card, in Markdown."""
    assert report.slices is not None
    groups = "\n".join(f"- {one.name}: accuracy {one.metrics['accuracy']}" for one in report.slices.slices)
    gaps = "\n".join(
        f"- {gap.name}: {gap.value}, lowest in {gap.lowest}"
        for gap in report.slices.disparities
        if not np.isnan(gap.value.value)
    )
    return f"""# Model card: who repays?

## Intended use
{INTENDED_USE}

## Not for
{NOT_FOR}

## How good it is
{report.verdict.sentence}

{groups}
{gaps}

## Who is missing
{MISSING_GROUPS}

## Harm
{HARM}

## Appeal
{APPEAL}
"""
