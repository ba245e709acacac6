#!/bin/bash
cat > config.py <<EOL
c.ServerApp.ip = '*'
c.ServerApp.token = ''
c.ServerApp.password = ''
EOL
