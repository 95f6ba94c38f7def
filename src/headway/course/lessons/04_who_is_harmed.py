# %% [markdown]
# # Who is harmed?
# id = 4, layer = "call", minutes = 45, needs = [1, 2]
#
# A model can be right equally often for two groups, and ruin the one and not the other. After this lesson you can measure it,
# name where it comes from, and ask what no number shows.
# %% [markdown]
# ## The same accuracy, different lives {#lives}
# A bank has four thousand old applications for loans. It trains a model to say who repays, and tries it on four thousand
# new ones. Applicants belong to group A or B; the model does not see which.
#
# A program made these people, so we know for everyone who would repay. A real table knows it only for those who got a loan.
# %%
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import headway as hw
from headway.course.claims import claim
from headway.course.data import loans, sheet
from headway.judge.fairness.feedback import simulate_feedback
from headway.judge.intervals import wilson

MEANS = ["income", "debt", "years_employed", "savings"]


def fit(table, columns, target="repaid"):
    """A logistic regression that says yes or no from these columns."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return model.fit(table.select(columns).to_numpy(), table[target].to_numpy())


past, new = loans(0, measurement=1.0), loans(1, measurement=1.0)
model = fit(past, MEANS)
yes = model.predict(new.select(MEANS).to_numpy())
is_b, repaid = (new["group"] == "B").to_numpy(), new["repaid"].to_numpy()
claim("everyone", repaid.mean(), near=0.674, within=0.02)
claim("accuracy_a", (yes == repaid)[~is_b].mean(), near=0.746, within=0.02, above="everyone")
claim("accuracy_b", (yes == repaid)[is_b].mean(), near=0.746, within=0.02, above="everyone")


# %% [markdown]
# A loan for everyone would be right for {everyone:.0%}. The model is right for {accuracy_a:.1%} of group A and {accuracy_b:.1%} of
# group B. Is it fair?
#
# ⟨guess yes, both groups get the same | no | *I cannot say from these numbers⟩
#
# Accuracy counts two kinds of mistakes as one. Look at the people who would have repaid: how many of them are refused?
# %%
def missed(answer, table, group):
    """Of the group's good payers, the share who are refused, with its interval."""
    payers = ((table["group"] == group) & table["repaid"]).to_numpy()
    return wilson(int((~answer[payers]).sum()), int(payers.sum()))


claim("missed_a", missed(yes, new, "A"), near=0.05, within=0.02)
claim("missed_b", missed(yes, new, "B"), near=0.18, within=0.04, above="missed_a", by=0.08)
wrong = yes != repaid
claim("refusals_a", repaid[wrong & ~is_b].mean(), near=0.12, within=0.05)
claim("refusals_b", repaid[wrong & is_b].mean(), near=0.43, within=0.08, above="refusals_a", by=0.2)
# %% [markdown]
# In A {missed_a:.0%} of the good payers are refused, in B {missed_b:.0%} ({missed_b.low:.0%} to {missed_b.high:.0%}). Both
# groups get as many mistakes, but not the same ones. In A nearly all are loans that fail: the bank pays. In B
# {refusals_b:.0%} are refusals, in A {refusals_a:.0%}: people pay.
#
# ⟨ask 4.01⟩
# %% [markdown]
# ## Measure by group {#measure}
# Three rates tell most of it. All are shares, with intervals, on people whom the model was not trained on:
#
# - **Selection rate**: of all, who gets a yes?
# - **Missed**: of those who should get a yes, who gets a no?
# - **Wrongly selected**: of those who should get a no, who gets a yes?
#
# The report computes them where you name a column.
# %% tags=["seconds:5"]
report = hw.judge_predictions(
    model.predict_proba(new.select(MEANS).to_numpy()),
    repaid.astype(int),
    labels=["fails", "repays"],
    items=new.select("group"),
    slices=["group"],
)
print(*report.slices.sentences, sep="\n")
for gap in report.slices.disparities:
    print(f"{gap.name}: {gap.value}, lower in {gap.lowest}")
