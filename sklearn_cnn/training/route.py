"""Which way a plan is trained: in compiled epochs, or through ``keras.Model.fit``."""

from sklearn_cnn import backends

from .losses import Instance, KerasLoss
from .plan import Plan


def why_keras(plan: Plan) -> str | None:
    """What compiled epochs cannot express of a plan, or None."""
    backend = backends.current()
    if not backend.compiles:
        return f"the {backend.name} backend compiles no epochs"
    if plan.architecture.has_own_train_step:
        return "the model has a train_step or compute_loss of its own"
    if not _gives_rows(plan):
        return "the loss gives one number for a batch"
    return None


def _gives_rows(plan: Plan) -> bool:
    """Whether the loss gives one number a row; losses of Keras do."""
    from keras import ops

    family = plan.objective.family
    if not isinstance(family, KerasLoss) or not (
        isinstance(family.source, Instance) or callable(family.source)
    ):
        return True
    dtype = plan.architecture.dtype
    with backends.current().precision(dtype):
        zeros = ops.zeros((2, plan.architecture.units), dtype)
        return len(family.values(zeros, zeros).shape) > 0
