"""The language server ``seqtopo lsp``: specs, and Keras code in Python files and notebook cells.

Everything it says comes from the rooms below it: what the checker finds, the rows of the layers, the graph.
Nothing of a workspace is run or imported. Beside the features of the Language Server Protocol, an editor
that shows drawings uses these:

- The request ``seqtopo/drawing`` takes ``{textDocument: {uri}, kind: "graph" | "unrolled", position?}`` and
  answers ``{svg, version, stale, error, title}``. ``svg`` is the drawing, null where there is none yet.
  ``version`` is the version of the document that it shows. While the text has errors it is the last drawing
  that there was: ``stale`` is true then, and ``error`` says in a line what is wrong; else ``error`` is null.
  In Python code ``position`` chooses the model: the last one that begins at or above it. The drawing follows
  the reader's screen in dark and light; ``theme: "light" | "dark"`` in the request fixes one.
- The notification ``seqtopo/drawingChanged`` with ``{uri, version}`` is sent after each check of a document
  whose drawing was asked for before.
- The command ``seqtopo.draw`` (``workspace/executeCommand``) takes ``{uri, kind, position?}`` as its one
  argument, and returns what the request answers and ``file``, where the drawing is saved until the server
  ends. It lets the editor open that file where it can (``window/showDocument``), else says where it is. An
  editor that has a panel of its own says ``{"drawings": "panel"}`` in its ``initializationOptions``: the
  lenses above a model then name the command ``seqtopo.showDrawing``, with the same argument, which the editor
  provides itself.

The settings, in ``initializationOptions`` and under ``seqtopo`` in ``workspace/didChangeConfiguration``, are
``inlayHints``, ``codeLens``, ``python`` (true by default), ``txt`` (false: whether ``.txt`` files are specs)
and ``drawings``.
"""
