# %% [markdown]
# # Your data, your page
# id = 3, layer = "call", minutes = 40, needs = [1, 2]
#
# From a folder of files to a page that others use. You throw out what is wrong with the data, and measure what that brings.
# Then the pictures change, and you see which of two warning lights goes on.
# %% [markdown]
# ## Start with the decision {#decision}
# A small firm makes a chat app. People search its stickers under two tabs, *animals* and *food*. New stickers come every
# month, and somebody sorts them by hand. Could a model do it?
#
# Ask four things before you train, in this order:
#
# 1. **Objective**: what should get better? People find a sticker with one tap.
# 2. **Lever**: what can we set? The tab that a sticker appears under.
# 3. **Data**: what shows which setting is right? Stickers that people have sorted.
# 4. **Model**: what connects the two? It guesses the tab from the picture.
#
# It is tempting to begin at four. But a model predicts; it does not act. If nobody would do anything else after its
# answer, leave it.
#
# ⟨ask 3.01⟩ ⟨ask 3.02⟩ ⟨ask 3.23⟩
# %% [markdown]
# ## Gather {#gather}
# Here is what the firm gathered: drawings by two studios, sorted by several people in a hurry.
# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from PIL import Image, ImageDraw

import headway as hw
from headway.course.claims import claim
from headway.course.data import drawings, gathered


def collection(seed=0):
    """What was gathered, a row each, with whole paths."""
    table = gathered(seed)
    return pl.read_csv(table).with_columns(pl.format("{}/{}", pl.lit(str(table.parent)), "file").alias("path"))


def read(table, split):
    """A table's pictures and labels as data for training."""
    return hw.from_items(
        table.select("path", "label", "group"), input=hw.Image("path", size=128), target="label", split=split
    )


table = collection()
data = read(table, hw.GroupSplit("group", valid=0.4))
print(data.summary())
claim("files", table.height)
claim("broken", data.problems.height, near=2, within=0)
claim("pairs", len(data.near_copies), near=14, within=3)
# %% [markdown]
# Of {files:.0f} files, {broken:.0f} cannot be opened. One is a page that says "not found", saved as `.png`: a usual end of a download.
# And {pairs:.0f} pairs look like **near-copies**: the same drawing, saved again at another size. Their bytes differ, so only a
# comparison of what they *show* finds them. Some lie on both sides of the split: a leak, as in lesson 2.
#
# One thing no program can find: what is missing. Who drew these, for whom? Whose food is in it, and whose is not? Count that
# by hand.
#
# ⟨ask 3.06⟩ ⟨ask 3.24⟩
# %% [markdown]
# ## A model before cleaning {#first}
# Is any label wrong? You could look at all of them. Better: train at once, on the dirty data, and let the model say where
# to look.
# %% tags=["seconds:12"]
learner = hw.Learner(data)
learner.fine_tune(0)
report = learner.report().to_json()
for part, labels in report["label_issues"].items():
    print(part, labels["sentence"])


def suspects(report):
    """The rows of all labels that look wrong, the most suspect first."""
    issues = [issue for labels in report["label_issues"].values() for issue in labels["issues"]]
    return [issue["row"] for issue in sorted(issues, key=lambda issue: issue["quality"])]


doubtful = suspects(report)
# %% [markdown]
# These are the **suspected labels**: each item was judged by a model that had not seen it, and that model would have said
# something else. It is not always right. Here about one label in twenty is wrong: draw 20 at random, and you hold one
# of them.
#
# The model's first 20: how many of those are really wrong?
#
# ⟨guess 1, it is no better than chance | 3 or 4 | about 7 | *more than half⟩ ⟨ask 3.03⟩
# %% [markdown]
# ## Look {#look}
# Look at them yourself, with the label that they have. Which would you change?
# %% tags=["alt:Twenty drawings with their labels. Most labels are plainly wrong: a burger is an animal, a rabbit is food. Others fit, and the drawing is hard: a rice ball, a tin, a spider's web."]
figure, axes = plt.subplots(3, 7, figsize=(7, 3.4))
for axis in axes.flat:
    axis.axis("off")
