#!/bin/bash
# appgen: ignore-file[script-not-executable]
exec sleep 60  # appgen: ignore[script-missing]
