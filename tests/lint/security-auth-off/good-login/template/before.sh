#!/usr/bin/env bash
(
umask 077
cat > "${CONFIG_FILE}" << EOL
c.ServerApp.port = ${port}
c.ServerApp.password = u'sha1:${SALT}:${SHA1}'
c.ServerApp.ip = '*'
c.ServerApp.token = ''
EOL
)
