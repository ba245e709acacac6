#!/bin/bash
export JUPYTER_TOKEN="$(create_passwd 32)"
jupyter lab --ip=0.0.0.0 --ServerApp.token='' --ServerApp.password=''