for axis, row in zip(axes.flat, doubtful[:20], strict=False):
    axis.imshow(Image.open(table["path"][row]).convert("RGBA"))
    axis.set_title(table["label"][row], fontsize=8)
figure
# %% [markdown]
# We planted the wrong labels, so we can look up the truth. You never can, with your own.
# %%
from headway.judge.intervals import wilson

faults = pl.read_csv(gathered().parent / "faults.csv")
planted = set(faults.filter(pl.col("fault") == "wrong label")["file"])
found = sum(table["file"][row] in planted for row in doubtful[:20])
claim("of_twenty", found, near=13.6, within=4, above=6)
claim("by_chance", 20 * len(planted) / table.height)
claim("at_least", 20 * wilson(found, 20).low, above="by_chance")
# %% [markdown]
# {of_twenty:.0f} of 20, where chance gives {by_chance:.0f}; even the low end of its interval is {at_least:.0f}. The others are what the
# model finds hard, and they are worth a look as well.
#
# The report shows two more lists. **Top losses**: items that the model was sure about and, by their label, wrong. **Confusion**:
# which class is taken for which. A high loss has four possible reasons: a wrong label, a spoilt picture, an odd item, or
# a real mistake. Only looking can say which, and each calls for something else.
#
# Write down what you decide, and why, in a file. Six months later somebody will ask.
# %%
other = {"animal": "food", "food": "animal"}
decisions = pl.DataFrame(
    [
        {"file": table["file"][row], "label": other[table["label"][row]], "why": "wrong label"}
        for row in doubtful
        if table["file"][row] in planted
    ]
    + [
        {"file": file, "label": None, "why": fault}
        for file, fault in faults.select("file", "fault").rows()
        if fault != "wrong label"
    ]
)
decisions.write_csv("decisions.csv")
print(decisions["why"].value_counts(sort=True))


# %% [markdown]
# That is a **decisions journal**: the files as they came, plus this one, give the clean table. Nothing is changed in place,
# everything can be undone.
#
# ⟨ask 3.04⟩ ⟨ask 3.05⟩
# %% [markdown]
# ## What did it gain? {#gain}
# Train again on clean data, and accuracy goes up. But mind what else was cleaned: valid. Wrong labels in valid count right
# answers as mistakes. So there are two gains: a better model, and a better *ruler*.
#
# Which is the larger part?
#
# ⟨guess nearly all is the better model | *about half and half | nearly all is the better ruler⟩
#
# To separate them, judge the *first* model once more by right labels. One collection says little; take five, each
# with other faults.
# %% tags=["seconds:45", "quick:range(5) -> range(1)", "quick:near=4, within=1 -> near=0.5, within=0.5"]
def answers_of(learner):
    """What a model says to each valid picture, by the picture's path."""
    paths = dict(learner.data.items.select("row", "path").rows())
    answers, names = learner.predictions("valid"), learner.data.target.labels
    return {paths[row]: names[k] for row, k in zip(answers.rows, answers.predictions.argmax(1), strict=True)}


