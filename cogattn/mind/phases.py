"""Where an element is on its way: to the store (phase), and to an answer (stage)."""

from __future__ import annotations

# A GONE element has been masked or has faded before it finished, or it has left the store again; one AT_DOOR has
# finished and waits to be let in.
ABSENT, WAITING, RACING, STORED, LOST, GONE, AT_DOOR = range(7)

# Perceived further, at the central stage, in the hand; a search, or a count, is under way; a signal stops the others.
PERCEIVED, CENTRAL, MOVING, DONE, HUNTING, TELLING, STOPPING = range(1, 8)

# The focus when all tasks are attended at once; while it moves.
NOWHERE, BETWEEN = -1, -2
