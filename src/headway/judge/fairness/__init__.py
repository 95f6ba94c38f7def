"""Who is harmed: a model's answers by group of people, where differences come from, and what can be done."""
