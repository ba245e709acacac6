"""One rule, one file: the folder is the list. See `ood_appgen.lint.rule`."""
