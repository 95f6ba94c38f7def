# %% [markdown]
# # Three or seven?
# id = 6, layer = "loop", minutes = 45, needs = [1, 2]
#
# In this lesson you train a classifier with nothing but tensors: no `Learner`, no layers from a library, no optimizer.
# At the end you will have written every line that happens inside `fine_tune`, and you will know why it is there.
#
# The task is small enough to check each step by eye: tell handwritten threes from sevens.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from headway.course.claims import claim
from headway.course.data import digits

images, labels = digits()
wanted = (labels == 3) | (labels == 7)
images, labels = images[wanted], labels[wanted]
images.shape, labels[:10]

# %% [markdown]
# ## First, without learning {#rule}
#
# Write a rule. Which one would you try?
#
# ⟨guess count the ink | look for a bar at the top | look for a gap on the left | something else⟩
#
# Here is a rule that sounds sensible: a three has more ink than a seven. How often is it right? Half of the pictures are
# threes, so a coin is right half of the time.
#
# ⟨guess about half | *two of three | nine of ten⟩

# %%
ink = images.reshape(len(images), -1).mean(1)
middle = (ink[labels == 3].mean() + ink[labels == 7].mean()) / 2
claim("ink", ((ink > middle) == (labels == 3)).mean(), near=0.70, within=0.05)

# %% [markdown]
# Better than a coin. The next rule helps a little, and breaks on people who put a bar through their sevens. So we turn
# to examples.

# %% [markdown]
# ## A picture is a table of numbers {#pixels .tensor}
#
# Grey pictures are stored as numbers from 0, black, to 255, white. Here is the upper part of a three:

# %%
three = images[labels == 3][0]
print("\n".join(" ".join(f"{pixel:3d}" for pixel in row[7:22]) for row in three[4:14]))

# %% [markdown]
# You can read it from the numbers if you squint. PyTorch holds such tables in a *tensor*: an array that can also
# compute gradients, which we will need. We make numbers between 0 and 1 of the pixels, and put 200 pictures aside to
# judge with. They are never trained on.
#
# ⟨ask 6.01⟩

# %%
x = torch.tensor(images).float() / 255
y = torch.tensor(labels == 7).float()  # 1.0 for a seven, 0.0 for a three


