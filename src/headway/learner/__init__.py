"""`Learner`: data and a model, trained, judged and exported."""
