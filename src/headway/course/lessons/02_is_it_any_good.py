# %% [markdown]
# # Is it any good?
# id = 2, layer = "call", minutes = 45, needs = [1]
#
# After this lesson an accuracy will not fool you again. You will ask four questions of every number: compared with
# what? How sure? On which rows? And who chose it?
# %% [markdown]
# ## Two models {#two}
# In 2013 three airports of New York recorded every flight ⟨fact: US Bureau of Transportation Statistics⟩. Two firms offer you
# a model that says two hours before take-off whether a flight will be more than a quarter of an hour late.
# %%
import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import headway as hw
from headway.course.claims import claim
from headway.course.data import drawings, flights

table = flights().with_columns(
    pl.col("scheduled").dt.hour().alias("hour"), pl.col("scheduled").dt.ordinal_day().alias("day")
)
known = ["hour", "distance", "temp", "humid", "wind_speed", "precip", "visib"]
late = table["late"].to_numpy()


def scores(columns, train, valid):
    """How probable it is that each valid flight is late, by boosted trees."""
    values = table.select(columns).to_numpy().astype(float)
    return (
        HistGradientBoostingClassifier(max_iter=60, random_state=0)
        .fit(values[train], late[train])
        .predict_proba(values[valid])[:, 1]
    )


rows = np.arange(len(table))
past, future = rows[: len(rows) * 4 // 5], rows[len(rows) * 4 // 5 :]
first = scores(known, past, future) > 0.5
second = np.zeros(len(future), dtype=bool)
claim("first", (first == late[future]).mean(), near=0.769, within=0.01)
claim("second", (second == late[future]).mean(), near=0.767, within=0.005)
# %% [markdown]
# Right for {first:.0%} and for {second:.0%} of the flights. Which one would you buy?
#
# ⟨guess *I cannot tell | the first | the second⟩
#
# Look at the code: the second one is a row of zeros. It says "on time", always. The first one has seven columns and
# sixty trees, and is hardly better. From the two numbers alone you could not tell that one of them knows nothing.
#
# ⟨ask 2.01⟩
# %% [markdown]
# ## Three baselines by hand {#baselines}
# A number needs something beside it: a **baseline**, the simplest way to answer that a sensible person might use. Write
# yours before you train anything. Here are three for the drawings of lesson 1: animal or food?
# %%
from PIL import Image
from scipy.spatial.distance import cdist

items = pl.read_csv(drawings())
pixels = np.stack(
    [
        np.asarray(
            Image.open(drawings().parent / file).convert("RGBA").convert("RGB").resize((16, 16)), dtype=float
        ).ravel()
        / 255
        for file in items["file"]
    ]
)
animal, thing = (items["label"] == "animal").to_numpy(), items["codepoint"].to_numpy()


def by_group(groups, seed):
    """True for the rows of a fifth of the groups, drawn by chance."""
    names = np.unique(groups)
    return np.isin(groups, np.random.default_rng(seed).choice(names, len(names) // 5, replace=False))


def majority(train, valid):
    """Always the more common answer."""
    return np.full(valid.sum(), animal[train].mean() > 0.5)


def nearest_mean(train, valid):
    """The class whose mean picture is nearer."""
    means = [pixels[train & (animal == label)].mean(0) for label in (False, True)]
    return np.argmin([np.abs(pixels[valid] - mean).mean(1) for mean in means], axis=0) == 1


def nearest(train, valid):
    """What the nearest drawing of train is."""
    distances = cdist(pixels[valid], pixels[train], "cityblock")
    return animal[train][distances.argmin(1)]


valid = by_group(thing, seed=0)
right = {rule.__name__: rule(~valid, valid) == animal[valid] for rule in (majority, nearest_mean, nearest)}
claim("majority", right["majority"].mean(), near=0.47, within=0.1)
claim("nearest_mean", right["nearest_mean"].mean(), near=0.54, within=0.1)
claim("nearest", right["nearest"].mean(), near=0.70, within=0.1)
# %% [markdown]
# None of them was trained, and none takes a second. The nearest drawing is right for {nearest:.0%}. A network for this task
# has to earn its place against that.
#
# ⟨ask 2.03⟩ ⟨ask 2.04⟩
# %% [markdown]
# ## How sure is a share? {#interval}
# {nearest:.0%} of how many? Of the drawings in valid. With others it would have come out a little different. How different?
# Let a computer try: take a model that is right for `0.9` of all drawings in the world, and judge it on 50 drawings.
# Do it again and again.
# %%
tries = np.random.default_rng(0).binomial(50, 0.9, size=2000) / 50
claim("lowest", np.quantile(tries, 0.025), near=0.82, within=0.03)
claim("highest", np.quantile(tries, 0.975), near=0.98, within=0.03)
# %% [markdown]
# The same model, and 50 drawings say anything from {lowest:.2f} to {highest:.2f}. You have only one of these numbers, and want
# to know where the truth may lie. That is what an **interval** is for. A good one for shares is Wilson's: it keeps every
# truth for which your number would be no surprise. You will write it in the first exercise; the library has it as well.
# How often does it hold the truth? It promises 95 times of 100.
# %%
from headway.judge.intervals import wilson

draws = np.random.default_rng(1).binomial(50, 0.9, size=2000)
ends = {k: wilson(int(k), 50) for k in np.unique(draws)}
claim("covered", np.mean([ends[k].low <= 0.9 <= ends[k].high for k in draws]), near=0.95, within=0.03)
print(wilson(45, 50), wilson(450, 500), wilson(50, 50))
# %% [markdown]
# In {covered:.1%} of 2,000 tests the truth was inside. Ten times the items make the interval about three times narrower:
# the width goes with the square root. And 50 right of 50 does not prove perfection.
#
# ⟨ask 2.05⟩ ⟨ask 2.21⟩
# %% [markdown]
# ## Two models on the same rows {#paired}
# Is the nearest drawing better than the nearest mean? You could give each its interval and see whether the two overlap.
# That would be the wrong comparison. Both answered for the *same* drawings. Where both are right, or both wrong, a drawing says nothing
# about which is better. Only disagreements count.
#
# How sure is the difference? Draw as many drawings from these as there are, with repeats, and take it again. Two thousand
# such draws show how far luck moves it. That is the **bootstrap**.
# %%
ours, theirs = right["nearest"], right["nearest_mean"]
print("only the nearest drawing is right:", (ours & ~theirs).sum(), "  only the nearest mean:", (~ours & theirs).sum())
difference = ours.astype(float) - theirs
means = np.random.default_rng(0).choice(difference, (2000, len(difference))).mean(1)
claim("gain", 100 * difference.mean())
claim("gain_low", 100 * np.quantile(means, 0.025))
claim("gain_high", 100 * np.quantile(means, 0.975))
# %% [markdown]
# The difference is {gain:+.0f} points, and its interval reaches from {gain_low:+.0f} to {gain_high:+.0f}. Such a **paired** comparison
# is narrower than two separate intervals, as the luck of the drawings is shared. The report of a `Learner` does just
# this with each baseline.
#
# ⟨ask 2.06⟩ ⟨ask 2.07⟩
# %% [markdown]
# ## One model, four numbers {#splits}
# Now the question that costs most projects their truth: which rows judge? Every thing was drawn by three studios. If
# single drawings are drawn for valid, most apples in valid have a sister in train. How much does that flatter?
#
# ⟨guess not at all | one or two points | *five points or more⟩
# %%
single = np.arange(len(items))
flattery = [
    (nearest(~by_group(single, seed), by_group(single, seed)) == animal[by_group(single, seed)]).mean()
    - (nearest(~by_group(thing, seed), by_group(thing, seed)) == animal[by_group(thing, seed)]).mean()
    for seed in range(10)
]
claim("flattery", 100 * np.mean(flattery), near=7.0, within=3.0, above=1.0)
claim("always", sum(value > 0 for value in flattery), near=9, within=1)


# %% [markdown]
# {flattery:.0f} points, in {always:.0f} of ten splits with the same sign. The model is the same, the drawings are the same. Only the
# *question* changed: "a drawing like those you know" became "a thing that you have never seen".
#
# There is no right split as such. There is the one that does what the use will do:
#
# | in use the model meets … | split by |
# |---|---|
# | more of the same | chance |
# | new things, patients, customers | group |
# | next month | time |
# | another studio, hospital, camera | source |
#
# Groups count in the judging, too. The comparison above took three drawings of a thing for three pieces of evidence. Draw
# whole things instead.
# %%
by_thing = [difference[thing[valid] == name] for name in np.unique(thing[valid])]
draws = np.random.default_rng(0).choice(len(by_thing), (2000, len(by_thing)))
means = [np.concatenate([by_thing[k] for k in draw]).mean() for draw in draws]
claim("thing_low", 100 * np.quantile(means, 0.025), near=3.0, within=1.5)
claim("thing_high", 100 * np.quantile(means, 0.975), near=29.5, within=1.5)


# %% [markdown]
# From {thing_low:+.0f} to {thing_high:+.0f} points, where single drawings gave {gain_low:+.0f} to {gain_high:+.0f}. The second interval was too
# narrow. Where rows come in groups, count groups.
#
# ⟨ask 2.08⟩ ⟨ask 2.12⟩
# %% [markdown]
# ## Leaks {#leaks}
# Rows that are alike on both sides are one kind of **leak**: something reaches the model that it will not have in use.
# Here are two more, with the flights. We measure them by the **AUROC**: how often a late flight gets a higher score than
# one on time. Chance is `0.5`. First a column from the future: how late the plane left.
# %% tags=["seconds:5"]
def auroc(columns, train, valid):
    """How often a late flight gets a higher score than one on time: 0.5 is chance."""
    return roc_auc_score(late[valid], scores(columns, train, valid))


chance = np.random.default_rng(0).permutation(rows)
mixed = np.sort(chance[len(future) :]), np.sort(chance[: len(future)])
claim("honest", auroc(known, past, future), near=0.678, within=0.03)
claim("with_departure", auroc([*known, "dep_delay"], past, future), near=0.883, within=0.03, above="honest", by=0.1)
# %% [markdown]
# From {honest:.2f} to {with_departure:.2f}. Superb, and useless: two hours before take-off nobody knows it. For each column ask
# whether you will have it when the answer is needed.
#
# The second is sneakier. Add the day of the year, which everybody knows in advance, and judge on flights drawn by
# chance. Then judge on the last months.
#
# ⟨guess the day helps both times | *it helps one and hurts the other | it helps neither⟩
# %% tags=["seconds:5"]
claim("day_mixed", auroc([*known, "day"], *mixed) - auroc(known, *mixed), near=0.031, within=0.02, above=0.005)
claim("day_future", auroc([*known, "day"], past, future) - auroc(known, past, future), near=-0.055, within=0.04)
# %% [markdown]
# It lifts the one by {day_mixed:+.2f} and changes the other by {day_future:+.2f}. By chance, every day of the year has flights on both
# sides: the model learns "on this day a storm came" and is examined about the very same storm. The next year has other
# storms. Nothing in the table was wrong. The split was.
#
# ⟨ask 2.11⟩ ⟨ask 2.16⟩
# %% [markdown]
# ## The best of fifty coins {#coins}
# You tried fifty settings and kept the best on valid. Suppose that none of them knew anything: fifty coins, judged on
# 150 rows. What does the best coin get?
#
# ⟨guess 0.50 | 0.55 | *0.60 | 0.70⟩
# %%
coins = np.random.default_rng(0).binomial(150, 0.5, size=(1000, 50)) / 150
claim("best_coin", coins.max(1).mean(), near=0.59, within=0.01)
# %% [markdown]
# {best_coin:.2f} on average. Who chooses the best of many takes the luckiest along. The number that a choice was made by is
# always too good; how much, depends on how many you tried and how few rows judged.
#
# ⟨ask 2.13⟩
# %% [markdown]
# ## Three parts, three jobs {#test}
# Hence a third part. **Train** teaches. **Valid** chooses: settings, columns, thresholds, when to stop. **Test** tells, once,
# when everything has been decided. Who looks twice has made a valid of it.
#
# In Headway: `hw.GroupSplit("patient", valid=0.2, test=0.2)`. The verdict of the report is then on test.
#
# Few rows leave a small valid, and which rows it holds is luck. **Cross-validation** trains several times, each time with another
# part set aside, until every row has judged once.
#
# ⟨ask 2.14⟩ ⟨ask 2.17⟩
# %% [markdown]
# ## Two kinds of mistakes {#errors}
# The first model of this lesson was right for {first:.0%} of the flights. What did it do with the late ones?
# %%
claim("recall", (first & late[future]).sum() / late[future].sum(), near=0.09, within=0.05)
claim("precision", (first & late[future]).sum() / first.sum(), near=0.52, within=0.1)
# %% [markdown]
# **Recall**: of the flights that were late it found {recall:.0%}. **Precision**: of its alarms {precision:.0%} were true. Two numbers for
# two kinds of mistakes, and what each costs only the use can say: for a missed connection an alarm too many is cheap.
#
# ⟨ask 2.18⟩ ⟨ask 2.19⟩
# %% [markdown]
# ## Sure and right {#calibration}
# A model that says `0.8` should be right 8 times of 10 when it says so: then it is **calibrated**. Look at the scores of the
# first model, in four groups.
# %%
probable = scores(known, past, future)
for low, high in ((0, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 1)):
    group = (probable >= low) & (probable < high)
    print(f"says {probable[group].mean():.2f}   late {late[future][group].mean():.2f}   {group.sum():,} flights")
# %% [markdown]
# The two columns agree roughly: its probabilities can be used, although it hardly ever dares to say "late". Accuracy
# threw that away. A passenger with a tight connection would rather have the probability.
#
# ⟨ask 2.20⟩
# %% [markdown]
# ## All of it in one call {#report}
# You need not write this each time. Give any model's answers to `judge_predictions`: baselines, intervals, paired
# comparison, slices. With `clusters=` it counts groups, not rows.
# %% tags=["seconds:8"]
probabilities = np.stack([1 - probable, probable], axis=1)
report = hw.judge_predictions(
    probabilities,
    late[future].astype(int),
    labels=["on time", "late"],
    clusters=table["day"].to_numpy()[future],
    name="flights",
)
print(report)
# %% [markdown]
# Days are the groups here: when a storm comes, all flights of the day are late together. Seventy days say less than
# eight thousand flights, so the intervals are wider, and truer.
#
# ⟨ask 2.15⟩
# %% [markdown]
# ## When you buy {#vendor}
# Someone sells you a model that is "nearly always right". Ask for three things: an evaluation on *your* rows, which the seller has
# never seen; the same number for the simplest method; and the numbers by group. Keep a hidden test set of your own.
# It is the best investment of the project, and it costs an afternoon.
#
# ⟨ask 2.22⟩
# %% [markdown]
# ## Who is harmed? {#harm}
# > A number over all rows is a promise to nobody in particular. If three of a hundred patients have dark skin, a model
# > for skin can fail all of them and lose three points.
# >
# > The split decides who is protected. Judge on the hospital that gave the data, and patients of other hospitals pay for
# > what you did not look at. A leak harms in the same way: on paper the screening finds the illness, in the ward it
# > sends people home.
# >
# > So before a number leaves your desk: for whom was it measured, for whom not, and who would notice if it were wrong?
#
# ⟨ask 2.24⟩
# %% [markdown]
# ## Words {#words}
# | word | what it means |
# |---|---|
# | baseline | the simplest way to answer that a sensible person might use, judged on the same rows |
# | interval | the range in which the truth probably lies, if the rows are a fair sample |
# | paired comparison | two models on the same rows, row by row |
# | random, group, time split | which rows go to valid: by chance, whole groups, what came later |
# | leak | what reaches the model in training or judging, and will not be there in use |
# | test set | rows that have decided nothing; looked at once |
# | cross-validation | several trainings, each judged on another part, until every row has judged |
# | bootstrap | to draw the same rows again, with repeats, to see what luck does |
# | AUROC | how often an item of the one class gets a higher score than one of the other; chance is `0.5` |
# | precision, recall | of the alarms, how many are true; of the true ones, how many are found |
# | calibrated | of what is called `0.8`, eight of ten come true |
#
# ⟨ask 2.23⟩
#
# The exercises come next. After the third you will read papers differently.
