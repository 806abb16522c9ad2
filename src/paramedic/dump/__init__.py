"""Thread dumps of every form, read; and what their stacks say.

``assembly`` and ``forms`` turn text into `paramedic.model.snapshot.Snapshot`, ``activity`` says what each thread does,
``source`` reads the user's files where they can be found, ``facts`` puts them together: who waits for whom.
Nothing here judges; that is for the ``dump`` lenses of the hazards.
"""
