"""Design spaces: their choices and their size."""
