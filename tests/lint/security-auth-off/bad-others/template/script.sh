#!/bin/bash
export DISABLE_AUTH=true
env MWI_ENABLE_TOKEN_AUTH="False" matlab-proxy-app
Xvnc :1 -SecurityTypes None -rfbport 5901
marimo edit --no-token --host 0.0.0.0
