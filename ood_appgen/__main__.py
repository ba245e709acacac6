"""`python -m ood_appgen` is `appgen`."""

from ood_appgen.cli import main

main()