claim("gap", report.slices.disparities[1].value, near=0.13, within=0.04, above=0.0)
# %% [markdown]
# Read the first line: no measurable difference in *accuracy*. Who stops there has missed everything. Below it stand the
# names of the literature: the first compares selection rates, the second good payers, the third both kinds of mistakes.
#
# Could {gap:.2f} be chance? Compare with a baseline: give the letters A and B to people at random.
# %%
payers = np.flatnonzero(repaid)
draws = [np.random.default_rng(seed).permutation(is_b[payers]) for seed in range(1000)]
chance = [abs((~yes[payers])[letters].mean() - (~yes[payers])[~letters].mean()) for letters in draws]
claim("chance", np.quantile(chance, 0.95), near=0.025, within=0.01)
# %% [markdown]
# With letters at random the gap stays below {chance:.3f}, 95 times of 100. Ours is not luck.
#
# Look at groups of groups, too. Of three services that tell a face's gender, one was wrong for 34.7 % of women with darker
# skin; none for more than 0.8 % of men with lighter skin ⟨fact: Buolamwini and Gebru, Gender Shades, 2018⟩. An average over
# all faces hides that.
#
# ⟨ask 4.02⟩ ⟨ask 4.06⟩ ⟨ask 4.04⟩ ⟨ask 4.05⟩ ⟨ask 4.03⟩
# %% [markdown]
# ## Where it comes from {#sources}
# "The data are biased" helps nobody. How did it come in? Suresh and Guttag name sources along the way from the past to
# the use ⟨fact: A Framework for Understanding Sources of Harm, 2021⟩. Six of them:
#
# | bias | what happens |
# |---|---|
# | historical | the past was unfair, and is recorded correctly |
# | representation | some people are missing from the data |
# | measurement | a column or label stands for something else, more so for some |
# | aggregation | one rule for groups that need two |
# | evaluation | it is judged on the wrong people or by the wrong label |
# | deployment | it is used for what it was not made for |
#
# Our program has a dial for each of the first four. What you saw above was *measurement*: B's income is recorded too low.
#
# Now *representation*. We remove nine of ten people of group B from the training table. How much more often are good
# payers of B refused than those of A?
#
# ⟨guess *hardly more often | twice as often | five times as often⟩
# %% tags=["seconds:4"]
HOME = ["district", "phone_plan"]
dials = {
    "none": {},
    "historical": {"history": 1.0},
    "representation": {"sample": 0.9},
    "measurement": {"measurement": 1.0},
    "aggregation": {"aggregation": 1.0},
    "two together": {"sample": 0.9, "aggregation": 1.0},
}
rates = {}
for name, dial in dials.items():
    # The bank learns from its old decisions in the second row, and from what became of the loan in all others.
    columns, target = ([*MEANS, *HOME], "approved") if name == "historical" else (MEANS, "repaid")
    pairs = []
    for seed in range(5):
        people = loans(2 * seed + 1, **{key: value for key, value in dial.items() if key != "sample"})
        answer = fit(loans(2 * seed, **dial), columns, target).predict(people.select(columns).to_numpy())
        pairs.append([missed(answer, people, group).value for group in "AB"])
    rates[name] = np.mean(pairs, axis=0)
    print(f"{name:15} good payers refused: A {rates[name][0]:.2f}   B {rates[name][1]:.2f}")
