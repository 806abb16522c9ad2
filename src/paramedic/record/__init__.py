"""The only package that touches the observed program. It imports the standard library, `model` and `trace`, no more.

How it watches: the code objects of the watched Python functions are replaced *in the functions* (`rewrite`). The
functions stay the very same objects with the same signature; a traceback through them shows the same files, lines and
frames as without us; whoever got hold of a function before us is watched too. Only what is written in C (locks,
``SimpleQueue``) is stood in for (`locks`, `queues`).
"""

from paramedic.record.held_modules import hold

hold("record", "trace", "model")
