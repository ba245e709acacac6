#!/bin/bash
export DB_PASSWORD="blue horse".7
export POSTGRES_PASSWORD="bluehorse7"
rserver --auth-none=1
