"""What can happen, by number and by name. The numbers are part of the event record: add, never renumber."""

from __future__ import annotations

# What the world does.
ONSET, MASK, OFFSET, WEIGHT, FORGET, END = range(6)
LOAD, HOLD = 6, 7  # the load on alertness changes; the load on memory changes
CALL, CAPTURE, SLEEPINESS = range(15, 18)  # a speeded stimulus; attention is called back; the day
EXPIRE = 18  # too late to answer: the element is withdrawn

# What a mind does by itself.
OPEN, ENCODE, FULL, FADE, RESPOND, LAPSE, RETURN = range(8, 15)
WAIT, UNLOCK, DISPLACE, DECAY, READY, CHOOSE, STAY, LEAVE, ENGAGE, VISIT, FOUND, QUIT, COUNT_ONE = range(
    20, 33
)
STOP = 33  # responses are called back
REHEARSE, RECALL, OMIT = range(34, 37)  # an item is said inwardly; in recall it is said aloud, or missing
NOTHING = -1

#: number -> name, in the order in which an event record lists them
KINDS: dict[int, str] = {
    ONSET: "onset",
    MASK: "mask",
    OFFSET: "offset",
    WEIGHT: "weight",
    FORGET: "forget",
    END: "end",
    OPEN: "open",
    ENCODE: "encode",
    FULL: "full",
    FADE: "fade",
    LOAD: "load",
    HOLD: "hold",
    CALL: "call",
    CAPTURE: "capture",
    SLEEPINESS: "sleepiness",
    RESPOND: "respond",
    LAPSE: "lapse",
    RETURN: "return",
    EXPIRE: "expire",
    WAIT: "wait",
    UNLOCK: "unlock",
    DISPLACE: "displace",
    DECAY: "decay",
    READY: "ready",
    CHOOSE: "choose",
    STAY: "stay",
    LEAVE: "leave",
    ENGAGE: "engage",
    VISIT: "visit",
    FOUND: "found",
    QUIT: "quit",
    COUNT_ONE: "count",
    STOP: "stop",
    REHEARSE: "rehearse",
    RECALL: "recall",
    OMIT: "omit",
}
