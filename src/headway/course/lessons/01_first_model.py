# %% [markdown]
# # A model before the coffee is ready
# id = 1, layer = "call", minutes = 40, needs = []
#
# In a minute your computer will tell animals from food. It learns that here, from drawings, offline. At the end it
# answers for a picture of yours, and you know how far to believe it.
# %% [markdown]
# ## Guess first {#predict}
# The next cell shows nine drawings, here in the page or as a file to open. Cover the word above each and say: animal or
# food? You need half a second.
#
# Now write a program that does it. The usual way is to list rules: "if it has eyes, it is an animal". Then comes a bee
# without eyes, and a fish on a plate. Each rule needs exceptions, and the list never ends.
#
# So we write no rules. We show examples with the right answers, and let the program find its own signs. This is called
# **training**. The right answer for an example is its **label**; the possible labels are the **classes**.
# %% tags=["alt:Nine drawings in three rows, such as animals, fruit and dishes, each with its label above it."]
import headway as hw
from headway.course.claims import claim
from headway.course.data import pictures

door = "drawings"
split = hw.GroupSplit("group", valid=0.4)
data = hw.from_csv(pictures("1", door=door), input="file", target="label", size=128, split=split)
data.show()
# %% [markdown]
# How many did you get right? A program must do it too, for drawings that it has not seen.
#
# ⟨ask 1.02⟩
#
# Before training, some of all drawings are set aside: how many?
# %%
print(data.summary())
claim("train_items", len(data.train))
claim("valid_items", len(data.valid))
# %% [markdown]
# **Train** is what the model learns from. **Valid** is set aside, and training never sees it. Three studios drew every
# thing, so an apple occurs three times. They form a group, and a group stays on one side: else the model would be asked
# about an apple after it had been shown one.
#
# `claim` is no part of your program. It shows a number of yours and, where the text depends on it, the range that we
# expect. A number without a range is not compared. The text quotes what we measured; yours may differ a little.
#
# A few hundred drawings are little. So we borrow a network that learned to name things in a million photos
# ⟨fact: ImageNet, which its weights were trained on⟩. Drawings were not its subject. And we will ask it only about
# things that it was not shown in training.
#
# How many of the drawings set aside will it get right?
#
# ⟨guess *more than four of five | about three of four | about half, as a coin does⟩
#
# ⟨ask 1.01⟩
# %% [markdown]
# ## Five lines {#five-lines}
# You have run the lines that read the data. They say:
#
# - `input="file"`: this column holds the paths of the pictures.
# - `target="label"`: this column holds what the model must answer. Name another column and you ask another question.
# - `size=128`: each picture is read as a square of 128 by 128 pixels. More shows more detail and takes longer.
# - `hw.GroupSplit("group", valid=0.4)`: four of ten drawings are set aside, in groups.
#
# ⟨ask 1.06⟩ ⟨ask 1.21⟩
#
# Now the other lines. They train, and they judge. `fine_tune(0)` trains only the last part of the borrowed network; the 0
# says how many rounds all of it is trained for. The report is long. For now read two rows of its table: the first, which
# always says the more common class, and the last, which is the model.
# %% tags=["seconds:25"]
learner = hw.Learner(data)
learner.fine_tune(0)
report = learner.report()
print(report)
# %% [markdown]
# That was it: read, make, train, judge. A minute ago this model did not exist. Compare your guess with the last row.
# Below the table stands a note. It is right, and the next section says why.
#
# ⟨ask 1.09⟩ ⟨ask 1.19⟩
# %% [markdown]
# ## Is that good? {#table}
# The last row of the table is the model. **Accuracy** is the share of right answers on valid. Is it good? We can't say yet.
# Ask what *simple* gets. The other rows are **baselines**: simple ways to answer, judged on the same drawings. The next
# cell picks the numbers to compare out of the report.
#
# ⟨ask 1.11⟩
# %%
accuracy = {row.name: row.metrics["valid"]["accuracy"] for row in report.baselines}
plain = report.verdict_without_pretrained
claim("majority", accuracy["majority class"], near=0.51, within=0.08)
claim("without", accuracy[plain.baseline], near=0.72, within=0.07)
claim("features", accuracy["logistic regression on frozen features"], near=0.90, within=0.07)
claim("model", report.parts["valid"].metrics["accuracy"], near=0.90, within=0.07, above="without", by=0.10)
claim("lead", plain.difference.scaled(0.01), near=0.18, within=0.08, above=0.10)
claim("lead_low", plain.difference.low / 100, above=0.0)
# %% [markdown]
# Read from the top:
#
# - Always saying the more common class: {majority:.2f}. That is the floor. *Stratified* says both at random, as often as
#   they occur.
# - Looking at pixels alone: {without:.2f}. Of the three ways to do it this is the one that was best on *train*. Whoever picks
#   the best on valid picks luck, too.
# - The model: {model:.2f}.
#
# So the borrowed network brings {lead:.2f} that pixels do not have. The report counts in **points**, which are hundredths.
#
# The brackets are an **interval**. On other drawings of this kind, the model's accuracy would probably lie between
# {model.low:.2f} and {model.high:.2f}. Few drawings judge it, so the range is wide. The lead over pixels has an interval, too. It
# begins at {lead_low:.2f}: above zero, so chance is a poor explanation. **p** says it as a share: how often chance alone would
# bring such a lead. It is *corrected*, as the best of several is compared. And another split? In 24 others the lead was 0.17 to 0.33,
# and its interval always began above zero ⟨fact: measured with seeds 1000 to 1023⟩.
#
# One rival gets {features:.2f}: *logistic regression on frozen features*. It borrows the same network and adds simple
# statistics, so the report says "not distinguishable", and rightly. To see what the network brings, compare with the best
# baseline that does without it.
#
# That is the note below the table. What it would try next stands there, too.
#
# ⟨ask 1.10⟩ ⟨ask 1.14⟩ ⟨ask 1.15⟩ ⟨ask 1.20⟩
# %% [markdown]
# ## Ask it things {#ask}
# So far we asked it about drawings of animals and food. Users will not stop there. We write the model into a file, and
# then show it two things that are neither: a photo of a temple in China, and a handwritten 3.
#
# What will it answer for the temple?
#
# ⟨guess It will refuse | *Food, and it is sure | Animal, and it is sure | Animal and food, about half each⟩
# %% tags=["seconds:15", "exports"]
from sklearn.datasets import load_sample_image

