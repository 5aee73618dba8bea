"""How things look: one style of figures, and the chart of attention over tasks and slots."""