def three_numbers(seed):
    """Accuracy before cleaning, of the same model by right labels, and of a model trained on cleaned data."""
    table = collection(seed).join(pl.read_csv(gathered(seed).parent / "faults.csv"), on="file", how="left")
    is_wrong = pl.col("fault").fill_null("") == "wrong label"
    table = table.with_columns(pl.when(is_wrong).then(pl.col("label").replace(other)).otherwise("label").alias("truth"))
    dirty = hw.Learner(read(table, hw.GroupSplit("group", valid=0.4)), progress=False)
    dirty.fine_tune(0)
    doubtful = suspects(dirty.report().to_json())

    # A person looks at the suspects, and is right about each. Copies are left out.
    looked_at = pl.int_range(pl.len()).is_in(doubtful)
    cleaned = table.with_columns(pl.when(looked_at).then("truth").otherwise("label").alias("label"))
    cleaned = cleaned.filter(pl.col("fault").is_null() | is_wrong).join(
        dirty.data.items.select("path", "split"), on="path"
    )
    split = hw.ColumnSplit("split")
    field = hw.Image("path", size=128)
    clean = hw.Learner(hw.from_items(cleaned, input=field, target="label", split=split), progress=False)
    clean.fine_tune(0)

    labels, truths = (dict(table.select("path", column).rows()) for column in ("label", "truth"))
    before, after = answers_of(dirty), answers_of(clean)
    share = [
        np.mean([answers[path] == right[path] for path in after])
        for answers, right in ((before, labels), (before, truths), (after, truths))
    ]
    return *share, np.mean([table["fault"][row] == "wrong label" for row in doubtful[:20]])


numbers = np.array([three_numbers(seed) for seed in range(5)])
before, by_right_labels, after, precise = numbers.mean(0)
claim("before", before, near=0.87, within=0.03)
claim("after", after, near=0.93, within=0.03, above="before", by=0.02)
claim("ruler", 100 * (by_right_labels - before), near=2.9, within=1.5, above=0.5)
claim("model", 100 * (after - by_right_labels), near=3.3, within=2.5)
claim("helped", (numbers[:, 2] > numbers[:, 1]).sum(), near=4, within=1)
claim("precise", precise, near=0.68, within=0.1, above=0.5)
# %% [markdown]
# From {before:.2f} to {after:.2f}, on average over five collections. Of that, {ruler:.1f} points are the ruler: the very same model, judged
# by right labels. {model:.1f} points are the model, and it got better in {helped:.0f} of the five. Whoever reports only the whole credits the
# model with what the ruler did.
#
# So clean valid first. It is smaller, and every later number hangs on it. But let no model clean it alone: whoever takes over
# its suggestions without looking judges the model by its own answers.
#
# ⟨ask 3.20⟩ ⟨ask 3.21⟩
# %% [markdown]
# ## How a picture is read {#reading}
# A network takes squares; your pictures are not square. There are three ways out, and each loses something.
# %% tags=["alt:A wide picture of ten coloured beads in a row, made square in three ways. Cropped: two whole beads and two halves are left. Squeezed: all ten, as narrow ellipses. Padded: all ten, round and small, with empty space above and below."]
beads = Image.new("RGB", (300, 100), "white")
for bead in range(10):
    corners = (30 * bead + 3, 38, 30 * bead + 27, 62)
    ImageDraw.Draw(beads).ellipse(corners, fill=f"hsl({36 * bead}, 70%, 50%)")
padded = Image.new("RGB", (300, 300), "white")
padded.paste(beads, (0, 100))
ways = {"crop": beads.crop((100, 0, 200, 100)), "squeeze": beads, "pad": padded}
figure, axes = plt.subplots(1, 3, figsize=(8, 3))
for axis, (name, picture) in zip(axes, ways.items(), strict=True):
    axis.imshow(picture.resize((96, 96)))
    axis.set_title(name)
    axis.axis("off")
