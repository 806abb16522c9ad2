"""Values only: what happened (events), what we conclude (findings), and their wire forms.

Nothing in this package does I/O, reads a clock or knows Paramiko's classes. It imports the standard library alone,
because the recorder uses it inside the observed program.
"""
