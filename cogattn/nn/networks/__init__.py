"""Networks that take experiments: what one must be able to do, their weights, training, texts and digits."""
