"""The Headway course: lessons, questions and exercises that run offline and mark themselves.

Importing this package imports nothing else, so `headway course` shows within a moment. Nothing in the library imports
it; the command line does, in `cli/course/`.
"""
