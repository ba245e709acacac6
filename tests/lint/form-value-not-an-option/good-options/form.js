$("#batch_connect_session_context_q").append("<option>long</option>");
