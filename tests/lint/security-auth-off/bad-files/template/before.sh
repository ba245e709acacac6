cat > config.yaml <<EOF
bind-addr: 0.0.0.0:8080
auth: none
EOF
cat > rserver.conf <<EOF
auth-none=1
EOF
export MWI_ENABLE_TOKEN_AUTH='False'
