export RSTUDIO_PASSWORD="bluehorse7"
server --env JWT_SECRET="bluehorse8" --env COOKIE_KEYS="bluehorse9" --env DEFAULT_ADMIN_PASSWORD="DEMO_PASSWORD"
