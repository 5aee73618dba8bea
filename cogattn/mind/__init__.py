"""The laws as events in time: one mind, one engine, two drivers.

`engine` says who goes first; a mechanism is a file: `race`, `store`, `central`, `search`, `decision`, `focus`,
`alertness`, `calls`. `state` puts together what they add. `world` drives a mind in SimPy, `cohort` many, compiled.
"""
