"""The theory as pure functions: no clock, no state, no tensor; each is held against a closed form."""
