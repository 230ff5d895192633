"""ONNX models as networks of the language, and networks as ONNX models (extra `onnx`).

In:   reading.py      bytes to a model, refused where it is malformed, too large or looks outside its folder
      graph.py        the model as plain nodes; functions.py: its functions put in place of their calls
      constants.py    what is known without running it; folding.py, axes.py: what follows from that
      inputs.py       what goes in, open sizes given
      lowering.py     node by node to steps of a plan.py, batch left out; lower_*.py (in rules.py): how
      idioms.py       normalisations and activations that exporters write as many small nodes
      unsupported.py  what has no meaning here, with its places
      structure.py    what repeats; segments.py, blocks.py, composites.py: in what pieces, as which blocks
      text.py         the whole text; writing.py: its statements; names.py: its names
      importing.py    all of it in order
Out:  exporting.py    a network as a model with zero or random weights; export_layers.py: layer by layer

Nothing but the file named is read: weights kept in other files are counted by their shapes.
"""