claim("none", rates["none"][1] - rates["none"][0], near=0.00, within=0.02)
claim("representation", rates["representation"][1] - rates["representation"][0], near=0.00, within=0.02)
claim("together", rates["two together"][1] / rates["two together"][0], near=1.9, within=0.3, above=1.3)
claim("historical_a", rates["historical"][0], near=0.28, within=0.03)
claim("historical_b", rates["historical"][1], near=0.70, within=0.03, above="historical_a", by=0.3)
# %% [markdown]
# Hardly more often: the two rates differ by {representation:.3f}, as without the dial ({none:.3f}). Debt and income mean the
# same in both groups, so what is learned from A holds for B. People who are missing are harmed where they *differ*. In the last row they are
# missing and debt means the opposite for them: their good payers are refused {together:.1f} times as often as A's.
#
# Whether they differ, you cannot see while they are missing.
#
# The second row is the worst: {historical_b:.0%} against {historical_a:.0%}. There the bank learned from its clerks' old
# decisions. No cell of that table is false; they did decide that way.
#
# ⟨ask 4.07⟩ ⟨ask 4.08⟩ ⟨ask 4.09⟩
# %% [markdown]
# ## Take the column out {#proxies}
# "Then let it not see the group." We train on the clerks' decisions three times: with a column for the group, without it,
# and also without the columns for district and phone plan.
#
# With the group, the selection rates of A and B are far apart. How much of the gap is left when that column goes?
#
# ⟨guess nothing | about a third | *about two thirds | all of it⟩
# %%
old, people = (loans(seed, history=1.0).with_columns(b=pl.col("group") == "B") for seed in (0, 1))
group_b = people["b"].to_numpy()


def selection_gap(columns):
    """The selection rate of A less that of B, by a model of the old decisions."""
    answer = fit(old, columns, "approved").predict(people.select(columns).to_numpy())
    return answer[~group_b].mean() - answer[group_b].mean()


claim("with_group", selection_gap([*MEANS, *HOME, "b"]), near=0.60, within=0.05)
claim("without_group", selection_gap([*MEANS, *HOME]), near=0.40, within=0.06, above=0.25)
claim("bare", selection_gap(MEANS), near=0.03, within=0.04)
home = people.select(HOME).to_numpy()
scores = cross_val_predict(LogisticRegression(), home, group_b, cv=5, method="predict_proba")[:, 1]
claim("auroc", roc_auc_score(group_b, scores), near=0.95, within=0.02, above=0.75)
# %% [markdown]
# Of {with_group:.2f}, {without_group:.2f} is left. District and phone plan are **proxies**: they tell the group with an AUROC
# of {auroc:.2f}. The old decisions followed the group, so whatever tells it is worth learning. Without the proxies,
# {bare:.2f} is left.
#
# A name can be a proxy. Searches for names given mostly to Black babies brought advertisements with the word "arrest" more
# often than other names ⟨fact: Sweeney, Discrimination in Online Ad Delivery, 2013⟩.
#
# What does one see who judges this model by the old decisions, as a bank would?
# %%
answer = fit(old, [*MEANS, *HOME], "approved").predict(people.select([*MEANS, *HOME]).to_numpy())
agrees = answer == people["approved"].to_numpy()
claim("agrees_a", agrees[~group_b].mean(), near=0.76, within=0.03)
claim("agrees_b", agrees[group_b].mean(), near=0.82, within=0.03, above="agrees_a")


# %% [markdown]
# Right for {agrees_a:.0%} of A and {agrees_b:.0%} of B: it seems to *favour* B. That is evaluation bias. A biased label
# hides what it did.
#
# ⟨ask 4.10⟩
# %% [markdown]
# ## Three rules that cannot all hold {#rules}
# What would be fair? Here are three sensible rules. Equal selection rates. Equal rates of mistakes. A yes means the same in
# both groups: equally many of the loans are repaid. Choose all three?
#
# ⟨guess only two at once | *it depends on the groups | a good model can have all three⟩
#
# The share of a group who would repay is its **base rate**. Say `0.5` in A and `0.3` in B. In both groups `0.8` of the
# good payers get a loan, and `0.8` of the loans are repaid. Then nothing is left to choose:
# %%
def wrongly_selected(base_rate, repaid_loans=0.8, payers_served=0.8):
    """Of those who would fail, the share who get a loan; it follows from the other three."""
    served = base_rate * payers_served
    failing = served / repaid_loans - served
    return failing / (1 - base_rate)