def split(seed):
    """Pictures and labels to train on, and 200 of each to judge with."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return x[order[200:]], y[order[200:]], x[order[:200]], y[order[:200]]


train_x, train_y, valid_x, valid_y = split(seed=0)
train_x.shape, valid_x.shape

# %% [markdown]
# ## The mean three {#mean .tensor}
#
# What does a typical three look like? Take all threes, and average them pixel by pixel.

# %% tags=["alt:Two blurred pictures. The mean of all threes is clearly a three, the mean of all sevens clearly a seven; strokes that people draw in different places are faint."]
mean_three, mean_seven = train_x[train_y == 0].mean(0), train_x[train_y == 1].mean(0)
figure, axes = plt.subplots(1, 2, figsize=(5, 2.5))
for axis, picture in zip(axes, (mean_three, mean_seven), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.axis("off")
figure

# %% [markdown]
# That is a classifier already: a new picture is a three if it is nearer to the mean three. "Nearer" needs a distance.
# A simple one is the mean absolute difference of the pixels. Nothing is trained. How often will it be right?
#
# ⟨guess *more than nine of ten | nine of ten | three of four⟩


# %%
def distance(pictures, mean):
    """The mean absolute difference of each picture from a mean picture."""
    return (pictures - mean).abs().mean((1, 2))


def accuracy(is_seven, truths):
    """The share of right answers."""
    return (is_seven == (truths == 1)).float().mean().item()


claim(
    "mean_now", accuracy(distance(valid_x, mean_seven) < distance(valid_x, mean_three), valid_y), near=0.95, within=0.04
)

# %% [markdown]
# About {mean_now:.0%}. This is our baseline: whatever we train has to beat a mean picture.
#
# ⟨ask 6.05⟩

# %% [markdown]
# ## Shapes, and how they meet {#shapes .tensor}
#
# Look again at `pictures - mean`. The first has the shape (200, 28, 28), the second (28, 28). PyTorch lines the shapes
# up from the right, and where one tensor has no axis it is used again for each place: the mean is subtracted from every
# picture. That is *broadcasting*, and no copy is made.
#
# Two words that are often mixed up: the *rank* of a tensor is the number of its axes, its *shape* their lengths.
#
# `mean((1, 2))` averages over the axes 1 and 2, rows and columns. What is left is axis 0: a distance for each picture.
# When code with tensors is wrong, a shape is the reason more often than not. So print shapes, always.
#
# ⟨ask 6.04⟩

# %% [markdown]
# ## A knob and its slope {#slope}
#
# Nothing in a mean picture can be tuned. To *learn*, we need numbers that can change, parameters, and a way to know in
# which direction. Take one parameter, and a loss that we can see whole.

# %%
w = torch.tensor(3.0, requires_grad=True)
loss = (w - 1) ** 2
loss.backward()
w.grad

# %% [markdown]
# `backward` answers a question: if `w` grows a little, how much does the loss grow for each unit? Here four times as
# much. This number is the slope; the slopes of all parameters together are the *gradient*. It points uphill. We want to
# go down, so we take a *step* against it: a small one, since the slope holds only near where we stand. How small is up
# to us and is called the learning rate.

# %%
rate = 0.1
for _ in range(5):
    with torch.no_grad():  # the step itself is not part of what is differentiated
        w -= rate * w.grad
        w.grad = None  # `backward` adds to what is there
    loss = (w - 1) ** 2
    loss.backward()
    print(f"w = {w.item():.3f}   loss = {loss.item():.3f}")

# %% [markdown]
# The goal is 1, and each step goes a fifth of the way. Try `rate = 1.1` and see what happens: the loss grows.
#
# ⟨ask 6.12⟩

# %% [markdown]
# ## A line, by descent {#descent}
#
# Now with two parameters and data. The points lie near a line; the computer does not know which. The same few steps
# find it, and they will stay the same for a network with a million parameters:
#
# 1. **Start** with any parameters.
# 2. **Predict** with them.
# 3. Measure the **loss**: one number, smaller is better.
# 4. Compute the **gradient**.
# 5. **Step** against it.
# 6. **Repeat** from 2.
# 7. **Stop** when it is good enough.

# %%
torch.manual_seed(0)
inputs = torch.rand(40) * 4
points = 2 * inputs + 3 + torch.randn(40) * 0.2

slope, start = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
for _ in range(300):
    predictions = slope * inputs + start
    loss = ((predictions - points) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in (slope, start):
            parameter -= 0.1 * parameter.grad
            parameter.grad = None
claim("slope", slope.item(), near=2.0, within=0.1)
claim("start", start.item(), near=3.0, within=0.2)

# %% [markdown]
# The points were made with a slope of 2 and a start of 3. The start has a name that you will meet in every layer: the
# *bias*, the number that is added whatever the input is.
#
# For pictures we do the same with 784 inputs: each pixel gets a weight, the weighted pixels are summed, a bias is
# added. `pixels @ weights` is this sum for all pictures at once.
#
# ⟨ask 6.17⟩

# %% [markdown]
# ## A loss that moves {#loss}
#
# What should the loss be? We care about accuracy, so why not 1 minus accuracy?
#
# ⟨guess it would work | *it would not work at all | it would work slowly⟩
#
# Take a weight for each pixel, the mean seven minus the mean three. Move one weight up a little, then the next, and count
# the answers that change.

# %%
flat, weights = train_x.reshape(-1, 784).double(), (mean_seven - mean_three).reshape(-1).double()
outputs = flat @ weights
limit = outputs.mean()
changed = [((outputs + 1e-5 * pixel > limit) != (outputs > limit)).sum().item() for pixel in flat.T]
claim("weights", len(changed), near=784, within=0)
claim("changed", sum(changed), near=0, within=0)

# %% [markdown]
# {weights:.0f} weights were moved, and {changed:.0f} answers changed. So the accuracy did not change either: its slope is 0,
# almost everywhere. The parameters would stand still. We need a loss that notices when an answer becomes a little *surer*.
#
# So let the model say how sure it is. The *sigmoid* squashes any number into a probability between 0 and 1. The
# loss is minus the logarithm of the probability that was given to the truth. Sure and right costs nearly nothing; sure
# and wrong costs a lot.

# %% tags=["alt:An S-shaped curve. It is near 0 for raw outputs below minus 5, one half at 0, and near 1 above 5."]
raw = torch.linspace(-6, 6, 100)
figure, axis = plt.subplots(figsize=(5, 2.5))
axis.plot(raw, raw.sigmoid())
axis.set(xlabel="raw output of the model", ylabel="probability of a seven")
figure


# %%
def batch_loss(outputs, truths):
    """The mean loss of raw outputs; written so that it stays finite where a sigmoid is rounded to 0 or 1."""
    return torch.nn.functional.binary_cross_entropy_with_logits(outputs, truths)


for output in (-4.0, 0.0, 1.0, 1.1, 4.0):
    print(f"{output:5.1f}  loss if it is a seven: {batch_loss(torch.tensor(output), torch.tensor(1.0)).item():.3f}")

# %% [markdown]
# Between `1.0` and `1.1` the answer is the same, and the loss falls a little. That little is all that descent needs.
#
# ⟨ask 6.14⟩

# %% [markdown]
# ## Batch by batch {#batches}
#
# One question is left: how many pictures for each step? With one, the slope is noise: the next picture may say the
# opposite. With all of them each step is slow, and a pass over the data gives just one. A *mini-batch* of 64 is the
# usual middle. In each pass, an *epoch*, the pictures come in a new order.
#
# ⟨ask 6.16⟩

# %% [markdown]
# ## The training loop {#loop}
#
# You have seen every line of this. It trains any model that is given as a function and a list of parameters.


# %%
def train(model, parameters, pictures, truths, *, epochs, seed, rate=0.1):
    """Trains in place, by gradient descent on mini-batches of 64."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(pictures), generator=generator).split(64):
            loss = batch_loss(model(pictures[rows].reshape(-1, 784)), truths[rows])
            loss.backward()
            with torch.no_grad():
                for parameter in parameters:
                    parameter -= rate * parameter.grad
                    parameter.grad = None


