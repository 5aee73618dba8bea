"""The answers: compare, the scorecard, verify, explain, a mind in real time."""
