"""An audit that believes everything."""

from headway.course.published import STUDIES, load_study

LEAKS = {"voices": None, "rain": None, "genes": None}


def corrected(name, seed):
    """As published."""
    return STUDIES[name](load_study(name))