figure
# %% [markdown]
# If the answer depends on the number of beads, crop has thrown it away. If on their form, squeeze has. Padding keeps both and
# spends pixels on nothing. `hw.Image` squeezes a little and crops what is beyond that; `squeeze=` moves the border.
#
# **Augmentation** shows training each picture a little changed, each time in another way: mirrored, shifted, darker. The label must stay right.
# A mirrored cat is a cat; a mirrored b is a d. Ask of each change: would a person still give the same answer?
#
# ⟨ask 3.07⟩ ⟨ask 3.08⟩ ⟨ask 3.09⟩
# %% [markdown]
# ## One file {#export}
# Now the model for the app, from cleaned data. A fifth of the things is set aside as **test**: they will play the users.
# %% tags=["seconds:15", "exports"]
changed = table.join(decisions, on="file", how="left", suffix="_decided")
clean = changed.filter(pl.col("why").is_null() | (pl.col("why") == "wrong label")).with_columns(
    pl.coalesce("label_decided", "label").alias("label")
)
final = hw.Learner(read(clean, hw.GroupSplit("group", valid=0.3, test=0.2)))
final.fine_tune(0)
final.export("model.headway")
model = hw.load("model.headway")
print(Path("model.headway").stat().st_size // 10**6, "MB;", ", ".join(model.labels))
# %% [markdown]
# Weights alone would be worth little. The file also holds the graph that uses them, how a picture is read, and the
# names of the classes. A card has its figures; three pictures come with the answers that must come out. `hw.load` checks them. Reading is part
# of the model: with another filter, or blue before red, the same weights give other answers, and nothing warns.
#
# ⟨ask 3.10⟩ ⟨ask 3.11⟩ ⟨ask 3.12⟩
# %% [markdown]
# ## The page {#serve}
# `headway serve model.headway` opens a page. Using a trained model to answer is called **inference**. Here we start the page and
# ask it as an app would, with the first month's stickers. It writes a log: numbers about each picture, not the pictures.
# %% tags=["seconds:15"]
import json
import subprocess
import sys
from urllib.request import Request, urlopen

from headway.judge.intervals import wilson


def ask_page(files, log):
    """The page's answers for some files; it is started for that, and stopped."""
    command = [sys.executable, "-m", "headway", "serve", "model.headway", "--port", "0", "--log", log]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline().split()[1]
        answers = []
        for file in files:
            kind = {"Content-Type": "image/png"}
            request = Request(f"{address}/predict", data=Path(file).read_bytes(), headers=kind)
            with urlopen(request) as response:
                answers.append(json.load(response))
        server.terminate()
    return answers


def right(answers, labels):
    """The share of right answers, with its interval."""
    return wilson(sum(answer["label"] == label for answer, label in zip(answers, labels, strict=True)), len(answers))


january = final.data.items.filter(pl.col("split") == "test")
first_month = ask_page(january["path"], "log/january")
scores = [answer.score for answer in model.predict_many(january["path"])]
claim(
    "apart",
    max(abs(answer["score"] - score) for answer, score in zip(first_month, scores, strict=True)),
    near=0,
    within=1e-5,
)
claim("january", right(first_month, january["label"]), near=0.95, within=0.05)
# %% [markdown]
# Right for {january:.0%} of things that it had never seen, and the page says the same as Python, to the last digit.
#
# Where should a model run?
#
# | where | for it | against it |
# |---|---|---|
# | on a server | any size; you can log and replace it | privacy, waiting, somebody must look after it |
# | in the browser: `headway export-web` | pictures stay with their owner; any static host will do | small models; no log |
# | on a device | works without network | updates come slowly |
#
# ⟨ask 3.14⟩ ⟨ask 3.15⟩
# %% [markdown]
# ## A new studio {#drift}
# In February the firm buys stickers from a third studio. It draws the same things, with black outlines. Nobody
# tells the model.
#
# Two lights could warn. One is `familiar`, for each picture. The other compares the whole **log** with the validation data.
#
# How many of February's stickers will the model call unfamiliar?
#
# ⟨guess *hardly any | about half | nearly all⟩
# %% tags=["seconds:15"]
from headway.serve.drift import compare
from headway.serve.monitor import read_log

february = pl.read_csv(drawings()).filter(pl.col("studio") == "openmoji")
second_month = ask_page([drawings().parent / file for file in february["file"]], "log/february")
claim("february", right(second_month, february["label"]), near=0.84, within=0.06)
claim(
    "fall",
    right(first_month, january["label"]).value - right(second_month, february["label"]).value,
    near=0.12,
    within=0.08,
    above=0.02,
)
claim("unfamiliar", np.mean([not answer["familiar"] for answer in second_month]), near=0.06, within=0.06)
print(compare(model.manifest["reference"], read_log("log/february"), labels=model.labels, noun="pictures"))


# %% [markdown]
# Accuracy fell from {january:.2f} [{january.low:.2f}, {january.high:.2f}] to {february:.2f} [{february.low:.2f}, {february.high:.2f}], although half of these things
# were in training, drawn by others. Only {unfamiliar:.0%} were called unfamiliar: one at a time, such a drawing looks fine.
# Two hundred together do not. Contrast and sharpness of the whole log are far from what they were, and that light is
# bright red.
#
# Does it also light up when nothing has changed? Take five samples of 60 lines from each month.
# %%
def alarms(log):
    """Of five samples of 60 lines, how many set off the alarm."""
    lines = list(read_log(log))
    samples = [np.random.default_rng(seed).choice(len(lines), 60, replace=False) for seed in range(5)]
    logs = [[lines[k] for k in sample] for sample in samples]
    return sum(compare(model.manifest["reference"], log, labels=model.labels).moved for log in logs)


claim("alarms_january", alarms("log/january"), near=0, within=1)
claim("alarms_february", alarms("log/february"), near=5, within=1)
# %% [markdown]
# {alarms_january:.0f} of five in January, {alarms_february:.0f} of five in February. On the command line: `headway drift model.headway log/february`.
#
# Three words that are often mixed up:
#
# - **Out of domain**: something else. A photo of a shoe.
# - **Domain shift**: the same things in other pictures. The third studio.
# - **Drift**: the pictures change while the model is in use, suddenly or little by little.
#
# The alarm says that pictures have changed, not that answers are wrong. To know that, label fifty of the new ones.
#
# ⟨ask 3.16⟩ ⟨ask 3.17⟩
# %% [markdown]
# ## Let it in slowly {#rollout}
# A good number is no reason to switch everything on. Go in stages, and let each earn the next:
#
# 1. **Shadow**. The model answers, nobody sees it, people sort as before. Compare.
# 2. **Limited, with a person**. One part of the stickers; somebody sees each answer and can overrule it.
# 3. **Gradual**. More, as long as the overruled ones stay few and the log stays quiet.
#
# Before stage one, write down the way back: who switches it off, how, and what happens to the stickers then. A model without
# an off switch is not ready.
#
# ⟨ask 3.18⟩
# %% [markdown]
# ## Who is harmed? {#harm}
# > Misplaced stickers harm nobody. The same story in medicine does. A model for the retinas of diabetics was developed on
# > pictures from hospital cameras. Field workers in India then used it from door to door, with a camera in the hand. It found
# > fewer than three in four of the eyes that should have been referred ⟨fact: Nunez do Rio and others, Journal of Clinical Medicine 11, 2022⟩.
# > The things were the same; the pictures were not. Those who pay live far from the hospital whose data were used.
# >
# > And if it works well? Then people adapt. Studios draw so that the model files them well; what it files badly is not found, gets
# > no clicks, and is missing from next year's data. Ask before you start: who will behave differently, and what will your data
# > look like then?
#
# ⟨ask 3.19⟩ ⟨ask 3.22⟩
# %% [markdown]
# ## Words {#words}
# | word | meaning |
# |---|---|
# | objective, lever | what should get better; what you can set |
# | suspected label | one that a model which had not seen the item would not give |
# | top losses | items on which answer and label disagree most strongly |
# | confusion | which class is taken for which |
# | near-copy | the same picture with other bytes |
# | decisions journal | what was changed in the data, and why |
# | augmentation | training on changed pictures whose label stays right |
# | inference | using a trained model to answer |
# | out of domain, domain shift | other things; the same things in other pictures |
# | drift | a change that comes while the model is in use |
# | roll-out | shadow, limited with a person, gradual; with a way back |
#
# You cleaned data by letting a model point, and found that half of the gain was the ruler. You watched a model fail on pictures that
# each looked familiar. So far the stakes were stickers. The next lesson raises them.
#
# ⟨ask 3.13⟩
