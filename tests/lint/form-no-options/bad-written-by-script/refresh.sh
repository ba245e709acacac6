#!/bin/bash
# Adds an option for each image.
sed -i "s|^    options:|&\n      - $1|" form.yml
