#!/bin/bash
jupyter lab --config="${CONFIG_FILE}" \
  --ServerApp.disable_check_xsrf=True