def linear(seed):
    """A weight for each pixel, and a bias."""
    weights = torch.randn(784, generator=torch.Generator().manual_seed(seed)) * 0.01
    parameters = [weights.requires_grad_(), torch.zeros(1, requires_grad=True)]
    return (lambda pixels: pixels @ parameters[0] + parameters[1]), parameters


model, parameters = linear(seed=0)
train(model, parameters, train_x, train_y, epochs=20, seed=0)
with torch.no_grad():
    claim("linear_now", accuracy(model(valid_x.reshape(-1, 784)) > 0, valid_y), near=0.975, within=0.03)

# %% [markdown]
# The weights have the shape of a picture, so we can look at them. Before you do: what will they look like?
#
# ⟨guess noise | *a seven minus a three | a seven⟩

# %% tags=["alt:The 784 weights as a picture of red and blue. Red, for a seven, lies along the seven's diagonal stroke; blue, against it, where a three has its lower bow and its middle bar. Towards the edges the weights are near zero."]
figure, axis = plt.subplots(figsize=(3, 3))
axis.imshow(parameters[0].detach().reshape(28, 28), cmap="RdBu_r", vmin=-0.5, vmax=0.5)
axis.axis("off")
figure

# %% [markdown]
# Ink on red speaks for a seven, ink on blue against it. Nobody drew this; the steps found it.
#
# ⟨ask 6.13⟩

# %% [markdown]
# ## One bend {#bend}
#
# All that our model can do is add up ink with weights. Two such layers after each other? They would be one again: a
# sum of sums is a sum. What makes a network more than a line is a *bend* between the layers. The usual one is *ReLU*:
# negative numbers become 0, all others stay.
#
# So: 30 sums, a bend, and a sum of the 30. This is a neural network.
#
# ⟨ask 6.19⟩


# %%
def bent(seed):
    """Thirty weighted sums, a ReLU, and a sum of the thirty."""
    generator = torch.Generator().manual_seed(seed)
    parameters = [
        torch.randn(784, 30, generator=generator) / 784**0.5,  # divided, so that sums keep their size
        torch.zeros(30),
        torch.randn(30, generator=generator) / 30**0.5,
        torch.zeros(1),
    ]
    weights, bias, last_weights, last_bias = [parameter.requires_grad_() for parameter in parameters]
    return (lambda pixels: (pixels @ weights + bias).relu() @ last_weights + last_bias), parameters


# %% [markdown]
# ## Did the bend help? {#judge}
#
# You have a mean picture, a line with 785 parameters, and a network with 23,581. Which one wins, and by how much?
#
# ⟨guess network by a lot | network by a little | *no difference that can be measured⟩
#
# One split and one seed would answer by luck. So we train both five times, with other splits and starting weights, and
# compare them on the same pictures.


# %% tags=["seconds:20"]
def compare(seed):
    """Right or not, for the 200 valid pictures: by mean pictures, line and network."""
    train_x, train_y, valid_x, valid_y = split(seed)
    means = [train_x[train_y == label].mean(0) for label in (0, 1)]
    answers = [distance(valid_x, means[1]) < distance(valid_x, means[0])]
    for make, epochs in ((linear, 20), (bent, 40)):
        model, parameters = make(seed)
        train(model, parameters, train_x, train_y, epochs=epochs, seed=seed)
        answers.append(model(valid_x.reshape(-1, 784)) > 0)
    return torch.stack([answer == (valid_y == 1) for answer in answers]).numpy()


