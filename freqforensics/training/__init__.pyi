from .ablation import Ablation as Ablation, run_ablation as run_ablation
from .recipe import TrainConfig as TrainConfig
from .train import Training as Training, plan_training as plan_training, train_detector as train_detector
