"""What arrives, when, and what it asks: stimuli, tasks and their streams."""