from headway.course.data import digits

bundle = learner.export("model.headway" if door == "drawings" else f"{door}.headway", report=report)
model = hw.load(bundle)

images, labels = digits()
asked = {
    "a photo of a temple": load_sample_image("china.jpg"),
    "a handwritten 3": 255 - images[labels == 3][0],
}
answers = {name: model.predict(picture) for name, picture in asked.items()}
for name, answer in answers.items():
    print(f"{name}: {answer.label} {answer.score:.3f}, familiar: {answer.familiar}")
claim("temple", answers["a photo of a temple"].score, above=0.95)
claim("three", answers["a handwritten 3"].score, above=0.9)
# %% [markdown]
# The temple is food, with a probability of {temple:.3f}. The 3 is an animal, {three:.2f}. "About half each" would have been
# sensible. Where does the certainty come from?
#
# The model has two outputs, and together they make 1. Nobody told it that there is anything else. A high probability
# means "rather this than the other", not "this it is".
#
# Headway has a warning light: `familiar` says whether a picture looks like those from training. Look again: the temple
# is *familiar*. The light failed. It measures distance, and this temple happens to lie near. Keep that in mind when a
# program sounds sure.
#
# ⟨ask 1.16⟩ ⟨ask 1.17⟩ ⟨ask 1.18⟩
# %% [markdown]
# ## What just happened {#inside}
# All training in this course goes round in one circle:
#
# 1. Take some examples.
# 2. Let the model answer.
# 3. Compare with the labels. The **loss** says how bad the answers were: wrong and sure costs most.
# 4. Change the model's numbers a little, so that the loss falls. These numbers are its **parameters**.
# 5. Again, with the next examples.
#
# Once round all examples is an **epoch**. How far each change goes is the **learning rate**. The order of the examples
# is drawn at random. A **seed** is the number that decides it: the same seed trains the same model.
#
# The form of the network, its layers and how they are joined, is the **architecture**. Training leaves it alone. What you
# set beforehand, such as the size of the pictures, are settings, or **hyperparameters**.
#
# ⟨ask 1.22⟩
#
# The loss steers; a **metric** such as accuracy is for people. How good is the model on its own training drawings?
# %% tags=["seconds:5"]
claim("on_train", learner.evaluate("train")["accuracy"], above=0.98)
claim("on_valid", learner.evaluate("valid")["accuracy"], near=0.90, within=0.07)
# %% [markdown]
# {on_train:.2f} on train, {on_valid:.2f} on valid. Part of what it knows, it knows by heart: **overfitting**. Training cannot show
# it. Valid can.
#
# ⟨ask 1.03⟩ ⟨ask 1.04⟩ ⟨ask 1.05⟩ ⟨ask 1.12⟩
# %% [markdown]
# ## What was borrowed {#borrowed}
# A network has two parts. The **body** turns a picture into about a thousand numbers, the **features**: edges here, fur there,
# something round. The **head** turns features into answers. We kept the body as it was, **pretrained** on photos, and
# trained a new head. To use on one task what was learned on another is **transfer learning**.
#
# The head is small, so it needs few examples. How few? Take 20 drawings of each class instead of {train_items:.0f} in all, and
# judge on the same valid. Pixels alone got {without:.2f}, from all of them.
#
# From 40 drawings, the borrowed network will get …
#
# ⟨guess about half, as a coin does | clearly less than pixels get from all drawings | *about as much as pixels, or more⟩
# %% tags=["seconds:8"]
import polars as pl

