#!/bin/bash
# jupyter lab --ServerApp.allow_origin='*'
jupyter lab --ServerApp.allow_origin_pat='https://.*[.]example[.]edu'
