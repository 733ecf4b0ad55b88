"""What leaves the process: result files, Weights & Biases, Trackio, MLflow, the Hugging Face Hub."""

from __future__ import annotations

from lm_eval.loggers.evaluation_tracker import EvaluationTracker, GeneralConfigTracker
from lm_eval.loggers.mlflow_logger import MLflowLogger
from lm_eval.loggers.trackio_logger import TrackioLogger
from lm_eval.loggers.wandb_logger import WandbLogger

__all__ = ["EvaluationTracker", "GeneralConfigTracker", "MLflowLogger", "TrackioLogger", "WandbLogger"]
