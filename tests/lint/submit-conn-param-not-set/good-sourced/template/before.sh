source ./tokens.sh
