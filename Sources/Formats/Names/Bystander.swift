/// Tensors that training keeps beside a network and that its predictions do not use, by their names.
enum Bystander {
  private static let training: Set<Substring> = [
    "optimizer", "optimizers", "optim", "optimizer_state", "optimizer_state_dict", "optimizer_states",
    "scheduler", "schedulers", "lr_scheduler", "lr_schedulers", "scheduler_state_dict", "scaler", "amp",
    "grad_scaler", "amp_scaler", "criterion", "criterions", "loss", "losses", "loss_fn", "loss_func",
    "metric", "metrics", "history", "class_weights", "class_weight", "pos_weight", "rng_state", "rng_states",
    "callbacks", "loops", "confusion_matrix", "confmat",
  ]
  private static let selfSupervised: Set<Substring> = [
    "projector", "projection", "projection_head", "proj_head", "projetion", "projection_mlp", "projections",
    "predictor", "prediction_head", "prediction_mlp", "online_predictor", "online_projector", "prototypes",
    "contrastive_head", "contrast_head", "dino_head", "dino_loss", "memory_bank", "queue", "queue_ptr",
    "last_layer", "bn_proj",
  ]
  /// Modules that exist only where a network is trained without labels: what is called `fc` inside such a
  /// network is a projection head.
  private static let evidenceOfSelfSupervision: Set<Substring> = [
    "predictor", "prediction_head", "prediction_mlp", "online_predictor", "queue", "encoder_k", "encoder_q",
    "momentum_encoder", "base_encoder",
  ]
  private static let counters: Set<Substring> = [
    "num_batches_tracked", "total_ops", "total_params", "n_averaged",
  ]

  /// True for a dictionary of a checkpoint that holds no network.
  static func isContainer(_ key: String) -> Bool {
    training.contains(key[...]) || ["optimizer", "scheduler", "scaler"].contains { key.hasSuffix($0) }
  }

  /// True for a counter that training tools add to modules.
  static func isCounter(_ leaf: Substring) -> Bool { counters.contains(leaf) }

  /// True for the state of training, and for the heads of self-supervised training.
  static func matches(_ path: [Substring]) -> Bool {
    path.contains { part in
      training.contains(part) || selfSupervised.contains(part) || part.hasPrefix("criterion")
        || part.hasSuffix("_loss") || part.hasPrefix("loss_")
    }
  }

  /// True for a name that exists only where a network is trained without labels.
  static func isSelfSupervised(_ component: Substring) -> Bool {
    evidenceOfSelfSupervision.contains(component)
  }

  /// True for `model_ema`, `ema_state_dict` and the like.
  static func isAverage(_ path: [Substring]) -> Bool {
    path.contains { $0.lowercased().split(separator: "_").contains("ema") }
  }
}
