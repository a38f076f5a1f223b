"""Experiments on the method: ablation of the net's parts, and cross-validation of the training."""