claim("forced_a", wrongly_selected(0.5), near=0.2, within=0.001)
claim("forced_b", wrongly_selected(0.3), near=0.086, within=0.001)


# %% [markdown]
# In A {forced_a:.0%} of those who would fail get a loan, in B {forced_b:.0%}. Two rates agree, so the third *must* differ, as
# long as base rates differ and the model makes mistakes
# ⟨fact: Kleinberg, Mullainathan and Raghavan, Inherent Trade-Offs, 2016⟩.
#
# This was a real dispute. The score COMPAS says who will be arrested again. Of the people who were not, it had called 45 % of
# the Black and 23 % of the white ones risky ⟨fact: ProPublica, 2016; Dressel and Farid, Science Advances, 2018⟩. Its maker
# answered that "risky" means nearly the same for both. Both had counted correctly. Which mistake weighs more is a decision,
# and somebody must answer for it. Code that does not choose has chosen.
#
# ⟨ask 4.12⟩ ⟨ask 4.13⟩
# %% [markdown]
# ## When answers become data {#loop}
# In use, a model's answers decide what is recorded next. That is a **feedback loop**.
#
# Two districts have the same crime. By luck, one has 52 records and the other 48. Every week 100 patrols go out, eight of
# ten to the district with more records. What a patrol finds is recorded, and the next week begins. After 50 weeks?
#
# ⟨guess *the first is ahead in all runs | the first is ahead in most runs | chance has evened it out⟩
# %% tags=["seconds:4", "alt:Three panels, 30 runs each, the first district's share of the records over 50 weeks. Sent to most records, all runs climb from one half to about three quarters. In proportion to records they spread and stay where they drift. Spread evenly, all stay near one half."]
ends = {}
figure, panels = plt.subplots(1, 3, figsize=(9, 2.6), sharey=True)
for panel, rule in zip(panels, ("most records", "in proportion", "evenly"), strict=True):
    shares = simulate_feedback(rule, records=(52, 48), visits=100, rounds=50, runs=300).shares[:, :, 0]
    panel.plot(shares[:30].T, color="tab:blue", alpha=0.3)
    panel.set(title=rule, xlabel="week", ylim=(0.35, 0.85))
    ends[rule] = shares[:, -1]
