"""`headway course collect`: a page that takes pictures of the learner's own things, with the camera or from files."""
