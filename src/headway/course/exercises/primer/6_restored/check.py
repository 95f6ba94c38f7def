"""Checks `changed`."""

from headway.course.checking import case, equal, function

changed = function("changed", "settings", "name", "value")


@case("changes the value inside")
def _():
    settings = {"size": 64}
    with changed(settings, "size", 128):
        equal(dict(settings), {"size": 128}, meaning="inside of the block the new value holds")


@case("restores it afterwards")
def _():
    settings = {"size": 64, "seed": 1}
    with changed(settings, "size", 128):
        pass
    equal(settings, {"size": 64, "seed": 1}, meaning="what was there before is there again")


@case("removes a name that is new")
def _():
    settings = {}
    with changed(settings, "size", 128):
        pass
    equal(settings, {}, meaning="there was no size before")


@case("restores it after an error too")
def _():
    settings = {"size": 64}
    try:
        with changed(settings, "size", 128):
            raise KeyError("an error in the block")
    except KeyError:
        pass
    else:
        equal("no error", "KeyError", meaning="the error of the block goes on to whoever wrote it")
    equal(settings, {"size": 64}, meaning="what must happen in any case stands in finally")
