"""Paramiko's debug logs, read as an expert would: lines -> messages -> what each transport and channel did.

`paramedic.logs.reading` is the way in. Nothing here judges: what a fact means is said by the lenses in
``hazards/*/log.py``.
"""
