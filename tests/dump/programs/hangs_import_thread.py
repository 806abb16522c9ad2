# connect-at-import stock
# ruff: noqa
import inventory_module
