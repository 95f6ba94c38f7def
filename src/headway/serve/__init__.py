"""A bundle on the web: a page for people, an interface for programs, and a watch on what comes in; never torch."""
