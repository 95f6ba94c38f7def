"""Checks `installed`."""

from importlib.metadata import version

from headway.course.checking import case, equal, function

installed = function("installed", "name")


@case("says a version")
def _():
    equal(installed("numpy"), version("numpy"), meaning="what `pip show numpy` says")


@case("knows pip's names")
def _():
    meaning = "the module sklearn has pip's name scikit-learn; `importlib.metadata` goes by pip's"
    equal(installed("scikit-learn"), version("scikit-learn"), meaning=meaning)


@case("says None for what is not there")
def _():
    equal(installed("headway-no-such-package"), None, meaning="an error that was expected is caught, and only that one")


@case("does not import the package")
def _():
    import sys

    sys.modules.pop("mlxtend", None)
    equal(installed("mlxtend"), version("mlxtend"), meaning="its version is written beside it")
    equal("mlxtend" in sys.modules, False, meaning="importing a package runs its code; reading its version does not")
