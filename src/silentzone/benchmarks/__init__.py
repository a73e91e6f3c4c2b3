"""Multiple-choice benchmarks: items, prompts, token pairs and scoring rules."""
