$("#batch_connect_session_context_node_type").append("<option>hugemem</option>")
