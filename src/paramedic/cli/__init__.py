"""The command ``paramedic``: one module for each sub-command; see `paramedic.cli.main`."""
