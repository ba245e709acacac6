#!/bin/bash
export APPTAINERENV_PASSWORD="password"
apptainer run rstudio.sif rserver --auth-none=1
