"""What both auditors make of judge explanations: words, vectors, groups, order."""
