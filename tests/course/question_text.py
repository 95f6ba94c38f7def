"""A file of questions, one of each kind, all in the section `says` of the small lesson."""

from __future__ import annotations

QUESTIONS = """
[[question]]
id = "7.01"
kind = "choice"
section = "says"
prompt = "What is a share of 3 of 4?"
why = "A share is a part of the whole."
options = [
    {text = "3 / 4", right = true, because = "Part over whole."},
    {text = "4 / 3", because = "That is whole over part."},
    {text = "3 * 4", because = "That is a product."},
]

[[question]]
id = "7.02"
kind = "several"
section = "says"
prompt = "Which are more than half?"
why = "Half of 4 is 2."
options = [
    {text = "3 of 4", right = true, because = "3 > 2."},
    {text = "1 of 4", because = "1 < 2."},
    {text = "4 of 4", right = true, because = "4 > 2."},
    {text = "2 of 4", because = "2 is half."},
]

[[question]]
id = "7.03"
kind = "number"
section = "says"
prompt = "What share are 3 of 4?"
answer = 0.75
within = 0.01
verify = "3 / 4"
wrong = [{near = 1.3333, because = "That is whole over part."}]
why = "Part over whole."
hint = "Which of the two is the whole?"
key = true

[[question]]
id = "7.04"
kind = "predict"
section = "says"
prompt = "What does it print?"
code = "share = 3 / 4\\n[share, share > half]"
setup = "half = 0.5"
answer = "[0.75, True]"
wrong = [{text = "[0.75, False]", because = "0.75 is more than half."}]
why = "A comparison gives True or False."

[[question]]
id = "7.05"
kind = "order"
section = "says"
prompt = "How is a share measured?"
steps = ["count all", "count the right ones", "divide", "compare"]
before = [[1, 3], [2, 3], [3, 4]]
why = "Counts come first."

[[question]]
id = "7.06"
kind = "bug"
section = "says"
prompt = "Which line is wrong, and what happens?"
code = "right, whole = 3, 4\\nshare = whole / right\\nshare"
line = 2
symptom = [
    {text = "The share is above 1.", right = true, because = "4 / 3 is 1.33."},
    {text = "It stops with an error.", because = "Both are numbers."},
]
fixed = "right, whole = 3, 4\\nshare = right / whole\\nshare"
verify = "error is None and share > 1"
why = "Part over whole."

[[question]]
id = "7.07"
kind = "word"
section = "predict"
prompt = "What is a part of a whole called?"
accept = ["share", "fraction"]
wrong = [{text = "count", because = "A count is not divided yet."}]
why = "Shares can be compared."

[[question]]
id = "7.08"
kind = "recall"
section = "predict"
prompt = "Why compare shares and not counts?"
answer = "Sets differ in size, and a share divides by the size."
ideas = [
    {text = "sets differ in size", any = [["size", "larger"]]},
    {text = "a share divides by it", any = [["divide", "part of"], ["share", "fraction"]]},
]
traps = [{any = ["percent"], say = "A percentage is a share, written in another way."}]
why = "Otherwise the larger set would win."
"""
