"""Checks an audit of three studies."""

from statistics import mean

from headway.course.checking import case, close, equal, function, value

corrected = function("corrected", "name", "seed")
# The means of our own correction over 20 seeds.
TRUE = {"voices": 0.58, "rain": 0.75, "genes": 0.46}


@case("names what leaks")
def _():
    leaks = value("LEAKS")
    equal(sorted(leaks), ["genes", "rain", "voices"])
    equal(leaks["voices"] is None, False, meaning="voices: who is in train, and who in valid?")
    equal(leaks["genes"] is None, False, meaning="genes: when were the twenty chosen?")
    equal((leaks["voices"], leaks["genes"]), ("groups", "selection"), meaning="the kind of each leak")
    equal(leaks["rain"], None, meaning="rain: everything is computed on days that came before")


@case("says what is true")
def _():
    for name, ours in TRUE.items():
        close(
            mean(corrected(name, seed) for seed in range(8)), ours, within=0.08, meaning=f"{name}, mean of eight seeds"
        )
