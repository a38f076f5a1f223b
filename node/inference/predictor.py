"""The bundle behind the `Predictor` port: the only place where the node meets torch."""



