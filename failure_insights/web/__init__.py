"""HTTP: the API for programs, the pages for people, and who may see what."""
