#!/bin/bash
jupyter lab --config=config.py --ServerApp.allow_unauthenticated_access=True
