"""A model with a classic mistake, for the guide."""

import numpy as np
from keras import Input, Sequential
from keras.layers import LSTM, Dense

windows = np.random.rand(200, 24, 8)
answers = np.random.rand(200, 1)

model = Sequential()
model.add(Input((24, 8)))
model.add(LSTM(64))
model.add(LSTM(32))
model.add(Dense(1))
model.compile("adam", "mse")
model.fit(windows, answers, epochs=5)
