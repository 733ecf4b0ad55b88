"""What leaves the process: copies of a run's results for Weights & Biases, Trackio, MLflow and the Hugging Face Hub."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lm_eval.compatibility.submodules import submodule

if TYPE_CHECKING:
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker, GeneralConfigTracker
    from lm_eval.loggers.mlflow_logger import MLflowLogger
    from lm_eval.loggers.trackio_logger import TrackioLogger
    from lm_eval.loggers.wandb_logger import WandbLogger

__all__ = ["EvaluationTracker", "GeneralConfigTracker", "MLflowLogger", "TrackioLogger", "WandbLogger"]

_MODULES = {
    "EvaluationTracker": "evaluation_tracker",
    "GeneralConfigTracker": "evaluation_tracker",
    "MLflowLogger": "mlflow_logger",
    "TrackioLogger": "trackio_logger",
    "WandbLogger": "wandb_logger",
}


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            return submodule(__name__, name)
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
