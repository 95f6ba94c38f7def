"""The course as pages to read in a browser: built here, without a network, and working as files."""
