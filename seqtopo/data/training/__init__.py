"""Train, score and save a model with notes on its data, and forecast with it; all modules load Keras."""
