"""What all tests share."""

import torch

# Workers run beside each other: a thread each is faster, and the sums are then the same on any machine.
torch.set_num_threads(1)
