"""Train a model on a series, score it, save it with notes on its data, forecast with it; all load Keras."""
