"""A model as programs for Keras 1 made it: ``seqtopo check --select ST8`` says what Keras 3 calls it."""

import numpy as np
from keras.layers import LSTM, Convolution1D
from keras.layers.core import Dense
from keras.models import Sequential
from keras.optimizers import RMSprop

x, y = np.zeros((64, 100, 8)), np.zeros((64, 3))

model = Sequential()
model.add(Convolution1D(32, 5, border_mode="same", input_shape=(100, 8)))
model.add(LSTM(output_dim=64, inner_init="orthogonal"))  # the last step
model.add(Dense(3, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(lr=0.01))
model.fit(x, y, nb_epoch=10)
classes = model.predict_classes(x)
