"""A model card with the two things that a leaderboard leaves out: for whom it works, and what it is not for.

Take a model of your own: that of lesson 1 or 3 with `learner.report(slices=["studio"])`, or one for `loans()` with
`hw.judge_predictions(..., slices=["group"])`. It must be judged on items that it was not trained on.

The card is Markdown with a title and these six headings, in this order. Under each of them stands what only you know,
in a sentence or two (40 characters or more). No blanks, no "to be done":

    # Model card: (what it answers)
    ## Intended use          who uses it, for which decision
    ## Not for               uses that somebody might try, and must not
    ## How good it is        the verdict's sentence; for each slice its name with its main metric and interval
    ## Who is missing        people or things that the data do not hold
    ## Harm                  which mistake hurts, and whom
    ## Appeal                who can object, to whom, and what happens then

`report.slices.slices` has an entry for each group, with its `name` and its `metrics`; `report.verdict.sentence` is the
verdict. Numbers come from the report, by code: a card that is typed is wrong after the next training. Write a number as
the report does, `str(metric)`.
"""

import headway as hw


def judged() -> hw.Report:
    """The report of a model on items that it was not trained on, with slices."""
    # Write it here.
    raise NotImplementedError


def card(report: hw.Report) -> str:
    """The model card, in Markdown, with its numbers from this report."""
    # Write it here.
    raise NotImplementedError
