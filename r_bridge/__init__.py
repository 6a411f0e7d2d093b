"""The way between R and sklearn_cnn: R users call it through the R package ``sklearncnn``.

``python -m r_bridge install`` installs that package, ``python -m r_bridge doctor`` says what is
used and what is wrong, ``python -m r_bridge run script.R`` runs a script of R inside Python.
"""
