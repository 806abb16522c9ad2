"""What goes wrong with threads in Paramiko programs: one folder for each hazard.

A folder holds the hazard's identity (``__init__.py``), its words (``page.md``), its proof (``demo.py``) and its lenses
(``runtime.py``, ``log.py``, ``dump.py``, ``static.py``), as far as they exist.
`paramedic.hazards.catalogue` lists them.
"""