panels[0].set_ylabel("first district's share")
claim("share_most", ends["most records"].mean(), near=0.753, within=0.005)
claim("ahead_most", (ends["most records"] > 0.5).sum(), near=300, within=0)
claim("share_proportion", ends["in proportion"].mean(), near=0.52, within=0.01)
claim("ahead_proportion", (ends["in proportion"] > 0.5).sum(), near=210, within=20)
claim("share_evenly", ends["evenly"].mean(), near=0.504, within=0.005)
claim("ahead_evenly", (ends["evenly"] > 0.5).sum(), near=180, within=20)
# %% [markdown]
# It was ahead in {ahead_most:.0f} of 300 runs, with {share_most:.0%} of the records. Nobody found out anything about the
# districts: the table was filled with its own past. The baseline without a loop, patrols spread evenly, gives
# {share_evenly:.0%} and {ahead_evenly:.0f} of 300. The gentle rule, patrols in proportion to records, gives
# {share_proportion:.0%} on average, and each run keeps what luck gave it.
#
# One remedy is to count a find the less, the more often one looked: add `weighed=True`, and run the cell again.
#
# For a model of police software, such a run-away is proven ⟨fact: Ensign and others, Runaway Feedback Loops in Predictive Policing, 2018⟩.
# Films are no better than patrols: what is shown is clicked, and what is clicked is shown. Nobody needs to want it.
#
# ⟨ask 4.14⟩ ⟨ask 4.15⟩ ⟨ask 4.16⟩ ⟨ask 4.17⟩
# %% [markdown]
# ## Who can object? {#recourse}
# All models make mistakes. What these do to people depends on what comes after. Four cases:
#
# - Arkansas let a formula set the hours of care at home. Tammy Dobbs, who has cerebral palsy, went from 56 hours a week to
#   32 ⟨fact: The Verge, March 2018⟩. Later it came out that the formula left out illnesses, for hundreds of people
#   ⟨fact: Benefits Tech Advocacy Hub, case study on Arkansas⟩.
# - An audit of California's database of gang members showed 42 who were under one year old when entered; 28 of them were
#   said to have admitted it ⟨fact: California State Auditor, August 2016⟩.
# - A score for extra care in American hospitals took costs for illness. Less is spent on Black patients, so they had to be
#   sicker to get the same score ⟨fact: Obermeyer and others, Science, 2019⟩.
# - James Liang, an engineer, helped to write software that kept a diesel's exhaust within limits only while it was tested. He
#   was sentenced to 40 months in prison ⟨fact: US Department of Justice, August 2017⟩.
#
# In the first two, people were not shown the reason, so they could not contest it. **Recourse** is the way back: a reason in
# writing, a person who may change the decision, corrected data. It is part of the product, as the model is. The fourth case
# says who answers: whoever builds it, too.
#
# ⟨ask 4.18⟩ ⟨ask 4.19⟩ ⟨ask 4.20⟩
# %% [markdown]
# ## Before you start {#review}
# There is no list of right answers. There are questions. Look through five lenses: *rights* (may people refuse?), *justice*
# (who bears the mistakes?), *utility* (does it help more than it hurts?), *common good* (what happens to what we share?),
# *virtue* (who do we become?). Then ask fourteen, together with people who will live with it:
#
# 1. Should we do this at all?
# 2. Which decision follows from the answer?
# 3. What does the label stand for?
# 4. Who is in the data, and who is missing?
# 5. Did they agree?
# 6. What is known of each group: rates, intervals?
# 7. Which groups can we not judge?
# 8. Does a simple rule do as well?
# 9. Which mistake is worse, and for whom?
# 10. Who decides against the model, and may they?
# 11. How does somebody object?
# 12. Do its answers become its data?
# 13. What if it is used for something else?
# 14. Who looks again, and when?
#
# The answers go into a **model card**, beside the model: what it is for, what not, and how good it is for whom. Data get a
# **data sheet**. Here is the end of ours for the loans. What would you add?
# %%
print(sheet("loans").partition("## What is wrong with them")[2].strip())
# %% [markdown]
# Measuring shows a harm. A process makes somebody look. A team in which some have lived it knows where to look. Where the
# costs fall on strangers, it takes law.
#
# ⟨ask 4.21⟩ ⟨ask 4.22⟩ ⟨ask 4.23⟩
# %% [markdown]
# ## Who is harmed? {#harm}
# > By this lesson, perhaps. It makes harm look like a number: two letters, three rates, a gap to close. Close it, and the
# > loan may still be a bad one for everybody who gets it.
# >
# > A program chose our letters. In life somebody decides who counts as a group, and to measure it you must record what
# > people may have good reasons to keep to themselves. Whoever belongs to two small groups is in no row of your report.
# >
# > And a model that is equally good for all can still do what should not be done. A camera that knows every face is no
# > better for those whom it follows. So measure, and then ask the first of the fourteen again.
#
# ⟨ask 4.24⟩
# %% [markdown]
# ## Words {#words}
# | word | what it means |
# |---|---|
# | selection rate | of all in a group, the share who get a yes |
# | missed, wrongly selected | of those who should get a yes, a no; the other way round |
# | base rate | the share of a group for whom yes is right |
# | proxy | a column that tells what another one says |
# | historical, representation, measurement, aggregation, evaluation, deployment bias | six places where harm comes in |
# | feedback loop | answers decide what is recorded, and records decide the answers |
# | recourse | a reason, a person who may change the decision, corrected data |
# | model card, data sheet | what it is for and for whom it works; where data come from and what is wrong with them |
#
# ⟨ask 4.11⟩
#
# The exercises come next. In the fourth you write the test that would have found the proxies.
