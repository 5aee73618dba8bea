"""See it and move it: a page with a slider for every number of a mind."""
