cat > config.py <<EOF
c.ServerApp.allow_origin = '*'
c.ServerApp.disable_check_xsrf = True
EOF
