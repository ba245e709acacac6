@clean.sh@
