c = get_config()
c.ServerApp.allow_origin_pat = '.*'