right = np.concatenate([compare(seed) for seed in range(5)], axis=1)
claim("mean", right[0].mean(), near=0.942, within=0.02)
claim("line", right[1].mean(), near=0.984, within=0.012, above="mean", by=0.02)
claim("network", right[2].mean(), near=0.981, within=0.014)

# %%
difference = right[2].astype(int) - right[1].astype(int)
draws = np.random.default_rng(0).choice(difference, (2000, len(difference))).mean(1)
low, high = np.quantile(draws, [0.025, 0.975])
claim("bend_low", 100 * low, near=-0.7, within=1.0)
claim("bend_high", 100 * high, near=0.4, within=1.0)

# %% [markdown]
# Mean pictures {mean:.1%}, line {line:.1%}, network {network:.1%}. The network minus the line: between
# {bend_low:+.1f} and {bend_high:+.1f} points. **The bend brings nothing that can be measured here**, for thirty times
# the parameters. Threes and sevens can be told apart by adding up ink, and a line does that.
#
# This surprise is common: the simple model is enough, and you only see it if you build it. On all ten digits the picture
# changes. You find out by how much in the first assignment.
#
# ⟨ask 6.23⟩
#
# What did training leave behind? Numbers. Let us write them down, those of all three models, as text.

# %% tags=["page:three_or_seven.json"]
import json
from pathlib import Path

network, network_parameters = bent(seed=0)
train(network, network_parameters, train_x, train_y, epochs=40, seed=0)


def as_lists(tensors):
    """The numbers of each tensor in one list, with four decimals."""
    return [[round(number, 4) for number in tensor.flatten().tolist()] for tensor in tensors]


numbers = {
    "means": as_lists([mean_three, mean_seven]),
    "line": as_lists(parameters),
    "network": as_lists(network_parameters),
    "pictures": as_lists([valid_x[valid_y == 0][0], valid_x[valid_y == 1][0]]),
}
size = Path("three_or_seven.json").write_text(json.dumps(numbers))
print(f"{size // 1000} kB, of which the line is {len(json.dumps(numbers['line'])) // 1000} kB")

# %% [markdown]
# Whoever has this file, and the few lines above that multiply and add, has the models: in any language, on any machine.
# This lesson's page has it, and forty lines of JavaScript. Build the pages (`headway course site --open`), draw a digit,
# and all three answer. Then draw one in a corner, and an 8. What do they say, and how sure are they?

# %% [markdown]
# ## Who is harmed? {#harm}
#
# These digits were written in the United States, by employees of the Census Bureau and by high-school students
# ⟨fact: LeCun, Cortes and Burges, "The MNIST database of handwritten digits"⟩. In other countries people put a bar
# through the seven, or begin the one with a long upstroke. A model that was judged on these digits alone may look
# nearly perfect and fail for them: with a cheque, a postcode, an exam.
#
# A mean over all pictures cannot show that. Before such a model decides anything, ask who is in the data and who is
# not. Collect from those who are missing, and report the error for each group. And give people a way to object: a
# number that was misread should be easy to correct.
#
# ⟨ask 6.25⟩

# %% [markdown]
# ## The same loop in the library {#library}
#
# Open `headway/train/loop.py`. The loop there has the same order: batch, outputs, loss, `backward`, step, clear.

# %%
import inspect

from headway.train import loop

print(inspect.getsource(loop.train_step))

# %% [markdown]
# What stands around it is care, not magic: a loader that shuffles, reads pictures from disk and stacks them; optimizers
# that adapt the step; checks that the loss is finite; a state that can be saved at any moment. You now know what all of
# it serves.
#
# ⟨ask 6.24⟩

# %% [markdown]
# ## Words {#words}
#
# | word | what it means |
# |---|---|
# | tensor | an array of numbers, of any number of axes, that can compute gradients |
# | rank, shape | the number of axes; their lengths |
# | broadcasting | shapes are lined up from the right; an axis that is missing is used again for each place |
# | gradient | the slope of the loss for each parameter; it points uphill |
# | step | the change of the parameters: minus learning rate times gradient |
# | bias | the number that a layer adds, whatever its input |
# | sigmoid | squashes any number into 0 to 1 |
# | mini-batch, epoch | the items of one step; one pass over all of them |
# | ReLU | the bend: negative becomes 0 |
# | training loop | start, predict, loss, gradient, step, repeat, stop |
#
# The exercises come next. Take them in order; each is a part of the last one.