train = data.items.filter(pl.col("split") == "train").sample(fraction=1, shuffle=True, seed=0)
valid = data.items.filter(pl.col("split") == "valid")
few = pl.concat([train.group_by("label", maintain_order=True).head(20).select(valid.columns), valid])
few_data = hw.from_items(
    few.select("file", "label", "split"),
    input=hw.Image("file", size=128),
    target="label",
    split=hw.ColumnSplit("split"),
)
few_learner = hw.Learner(few_data)
few_learner.fine_tune(0)
claim("few", few_learner.evaluate()["accuracy"], near=0.80, within=0.09)
# %% [markdown]
# {few:.2f}, from 40 drawings. Pixels got {without:.2f}, from {train_items:.0f}. The lead is small, so we do not call it better;
# lesson 2 shows how to compare. But it took a tenth of the drawings. That is why you can start with what you have.
#
# ⟨ask 1.07⟩ ⟨ask 1.08⟩
# %% [markdown]
# ## Who is harmed? {#harm}
# > The model has two words for everything. A person in front of its camera is an animal or food.
# >
# > That is no joke. In 2015 a photo service labelled a picture of two Black people "gorillas", and its maker apologised
# > ⟨fact: CBS News and Associated Press, 2015⟩. An average over all photos does not show such a mistake, and does not know what it does to those
# > who see it.
# >
# > So ask three things of any model, beginning with this one. Who is missing from its examples? Which of its mistakes hurt,
# > and whom? Who can object, and to whom? A wrong lobster costs nothing. A wrong answer at a border or in a ward costs
# > somebody dearly, and it is seldom whoever trained the model.
#
# ⟨ask 1.24⟩
# %% [markdown]
# ## Yours {#yours}
# Draw something in rows of equally many signs: `r` red, `o` orange, `y` yellow, `g` green, `b` brown, `k` black, `w` white,
# `p` pink; a dot is the background. Change this one in your file, save it, and run the cell again: in an editor that runs
# cells, or with the key `r` in `headway course run 1`. What does the model look at?
# %%
from headway.course.signs import from_signs

mine = """
...bg...
...b....
.rrbrrr.
rrwrrrrr
rwrrrrrr
rrrrrrrr
.rrrrrr.
..rrrr..
"""
answer = model.predict(from_signs(mine))
print(f"your drawing: {answer.label} {answer.score:.2f}, familiar: {answer.familiar}")
# %% [markdown]
# Now photos, or screenshots of the emoji on your telephone, which another studio drew. Put some into a folder `my_pictures`
# in your course folder. Before you run the cell, say what it will answer.
# %%
from headway.course.state import course_folder

# Other files are passed over: .DS_Store and notes are no pictures.
kinds = (".png", ".jpg", ".jpeg", ".webp", ".gif")
files = sorted(file for file in (course_folder() / "my_pictures").rglob("[!.]*") if file.suffix.lower() in kinds)
for file, answer in zip(files, model.predict_many(files), strict=True):
    print(f"{file.name}: {answer.label} {answer.score:.2f}, familiar: {answer.familiar}")
print(f"{len(files)} pictures in {course_folder() / 'my_pictures'}")
print(f"A page that answers for pictures: headway serve {bundle.absolute()}")
# %% [markdown]
# Three ways on from here:
#
# - `headway serve`, as the cell printed it with the model's whole path, opens a page on this computer alone.
# - `headway course collect 1` takes pictures of two things of your own. Then write `door = "mine"` above, and run the
#   lesson again. All other lines stay as they are. The claims then only show your numbers, and the text still tells of the
#   drawings.
# - Send `model.headway` to somebody. It holds the parameters, how to read a picture, the names of the classes, and three
#   pictures to check itself with. It holds no code.
#
# ⟨ask 1.23⟩
# %% [markdown]
# ## Words {#words}
# | word | meaning |
# |---|---|
# | label, class | the right answer for an example; the possible answers |
# | train, valid | what is learned from; what is set aside to judge |
# | accuracy, loss | the share of right answers, for people; what training makes small |
# | baseline | a simple way to answer, judged on the same items |
# | interval | where the number would lie on other items of this kind |
# | parameters, architecture | the numbers that training changes; the form they stand in |
# | epoch, learning rate | once round all examples; how far each change of the parameters goes |
# | seed | the number that decides everything random |
# | point | one hundredth, for differences of accuracy |
# | overfitting | better on train than on valid: learned by heart |
# | body, head | what makes features; what turns features into answers |
# | pretrained, transfer | learned on other data; using that here |
# | familiar | near the training data, as far as the model can see |
#
# You trained a model, compared it with pixels, caught it being sure of nonsense, and know why. If somebody wants to use
# it tomorrow, you can say what to doubt:
#
# - Its accuracy is about drawings by these three studios. Nobody measured it on photos, or on a fourth studio.
# - It is a range, from {model.low:.2f} to {model.high:.2f}, since few drawings judged it.
# - It calls everything animal or food, and `familiar` does not always warn.
#
# How sure can *you* be of that accuracy? That is the next lesson.
#
# ⟨ask 1.13⟩
