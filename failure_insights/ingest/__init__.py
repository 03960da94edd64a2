"""Import: lines of calls are read, checked, and stored in batches."""
