"""Training: plans, the loop on the host, compiled epochs, learning rules."""

from .loop import bucket, train
from .objective import Objective
from .plan import Plan, Progress, Result, Rows
from .stopping import Reason

__all__ = ["Objective", "Plan", "Progress", "Reason", "Result", "Rows", "bucket", "train"]
